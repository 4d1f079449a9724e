"""Power loss: unsynced writes are lost in part, and no page told as stored goes with them (G14).

A crawl is recorded under strace: every write to the campaign file and its log, with its bytes,
every sync, rename and truncation, and every step told to the person. A round takes the record up to
a random point and builds the files as a disk may hold them after the power failed there: what was
synced stands; of what was not, any sector of 512 bytes may or may not have arrived; of the folder's
own changes, the first so many since it was last synced. Then the file must open, be sound, and hold
at least the pages told by then.

This runs what is shipped, on the SQLite that is shipped with Python. A shim below another SQLite
(apsw) would run neither.
"""

from __future__ import annotations

import random
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.errors import StoreError
from graphbuild.store import Store, find_damage
from tests.torture import tracing
from tests.torture.campaigns import Campaign, integrity
from tests.torture.results import PartResult
from tests.torture.tracing import traced

if TYPE_CHECKING:
    from pathlib import Path

    from tests.torture.forking import Zygote
    from tests.torture.tracing import Call

_SECTOR = 512
_SYSCALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink"
_ALL = str(1 << 24)  # bytes of a write that strace shows: all
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"$')
_PWRITE = re.compile(r"[0-9]+<(?P<path>[^>]*)>, (?P<text>\S+), [0-9]+, (?P<at>[0-9]+)\) = [0-9]+$")
_WRITE = re.compile(r"[0-9]+<(?P<path>[^>]*)>, (?P<text>\S+), [0-9]+\) = [0-9]+$")
_SYNC = re.compile(r"[0-9]+<(?P<path>[^>]*)>\) = 0$")
_TRUNCATE = re.compile(r"[0-9]+<(?P<path>[^>]*)>, (?P<size>[0-9]+)\) = 0$")
_NAMES = re.compile(r'"(?P<one>[^"]*)"(?:, "(?P<two>[^"]*)")?\) = 0$')
_OPEN = re.compile(
    r'AT_FDCWD(?:<[^>]*>)?, "(?P<path>[^"]*)", (?P<flags>[A-Z_|]+)(?:, \S+)?\) = [0-9]+'
)
_PATTERNS = {
    "fsync": _SYNC,
    "fdatasync": _SYNC,
    "ftruncate": _TRUNCATE,
    "rename": _NAMES,
    "unlink": _NAMES,
    "openat": _OPEN,
}
_PAGE = re.compile(rb"^[0-9a-f]{32,64}: page [0-9]+, ", re.MULTILINE)


@dataclass(slots=True)
class Content:
    """One file's bytes: as they are synced, and the writes since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes]] = field(default_factory=list)  # place -1: the length is set

    def sync(self) -> None:
        """All writes have arrived."""
        for place, data in self.pending:
            _apply(self.synced, place, data)
        self.pending.clear()

    def after_loss(self, chance: random.Random) -> bytes:
        """What a disk may hold: each unsynced sector arrived or not."""
        likely = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        left = bytearray(self.synced)
        for place, data in self.pending:
            if place < 0:
                if chance.random() < likely:
                    _apply(left, place, data)
                continue
            for start in range(0, len(data), _SECTOR):
                if chance.random() < likely:
                    _apply(left, place + start, data[start : start + _SECTOR])
        return bytes(left)


def _apply(content: bytearray, place: int, data: bytes) -> None:
    if place < 0:
        size = int.from_bytes(data)
        del content[size:]
        content.extend(b"\0" * (size - len(content)))
        return
    content.extend(b"\0" * (place - len(content)))
    content[place : place + len(data)] = data


@dataclass(slots=True)
class Disk:
    """A folder of files: its names as they are synced, and the changes since.

    Attributes:
        now: the files by their present names.
        told: pages that the person was told are stored.
    """

    now: dict[str, Content] = field(default_factory=dict)
    told: int = 0
    _synced: dict[str, Content] = field(default_factory=dict)
    _changes: list[dict[str, Content]] = field(default_factory=list)

    def change(self, one: str, two: str | None = None, *, made: bool = False) -> None:
        """A file is made, removed, or renamed to ``two``."""
        if made:
            self.now[one] = Content()
        else:
            content = self.now.pop(one, None)
            if two is not None and content is not None:
                self.now[two] = content
        self._changes.append(dict(self.now))

    def sync_folder(self) -> None:
        """All names have arrived."""
        self._synced = dict(self.now)
        self._changes.clear()

    def after_loss(self, chance: random.Random) -> dict[str, bytes]:
        """The files a disk may hold: names change in their order, up to some point."""
        names = chance.choice([self._synced, *self._changes])
        return {name: content.after_loss(chance) for name, content in names.items()}


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Record a crawl and lose the power at random points of it."""
    result = PartResult("power")
    result.missing = tracing.possible()
    if result.missing:
        return result
    chance = random.Random(seed)
    with Campaign(folder / "recorded", 1, zygote) as campaign:
        options = ("-xx", "-s", _ALL, "-e", f"trace={_SYSCALLS}")
        code, calls = traced(campaign, campaign.crawl_command(), *options)
        result.check(code == 0, f"the recorded crawl ends with {code}")
        home = str(campaign.folder)
    own = [call for call in calls if _hex(home) in call.rest or home in call.rest]
    points = sorted(chance.randrange(1, len(own) + 1) for _ in range(rounds))
    disk, told = Disk(), 0
    for number, call in enumerate(own, start=1):
        _happen(disk, call, home)
        while points and points[0] == number:
            points.pop(0)
            _lose(result, disk, chance, folder / "lost", f"after call {number} of {len(own)}")
            told = disk.told
    result.notes.append(f"{len(own)} calls recorded, {told} pages told by the last loss")
    return result.finish()


