"""The API key: its sources, invalid keys, and its absence from messages and representations."""

from __future__ import annotations

import copy
import os
import pickle
import string
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api import auth
from graphbuild.api.auth import ApiKey, configured_keys, find_api_key
from graphbuild.errors import AuthenticationError
from tests.support.keys import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(auth.__file__).parent
ORIGINAL_SETTINGS_PATH = auth._settings_path  # before it is hidden from all tests
OTHER = "fedcba9876543210" * 4
PRINTABLE = string.ascii_letters + string.digits + string.punctuation

# Typical errors of typing and pasting.
MALFORMED = {
    "a line end": CANARY + "\n",
    "a carriage return": CANARY + "\r\n",
    "a leading space": " " + CANARY,
    "a space within": CANARY[:32] + " " + CANARY[32:],
    "two keys": CANARY + " " + CANARY,
    "a byte order mark": "\ufeff" + CANARY,
    "a Cyrillic letter": CANARY[:-1] + "а",
    "full-width digits": CANARY + "１２",
    "a NUL": CANARY + "\0",
    "a header trick": CANARY + "\r\nHost: evil.example",
}


def describe_value(error: BaseException) -> str:
    """Return all that a traceback shows of an error, with the local variables of the package."""
    text = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in text.stack if Path(frame.filename).is_relative_to(PACKAGE)]
    assert frames
    return f"{error!r} {error} {error.__context__!r} " + " ".join(
        f"{frame.name} {frame.locals}" for frame in frames
    )


def authentication_error(attempt: Callable[[], object]) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        attempt()
    assert not caught.value.sent  # the key is checked before any request
    return caught.value


# --- what a key may be


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_the_error_for_a_malformed_key_does_not_contain_it(text: str) -> None:
    error = authentication_error(lambda: ApiKey(text))
    assert "copy the key again" in str(error)
    assert CANARY[:16] not in describe_value(error)


def test_the_error_for_an_empty_key_has_instructions() -> None:
    assert "VT_APIKEY" in str(authentication_error(lambda: ApiKey("")))


@given(st.one_of(st.text(max_size=80), st.text(PRINTABLE, max_size=80)))
def test_keys_are_printable_ascii_without_spaces(text: str) -> None:
    if text and set(text) <= set(PRINTABLE):
        assert ApiKey(text).reveal() == text
    else:
        with pytest.raises(AuthenticationError):
            ApiKey(text)


@pytest.mark.parametrize("length", [1, 63, 65, 128])
def test_a_key_of_another_length_is_reported_by_its_length(length: int) -> None:
    text = (CANARY * 2)[:length]
    error = authentication_error(ApiKey(text).check_length)
    assert f"{length} characters, expected 64" in str(error)
    assert length == 1 or text not in str(error)


@pytest.mark.parametrize("text", [f'"{CANARY}"', f"{CANARY},{CANARY}", f"<{CANARY[:32]}>"])
def test_a_key_with_quotes_and_two_keys_are_reported_by_their_length(text: str) -> None:
    error = authentication_error(ApiKey(text).check_length)
    assert f"{len(text)} characters, expected 64" in str(error)
    assert CANARY[:16] not in describe_value(error)


@pytest.mark.parametrize("text", ["gti-" + CANARY[4:], "vtai_" + CANARY[5:], "~!" + CANARY[2:]])
def test_a_key_with_punctuation_is_accepted(text: str) -> None:
    ApiKey(text).check_length()


def test_a_key_of_64_characters_is_accepted(key: ApiKey) -> None:
    key.check_length()


# --- what a key shows


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!r:>20}".format, ascii])
def test_no_text_of_a_key_contains_it(key: ApiKey, show: Callable[[object], str]) -> None:
    assert CANARY not in show(key)
    assert "****" in show(key)
    assert CANARY not in show([key, {"key": key}])


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_cannot_be_pickled_or_copied(key: ApiKey, write: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        write(key)


def test_a_key_has_no_dict(key: ApiKey) -> None:
    with pytest.raises(TypeError):
        vars(key)


def test_reveal_returns_the_key(key: ApiKey) -> None:
    assert key.reveal() == CANARY


# --- whether a text contains it


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("x", "x"),
        ("x", "http://evil.example/?k=X"),
        ("x", "http://evil.example/x/index"),
        ("gti-a_b", "k=gti-a_b&m=1"),
        ("gti-a_b", "_GTI-A_B_"),
        ("a.c*", "(a.c*)"),
        (CANARY, f"h,k\n1,{CANARY.upper()}\n"),
    ],
)
def test_a_key_is_found_as_a_whole_token(key: str, text: str) -> None:
    assert ApiKey(key).is_in(text)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("x", ""),
        ("x", "http://evil.example/index"),
        ("x", "0x1"),
        ("gti-a_b", "gti-a_bc"),
        ("a.c*", "abc"),
        (CANARY, f"{CANARY}0"),
    ],
)
def test_a_key_is_not_found_inside_a_longer_token(key: str, text: str) -> None:
    assert not ApiKey(key).is_in(text)


# --- where it is found


def at_home(home: Path, text: str, mode: int = 0o600) -> Path:
    path = home / ".vt.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_the_environment_variable_has_precedence(tmp_path: Path) -> None:
    at_home(tmp_path, 'apikey = "other"')
    assert find_api_key({"VT_APIKEY": CANARY}, tmp_path).reveal() == CANARY


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VT_APIKEY", CANARY)
    assert find_api_key().reveal() == CANARY


