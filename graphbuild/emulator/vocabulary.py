# ruff: noqa: RUF001 - odd letters are what these titles are for
"""Words of made-up worlds: no family, actor, firm or person in them exists."""

from __future__ import annotations

FAMILIES = (
    ("win", "Brindlefox"),
    ("elf", "Tallowrat"),
    ("win", "GlassHeron"),
    ("apk", "Nettlebark"),
    ("win", "Copperwick"),
    ("osx", "Saltmarrow"),
    ("win", "DrowsyLoom"),
    ("elf", "Velvetpike"),
    ("win", "Hollowreed"),
    ("ps1", "Ashenlark"),
    ("win", "Quillfin"),
    ("js", "Mothlantern"),
)

ACTORS = (
    "Quiet Ferryman",
    "Amber Tinker",
    "Paper Orchard",
    "Ninth Cartographer",
    "Cold Almanac",
    "Lantern Guild",
    "Wandering Clerk",
    "Salt Choir",
)

VENDORS = (
    ("Northlight Labs", "blog.northlight-labs.example"),
    ("Harbour Signal", "harboursignal.example"),
    ("Kestrel & Rowe", "research.kestrelrowe.example"),
    ("Fennmoor CERT", "cert.fennmoor.example"),
    ("Bluestile Research", "bluestile.example"),
    ("Tidewater Forensics", "tidewater-forensics.example"),
    ("Open Hash Diary", "diary.openhash.example"),
    ("Gantry Threat Desk", "www.gantrydesk.example"),
)

PEOPLE = (
    "Ilse Vandermolen",
    "R. Okonjo-Hale",
    "Zoë Brännström",
    "Tomás Írigo, Lea Quandt",
    "Мира Одинцова",
    "葉山 澪",
)

SECTORS = (
    "hospitals",
    "freight companies",
    "town halls",
    "grain traders",
    "universities",
    "law firms",
    "water works",
    "newsrooms",
    "shipyards",
    "small banks",
)

TITLES = (
    "{name} returns with a new loader",
    "Inside {name}: from a spreadsheet to the domain controller",
    "How {name} talks to its operators",
    "{name} goes after {sector}",
    "Unpacking {name}, part {number}",
    "A week in the spam of {name}",
    "{name} and the {sector}: lessons from an incident",
    "Tracking {name} by its certificates",
    "What {number} samples of {name} have in common",
    "New persistence in {name}",
    "{name} hides its configuration in pictures",
    "Following the infrastructure of {name}",
    "{name} now steals tokens from browsers",
    "Alert {number}: {name} against {sector}",
    "The {name} of spring – what changed",
    "Hunting {name} with a few rules",
    "{name} drops its macros; shortcuts take over",
    "{name}: indicators of compromise, release {number}",
)

FOREIGN_TITLES = (
    "Обзор активности {name}: новые загрузчики",
    "{name}：新しいローダーの解析（第{number}回）",
    "{name} à l’assaut des hôpitaux – deuxième partie",
    "Größer als gedacht: {name} bei Behörden",
    "{name} 样本分析与关联",
    "Cómo {name} engañó a «{number}» empresas españolas",
)

# Names of files as people send them, and of machines as people rent them.
FILE_NAMES = (
    "invoice",
    "scan",
    "delivery_note",
    "payment_advice",
    "setup",
    "update",
    "photo",
    "contract",
    "timetable",
    "quotation",
)
FILE_SUFFIXES = (".exe", ".dll", ".docm", ".xlsm", ".js", ".lnk", ".pdf.exe", ".elf")

HOSTS = ("cdn", "mail", "static", "img", "panel", "sync", "edge", "assets", "login", "files")
HOST_WORDS = ("harvest", "pebble", "orchid", "tandem", "ferry", "walnut", "meadow", "copper")

# Dates the service should not state, and a careful reader survives.
ODD_DATES = (0, -1, 1_515_715_200_000, 253_402_214_400)