def _lose(result: PartResult, disk: Disk, chance: random.Random, place: Path, what: str) -> None:
    """Build what is left and look at it with the package's own eyes."""
    result.rounds += 1
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    left = disk.after_loss(chance)
    for name, content in left.items():
        if not name.endswith(("-shm", ".lock", ".out", ".err")):
            (place / name).write_bytes(content)
    path = place / "campaign.db"
    if not path.exists():
        result.lost += disk.told
        result.check(disk.told == 0, f"{what}: the file is gone, {disk.told} pages were told")
        return
    try:
        with Store.open(path) as store:
            pages = store.totals().pages
            wrong = [str(each) for each in find_damage(store)]
    except StoreError as error:
        result.unreadable += 1
        result.failures.append(f"{what}: the campaign file does not open: {error}")
        return
    lost = max(0, disk.told - pages)
    result.lost += lost
    result.check(not lost, f"{what}: {lost} of {disk.told} pages told as stored are lost")
    result.check(not wrong, f"{what}: the check finds {wrong[:1]}")
    result.check(integrity(path) == "ok", f"{what}: SQLite finds it damaged")


# --- what a call does to the disk ----------------------------------------------------------------


def _hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def _plain(rest: str) -> str:
    """A call's line with its names (not its data) readable."""
    return re.sub(r"(?:\\x[0-9a-f]{2})+", lambda found: _bytes(found[0]).decode("latin-1"), rest)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _happen(disk: Disk, call: Call, home: str) -> None:
    """Do to the disk what a call did; one that failed does nothing."""
    if " = -1 " in call.rest[-80:]:
        return
    if call.name in {"pwrite64", "write"}:
        _written(disk, call)
        return
    found = _understood(_PATTERNS[call.name], _plain(call.rest))
    if call.name in {"fsync", "fdatasync"}:
        _synced(disk, found["path"], home)
    elif call.name == "ftruncate":
        content = disk.now.get(_name(found["path"]))
        if content:
            content.pending.append((-1, int(found["size"]).to_bytes(8)))
    elif call.name == "openat":
        name = _name(found["path"])
        if "O_CREAT" in found["flags"] and name not in disk.now:
            disk.change(name, made=True)
    else:
        disk.change(_name(found["one"]), _name(found["two"]) if found["two"] else None)


def _understood(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """A match; to pass over a call would make every loss the rig's own."""
    found = pattern.match(text)
    if found is None:
        raise RuntimeError(f"strace says what is not understood: {text[:80]} ... {text[-80:]}")
    return found


def _synced(disk: Disk, path: str, home: str) -> None:
    if path == home:
        disk.sync_folder()
    elif _name(path) in disk.now:
        disk.now[_name(path)].sync()


def _written(disk: Disk, call: Call) -> None:
    found = _understood(_PWRITE if call.name == "pwrite64" else _WRITE, call.rest)
    data = _bytes(_understood(_TEXT, found["text"])[1])
    name = _name(_plain(found["path"]))
    if name.endswith(".err"):
        disk.told += len(_PAGE.findall(data))
    elif call.name == "pwrite64" and name in disk.now:
        disk.now[name].pending.append((int(found["at"]), data))


def _name(path: str) -> str:
    return path.rpartition("/")[2]