def test_the_settings_file_is_the_fallback(tmp_path: Path) -> None:
    at_home(tmp_path, f'proxy = ""\napikey = "{CANARY}"\n')
    assert find_api_key({}, tmp_path).reveal() == CANARY


def test_the_home_of_the_user_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_settings_path", ORIGINAL_SETTINGS_PATH)
    monkeypatch.setenv("HOME", str(tmp_path))
    at_home(tmp_path, f'apikey = "{CANARY}"')
    assert find_api_key({}).reveal() == CANARY


def test_a_user_without_a_home_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_settings_path", ORIGINAL_SETTINGS_PATH)

    def nowhere(_: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(nowhere))
    assert "no API key found" in str(authentication_error(lambda: find_api_key({})))


def test_the_error_without_a_key_names_both_sources(tmp_path: Path) -> None:
    message = str(authentication_error(lambda: find_api_key({}, tmp_path)))
    assert "VT_APIKEY" in message
    assert ".vt.toml" in message


def test_an_empty_variable_is_an_error(tmp_path: Path) -> None:
    at_home(tmp_path, f'apikey = "{CANARY}"')
    assert "empty" in str(authentication_error(lambda: find_api_key({"VT_APIKEY": ""}, tmp_path)))


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_variable_is_not_shown(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # An environment variable cannot contain a NUL.
    monkeypatch.setenv("VT_APIKEY", text.replace("\0", "\t"))
    assert CANARY[:16] not in describe_value(authentication_error(find_api_key))


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_file_is_read(tmp_path: Path, mode: int) -> None:
    at_home(tmp_path, f'apikey = "{CANARY}"', mode)
    assert find_api_key({}, tmp_path).reveal() == CANARY


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601, 0o610, 0o666, 0o777])
def test_a_file_with_permissions_for_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = at_home(tmp_path, f'apikey = "{CANARY}"', mode)
    error = authentication_error(lambda: find_api_key({}, tmp_path))
    assert f"mode {mode:04o}" in str(error)
    assert f"chmod 600 {path}" in str(error)
    assert CANARY not in describe_value(error)


BROKEN = [
    f"apikey = {CANARY}",
    f"apikey = '{CANARY}",
    f'apikey = "{CANARY}" "{CANARY}"',
    f'apikey = "{CANARY}"\napikey = "{CANARY}"',
    CANARY,
    f'apikey = "{CANARY}\\q"',
    f'apikey = "{CANARY}"\nx = ' + "[" * 5_000,
]


@pytest.mark.parametrize("text", [*BROKEN, f'apikey = "{CANARY[:60]} x"', f'"apikey"=\n"{CANARY}"'])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_each_configured_key_is_found_also_if_it_is_not_in_use(
    tmp_path: Path, text: str, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home(tmp_path, text, mode)
    monkeypatch.setenv("VT_APIKEY", f" {OTHER} ")
    first, *others = configured_keys(tmp_path)
    assert first == OTHER
    assert any(CANARY[:60] in key for key in others)


def test_a_configured_key_may_have_quotes_and_its_comment_is_no_part_of_it(tmp_path: Path) -> None:
    at_home(tmp_path, "user = 'me'\napikey = 'a\"b#c'  # see https://www.virustotal.com\nx = 1\n")
    _, *others = configured_keys(tmp_path)
    assert others == ["a\"b#c'"]


def test_without_a_settings_file_only_the_variable_is_found(tmp_path: Path) -> None:
    assert configured_keys(tmp_path) == [""]


@pytest.mark.parametrize("text", BROKEN)
def test_the_error_for_a_broken_file_does_not_quote_it(tmp_path: Path, text: str) -> None:
    at_home(tmp_path, text)
    error = authentication_error(lambda: find_api_key({}, tmp_path))
    assert "not a readable TOML file" in str(error)
    assert CANARY not in describe_value(error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f'api_key = "{CANARY}"',
        f'apikey = ["{CANARY}"]',
        f'[apikey]\nx = "{CANARY}"',
        "apikey = 5",
    ],
)
def test_the_error_for_a_file_without_a_key_does_not_quote_it(tmp_path: Path, text: str) -> None:
    at_home(tmp_path, text)
    error = authentication_error(lambda: find_api_key({}, tmp_path))
    assert "has no apikey" in str(error)
    assert CANARY not in describe_value(error)


def test_a_binary_file_is_reported(tmp_path: Path) -> None:
    at_home(tmp_path, "").write_bytes(b"\xff\xfe\x00")
    assert "not a readable TOML file" in str(
        authentication_error(lambda: find_api_key({}, tmp_path))
    )


def test_a_folder_of_that_name_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".vt.toml").mkdir()
    assert "no API key found" in str(authentication_error(lambda: find_api_key({}, tmp_path)))


@pytest.mark.parametrize("denied", ["is_file", "open"])
def test_an_unreadable_file_is_reported(
    tmp_path: Path, denied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is simulated, since root can read every file."""
    at_home(tmp_path, f'apikey = "{CANARY}"')

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, denied, deny)
    monkeypatch.setattr(Path, "open", deny)
    assert "not a readable TOML file" in str(
        authentication_error(lambda: find_api_key({}, tmp_path))
    )


def test_permissions_are_checked_on_posix_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home(tmp_path, f'apikey = "{CANARY}"', 0o666)
    with monkeypatch.context() as patch:
        patch.setattr(auth.os, "name", "nt")
        assert auth.find_api_key({}, tmp_path).reveal() == CANARY
    assert os.name == "posix"
