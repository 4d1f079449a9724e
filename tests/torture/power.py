"""Simulated power loss: no page that was printed as stored may be lost (G14).

strace records a crawl: writes to the campaign file and its log, syncs, renames, truncations, and
the printed steps. Each round replays the record up to a random point and builds the files that a
disk may contain after a power loss there. Synced data is kept. Of other writes, each sector of 512
bytes is either written or lost. Of the changes to the folder since its last sync, the first ones
are kept. The campaign file must then open, be valid, and contain all pages printed so far.

The test uses the SQLite library of Python, not a special build.
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
from tests.torture.campaigns import Campaign, check_integrity
from tests.torture.results import PartResult
from tests.torture.tracing import traced

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote
    from tests.torture.tracing import Call

_SECTOR = 512
_SYSCALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink"
_ALL = str(1 << 24)  # bytes of a write that strace prints
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
    """The synced bytes of a file, and the writes since the last sync."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes]] = field(
        default_factory=list
    )  # position -1: the length changes

    def sync(self) -> None:
        """Apply all pending writes."""
        for position, data in self.pending:
            _apply(self.synced, position, data)
        self.pending.clear()

    def after_loss(self, rng: random.Random) -> bytes:
        """Return a possible content after a power loss: each pending sector is written or not."""
        likely = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        left = bytearray(self.synced)
        for position, data in self.pending:
            if position < 0:
                if rng.random() < likely:
                    _apply(left, position, data)
                continue
            for start in range(0, len(data), _SECTOR):
                if rng.random() < likely:
                    _apply(left, position + start, data[start : start + _SECTOR])
        return bytes(left)


def _apply(content: bytearray, position: int, data: bytes) -> None:
    if position < 0:
        size = int.from_bytes(data)
        del content[size:]
        content.extend(b"\0" * (size - len(content)))
        return
    content.extend(b"\0" * (position - len(content)))
    content[position : position + len(data)] = data


@dataclass(slots=True)
class Disk:
    """A folder: its synced names, and the changes since the last sync.

    Attributes:
        now: the current files by name.
        printed: the number of pages that the crawl printed as stored.
    """

    now: dict[str, Content] = field(default_factory=dict)
    printed: int = 0
    _synced: dict[str, Content] = field(default_factory=dict)
    _changes: list[dict[str, Content]] = field(default_factory=list)

    def change(self, one: str, two: str | None = None, *, made: bool = False) -> None:
        """Create or remove a file, or rename it to ``two``."""
        if made:
            self.now[one] = Content()
        else:
            content = self.now.pop(one, None)
            if two is not None and content is not None:
                self.now[two] = content
        self._changes.append(dict(self.now))

    def sync_folder(self) -> None:
        """Apply all pending changes of names."""
        self._synced = dict(self.now)
        self._changes.clear()

    def after_loss(self, rng: random.Random) -> dict[str, bytes]:
        """Return possible files after a power loss: the first changes of names are kept."""
        names = rng.choice([self._synced, *self._changes])
        return {name: content.after_loss(rng) for name, content in names.items()}


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Record a crawl and simulate power losses at random points."""
    result = PartResult("power")
    result.missing = tracing.possible()
    if result.missing:
        return result
    rng = random.Random(seed)
    with Campaign(folder / "recorded", 1, zygote) as campaign:
        options = ("-xx", "-s", _ALL, "-e", f"trace={_SYSCALLS}")
        code, calls = traced(campaign, campaign.crawl_command(), *options)
        result.check(code == 0, f"the recorded crawl ends with {code}")
        home = str(campaign.folder)
    own = [call for call in calls if _hex(home) in call.rest or home in call.rest]
    points = sorted(rng.randrange(1, len(own) + 1) for _ in range(rounds))
    disk, printed = Disk(), 0
    for number, call in enumerate(own, start=1):
        _happen(disk, call, home)
        while points and points[0] == number:
            points.pop(0)
            _lose(result, disk, rng, folder / "lost", f"after call {number} of {len(own)}")
            printed = disk.printed
    result.notes.append(f"{len(own)} calls recorded, {printed} pages printed by the last loss")
    return result.finish()


def _lose(result: PartResult, disk: Disk, rng: random.Random, position: Path, what: str) -> None:
    """Build the remaining files and check them."""
    result.rounds += 1
    shutil.rmtree(position, ignore_errors=True)
    position.mkdir()
    left = disk.after_loss(rng)
    for name, content in left.items():
        if not name.endswith(("-shm", ".lock", ".out", ".err")):
            (position / name).write_bytes(content)
    path = position / "campaign.db"
    if not path.exists():
        result.lost += disk.printed
        result.check(disk.printed == 0, f"{what}: the file is gone, {disk.printed} pages were told")
        return
    try:
        with Store.open(path) as store:
            pages = store.totals().pages
            wrong = [str(each) for each in find_damage(store)]
    except StoreError as error:
        result.unreadable += 1
        result.failures.append(f"{what}: the campaign file does not open: {error}")
        return
    lost = max(0, disk.printed - pages)
    result.lost += lost
    result.check(not lost, f"{what}: {lost} of {disk.printed} pages printed as stored are lost")
    result.check(not wrong, f"{what}: the check finds {wrong[:1]}")
    result.check(check_integrity(path) == "ok", f"{what}: SQLite finds it damaged")


# --- effects of system calls ----------------------------------------------------------------


def _hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def _plain(rest: str) -> str:
    """Decode the names in the line of a call."""
    return re.sub(r"(?:\\x[0-9a-f]{2})+", lambda found: _bytes(found[0]).decode("latin-1"), rest)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _happen(disk: Disk, call: Call, home: str) -> None:
    """Apply a system call to the disk; ignore failed calls."""
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
    """Match a line or fail: a skipped call would make the simulation wrong."""
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
        disk.printed += len(_PAGE.findall(data))
    elif call.name == "pwrite64" and name in disk.now:
        disk.now[name].pending.append((int(found["at"]), data))
    elif name.endswith("-wal") and name in disk.now:  # the content of a new log
        disk.now[name].pending.append((0, data))


def _name(path: str) -> str:
    return path.rpartition("/")[2]
