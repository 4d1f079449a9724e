"""Validation and lookup of the API key and the user name.

The key is read from the environment variable ``VT_APIKEY`` or, if that is not set, from ``apikey``
in ``~/.vt.toml``, the settings file of the official command-line tool
(https://github.com/VirusTotal/vt-cli). The optional user name is read from ``VT_USER`` or, if that
is not set, from ``user`` in the same file.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from graphbuild.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_VARIABLE = "VT_APIKEY"
USER_VARIABLE = "VT_USER"
KEY_LENGTH = 64  # characters
_KEY = re.compile("[!-~]+")  # printable ASCII characters without the space
# Finds keys even in a malformed .vt.toml: the text after ``apikey``, up to a trailing comment, and
# every word of at least 64 characters.
_KEYS = re.compile(
    r"apikey[\s=\"']*(.+?)[ \t\r]*(?:\s#.*)?$|([!-~]{64,})", re.IGNORECASE | re.MULTILINE
)
_INSTRUCTIONS = (
    f"put your key into the variable {KEY_VARIABLE}, "
    'or into ~/.vt.toml as apikey = "..." (chmod 600)'
)


def _key_error(message: str) -> AuthenticationError:
    return AuthenticationError(message, sent=False)


class ApiKey:
    """An API key, which ``repr`` and ``str`` do not show, and which cannot be pickled.

    The key is validated here, because ``requests`` would quote an invalid key in an error message.

    Raises:
        AuthenticationError: The key is empty, or contains a space or a character that is not
            printable ASCII. The message does not contain the key.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if _KEY.fullmatch(text):
            self._text = text
            return
        length = len(text)
        del text  # a traceback may show the local variables
        if not length:
            raise _key_error(f"the API key is empty; {_INSTRUCTIONS}")
        raise _key_error(
            f"the API key has {length} characters, and some of them are not printable ASCII "
            "characters (perhaps a space or a line end); copy the key again"
        )

    def reveal(self) -> str:
        """Return the key as text."""
        return self._text

    def is_in(self, text: str) -> bool:
        """Return whether ``text`` contains the key as a whole token, in any letter case.

        The characters before and after the key must not be ASCII letters or digits: otherwise, a
        short key such as ``x`` would be found in most texts.
        """
        pattern = rf"(?<![a-z0-9]){re.escape(self._text)}(?![a-z0-9])"
        return re.search(pattern, text, re.IGNORECASE | re.ASCII) is not None

    def check_length(self) -> None:
        """Raise AuthenticationError unless the key has the length of the service's keys."""
        if len(self._text) != KEY_LENGTH:
            raise _key_error(f"the API key has {len(self._text)} characters, expected {KEY_LENGTH}")

    def __repr__(self) -> str:
        return "ApiKey(****)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key cannot be pickled")


def find_api_key(environment: Mapping[str, str] | None = None, home: Path | None = None) -> ApiKey:
    """Return the API key from ``VT_APIKEY``, or else from ``.vt.toml``.

    Args:
        environment: The environment variables; by default those of the process.
        home: The folder of ``.vt.toml``; by default the user's home.

    Raises:
        AuthenticationError: There is no key, the key is malformed, or the file is invalid or has
            permissions for other users.
    """
    # The key is not stored in a local variable, because a traceback may show local variables.
    return ApiKey(_find(KEY_VARIABLE, "apikey", environment, home))


def find_user_name(environment: Mapping[str, str] | None = None, home: Path | None = None) -> str:
    """Return the user name from ``VT_USER`` or else ``.vt.toml``; an empty string if there is none.

    Only requests for quotas need the user name. The arguments are those of :func:`find_api_key`.
    """
    try:
        return _find(USER_VARIABLE, "user", environment, home).strip()
    except AuthenticationError:  # if the key is in the same file, find_api_key reports the problem
        return ""


def configured_keys(home: Path | None = None) -> list[str]:
    """Return all texts that may be API keys, so that the caller can mask them in output.

    These texts come from ``VT_APIKEY`` and from ``.vt.toml``, even if that file is invalid or not
    used. If ``VT_APIKEY`` is not set, the first text is empty.
    """
    found = [os.environ.get(KEY_VARIABLE, "").strip()]
    with suppress(OSError):
        if path := _settings_path(home):
            text = path.read_bytes().decode(errors="replace")
            found += [one or other for one, other in _KEYS.findall(text)]
    return found


def _find(
    variable: str, setting: str, environment: Mapping[str, str] | None, home: Path | None
) -> str:
    text = (os.environ if environment is None else environment).get(variable)
    return _read_setting(setting, home) if text is None else text


def _read_setting(name: str, home: Path | None) -> str:
    path = _settings_path(home)
    if path is None:
        raise _key_error(f"no API key found; {_INSTRUCTIONS}")
    settings = _read_settings(path)
    if settings is None:
        raise _key_error(f"{path} is not a readable TOML file")
    value = settings.get(name)
    del settings  # a traceback may show the local variables
    if isinstance(value, str):
        return value
    del value
    raise _key_error(f"{path} has no {name}; {_INSTRUCTIONS}")


def _settings_path(home: Path | None) -> Path | None:
    """Return the path of the settings file, or None if there is no such file."""
    try:
        path = (home or Path.home()) / ".vt.toml"
        return path if path.is_file() else None
    except PermissionError:
        return path  # the file may exist; the attempt to read it reports the error
    except RuntimeError:  # the user has no home folder
        return None


def _read_settings(path: Path) -> dict[str, object] | None:
    """Return the settings, or None if the file cannot be read or is not valid TOML.

    The original exception is dropped, because it may contain the key.
    """
    try:
        with path.open("rb") as stream:
            permissions = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if os.name == "posix" and permissions & 0o077:
                raise _key_error(
                    f"{path} has permissions for other users (mode {permissions:04o}); "
                    f"run: chmod 600 {path}"
                )
            return tomllib.load(stream)
    except (OSError, ValueError, RecursionError):
        return None
