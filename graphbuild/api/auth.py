"""Validation and lookup of the API key and the user name.

The key is read from the variable ``VT_APIKEY``, or else from ``apikey`` in ``~/.vt.toml``. This is
the settings file of the official command line (https://github.com/VirusTotal/vt-cli). The user name
is optional.
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

KEY_VARIABLE = "VT_APIKEY"
USER_VARIABLE = "VT_USER"
KEY_LENGTH = 64  # characters, each a letter or a digit
_INSTRUCTIONS = (
    f"put your key into the variable {KEY_VARIABLE}, "
    'or into ~/.vt.toml as apikey = "..." (chmod 600)'
)


class ApiKey:
    """An API key that ``repr`` and ``str`` hide and that cannot be pickled.

    The key is validated here because ``requests`` quotes an invalid header in its error message.

    Args:
        text: The key.

    Raises:
        AuthenticationError: The key is malformed. The message does not contain the key.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        problem = _find_problem(text)
        if problem:
            del text  # a traceback may show the local variables
            raise AuthenticationError(problem)
        self._text = text

    def reveal(self) -> str:
        """Return the key as text."""
        return self._text

    def check_length(self) -> None:
        """Raise AuthenticationError unless the key has the length of the service's keys."""
        if len(self._text) != KEY_LENGTH:
            raise AuthenticationError(
                f"the API key has {len(self._text)} characters, expected {KEY_LENGTH}"
            )

    def __repr__(self) -> str:
        return "ApiKey(****)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key cannot be pickled")


def _find_problem(text: str) -> str:
    if not text:
        return f"the API key is empty; {_INSTRUCTIONS}"
    if not (text.isascii() and text.isalnum()):
        return (
            f"the API key has {len(text)} characters, of which some are neither letters nor "
            "digits (a space, a quote, a line end?); copy it again"
        )
    return ""


def find_api_key(environment: Mapping[str, str] | None = None, home: Path | None = None) -> ApiKey:
    """Return the API key from ``VT_APIKEY``, or else from ``.vt.toml``.

    Args:
        environment: The environment variables; by default those of the process.
        home: The folder of ``.vt.toml``; by default the user's home.

    Raises:
        AuthenticationError: There is no key, the key is malformed, or other users can read
            the file.
    """
    # No local variable holds the key, since a traceback may show the variables.
    return ApiKey(_find_key(environment, home))


def find_user_name(environment: Mapping[str, str] | None = None, home: Path | None = None) -> str:
    """Return the user name from ``VT_USER``, or else from ``user`` in ``.vt.toml``.

    Only requests for quotas need the user name.

    Args:
        environment: The environment variables; by default those of the process.
        home: The folder of ``.vt.toml``; by default the user's home.

    Returns:
        The name, or an empty string if there is none.
    """
    text = (os.environ if environment is None else environment).get(USER_VARIABLE)
    if text is not None:
        return text.strip()
    path = _settings_path(home)
    try:
        name = (_read_settings(path) or {}).get("user") if path else None
    except AuthenticationError:  # reported when the key is read from the same file
        return ""
    return name.strip() if isinstance(name, str) else ""


def _find_key(environment: Mapping[str, str] | None, home: Path | None) -> str:
    text = (os.environ if environment is None else environment).get(KEY_VARIABLE)
    return _read_key(home) if text is None else text


def _read_key(home: Path | None) -> str:
    path = _settings_path(home)
    if path is None or not _exists(path):
        raise AuthenticationError(f"no API key found; {_INSTRUCTIONS}")
    settings = _read_settings(path)
    if settings is None:
        raise AuthenticationError(f"{path} is not a readable TOML file")
    key = settings.get("apikey")
    del settings  # a traceback may show the local variables
    if isinstance(key, str):
        return key
    del key
    raise AuthenticationError(f"{path} has no apikey; {_INSTRUCTIONS}")


def _settings_path(home: Path | None) -> Path | None:
    home = home or _home()
    return home / ".vt.toml" if home else None


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # the user has no home
        return None


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return True  # the file may exist; the attempt to read it reports the error


def _read_settings(path: Path) -> dict[str, object] | None:
    """Return the settings, or None if the file cannot be read.

    The reason is dropped, because messages of tomllib may quote the line with the key.
    """
    try:
        with path.open("rb") as stream:
            _check_permissions(path, os.fstat(stream.fileno()).st_mode)
            return tomllib.load(stream)
    except (OSError, ValueError, RecursionError):
        return None


def _check_permissions(path: Path, mode: int) -> None:
    permissions = stat.S_IMODE(mode)
    if os.name == "posix" and permissions & 0o077:
        raise AuthenticationError(
            f"others can read {path} (mode {permissions:04o}); run: chmod 600 {path}"
        )
