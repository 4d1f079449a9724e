"""The API key: read from where the user keeps it, shown to nobody.

Found in ``VT_APIKEY``, or in the ``apikey`` of ``.vt.toml`` in the home folder, where the official
command line keeps it (https://github.com/VirusTotal/vt-cli). The user's name may stand beside it.
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from graphbuild.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "VT_APIKEY"
USER_VARIABLE = "VT_USER"
LENGTH = 64  # of every key seen: 64 letters and digits
_HOW = (
    f'put your key into the variable {VARIABLE}, or into ~/.vt.toml as apikey = "..." (chmod 600)'
)


class ApiKey:
    """An API key that shows itself to nobody but :meth:`reveal`'s caller.

    Args:
        text: the key. It is checked here, because what ``requests`` says of a header value that it
            refuses contains the value.

    Raises:
        AuthenticationError: it cannot be a key; the message does not contain it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        problem = _problem(text)
        if problem:
            del text  # a traceback may show what stands in this frame
            raise AuthenticationError(problem)
        self._text = text

    def reveal(self) -> str:
        """The key itself, for the one place that sends it."""
        return self._text

    def check_length(self) -> None:
        """Raise AuthenticationError unless the key is as long as the service's keys are."""
        if len(self._text) != LENGTH:
            raise AuthenticationError(
                f"the API key has {len(self._text)} characters, expected {LENGTH}"
            )

    def __repr__(self) -> str:
        return "ApiKey(****)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not written to disk")


def _problem(text: str) -> str:
    if not text:
        return f"the API key is empty; {_HOW}"
    if not (text.isascii() and text.isalnum()):
        return (
            f"the API key has {len(text)} characters, of which some are neither letters nor "
            "digits (a space, a quote, a line end?); copy it again"
        )
    return ""


def find_api_key(environment: Mapping[str, str] | None = None, home: Path | None = None) -> ApiKey:
    """The user's key, from the environment or the home folder.

    Args:
        environment: the variables; the process's own by default.
        home: where ``.vt.toml`` may lie; the user's home by default.

    Raises:
        AuthenticationError: there is none, it is malformed, or others can read the file.
    """
    return ApiKey(_found(environment, home))


def find_user_name(environment: Mapping[str, str] | None = None, home: Path | None = None) -> str:
    """The user's name at the service, from ``VT_USER`` or ``user`` in ``.vt.toml``.

    Nothing needs it but the question for what is left of the quotas; empty where there is none.

    Args:
        environment: the variables; the process's own by default.
        home: where ``.vt.toml`` may lie; the user's home by default.
    """
    text = (os.environ if environment is None else environment).get(USER_VARIABLE)
    if text is not None:
        return text.strip()
    home = home or _home()
    path = home / ".vt.toml" if home else None
    try:
        found = (_settings(path) or {}).get("user") if path else None
    except AuthenticationError:  # a file that others can read: whoever needs the key will tell
        return ""
    return found.strip() if isinstance(found, str) else ""


def _found(environment: Mapping[str, str] | None, home: Path | None) -> str:
    text = (os.environ if environment is None else environment).get(VARIABLE)
    return _from_file(home or _home()) if text is None else text


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user without one
        return None


def _from_file(home: Path | None) -> str:
    path = home / ".vt.toml" if home else None
    if path is None or not _is_there(path):
        raise AuthenticationError(f"no API key found; {_HOW}")
    settings = _settings(path)
    if settings is None:
        raise AuthenticationError(f"{path} is not a readable TOML file")
    found = settings.get("apikey")
    del settings  # a traceback may show what stands in this frame
    if isinstance(found, str):
        return found
    del found
    raise AuthenticationError(f"{path} has no apikey; {_HOW}")


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return True  # to open it will tell


def _settings(path: Path) -> dict[str, object] | None:
    """What the file says; None if it cannot be read.

    Why not is kept back: what tomllib says of a bad line may quote it, and the key stands there.
    """
    try:
        with path.open("rb") as stream:
            _refuse_shared(path, os.fstat(stream.fileno()).st_mode)
            return tomllib.load(stream)
    except (OSError, ValueError, RecursionError):
        return None


def _refuse_shared(path: Path, mode: int) -> None:
    rights = stat.S_IMODE(mode)
    if os.name == "posix" and rights & 0o077:
        raise AuthenticationError(
            f"others can read {path} (mode {rights:04o}); run: chmod 600 {path}"
        )
