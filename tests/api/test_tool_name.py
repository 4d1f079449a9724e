"""The header ``x-tool``: its default, its sources and invalid values."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api.client import Client
from graphbuild.api.tool_name import check_tool_name, find_tool_name
from graphbuild.emulator import Api, generate_family_world
from graphbuild.errors import ApiError, GraphbuildError, ToolNameError
from tests.support.http_listener import answer
from tests.support.shell import seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbuild.api.auth import ApiKey
    from tests.support.http_listener import Listener
    from tests.support.shell import Shell

    Listeners = Callable[..., Listener]

VISIBLE = string.ascii_letters + string.digits + string.punctuation


def sent_tool_names(listener: Listeners, key: ApiKey, **options: object) -> list[bytes]:
    """Return the values of ``x-tool`` in a request of a client and one of its clone."""
    server = listener(answer(b"{}", 404))
    with Client(key, base_url=server.base_url, **options) as client, client.clone() as clone:  # type: ignore[arg-type]  # passed on
        for each in (client, clone):
            with pytest.raises(ApiError):
                each.quotas("analyst")
    prefix = b"x-tool: "
    lines = [line for head in server.heads for line in head.split(b"\r\n")]
    return [line.removeprefix(prefix) for line in lines if line.lower().startswith(prefix)]


def test_every_request_names_graphbuild(listener: Listeners, key: ApiKey) -> None:
    assert sent_tool_names(listener, key) == [b"graphbuild"] * 2


def test_the_variable_replaces_the_name_and_the_argument_replaces_both(
    listener: Listeners, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHBUILD_TOOL", "org.product.1.2")
    assert sent_tool_names(listener, key) == [b"org.product.1.2"] * 2
    assert sent_tool_names(listener, key, tool="My Tool/1.0") == [b"My Tool/1.0"] * 2


@given(st.one_of(st.text(max_size=120), st.text(VISIBLE + " ", max_size=120)))
def test_names_are_printable_ascii_of_up_to_100_characters(name: str) -> None:
    if name.strip(" ") == name and 1 <= len(name) <= 100 and set(name) <= {*VISIBLE, " "}:
        assert check_tool_name(name) == name
        assert find_tool_name({"GRAPHBUILD_TOOL": name}) == name
    else:
        with pytest.raises(ToolNameError):
            check_tool_name(name)


@pytest.mark.parametrize("name", ["", "a\r\nx-apikey: 1", "a\n", "ä", "a\0", " a", "a" * 101])
def test_an_invalid_name_is_refused_before_any_request(
    key: ApiKey, name: str, listener: Listeners
) -> None:
    server = listener(answer(b"{}"))
    with pytest.raises(ToolNameError, match="printable ASCII") as caught:
        Client(key, base_url=server.base_url, tool=name)
    assert isinstance(caught.value, GraphbuildError)
    assert server.connections == 0


@pytest.mark.parametrize("name", ["", "a\r\nb", "ä", "a" * 101])
def test_an_invalid_variable_ends_a_crawl_with_a_message(
    shell: Shell, service: Callable[[Api], str], name: str
) -> None:
    shell.environment["GRAPHBUILD_TOOL"] = name
    api = Api(generate_family_world(1, 3))
    hashes = seeds(shell, *api.world.hashes())
    done = shell("crawl", hashes, "--store", "c.db", "--base-url", service(api))
    assert done.returncode == 1
    assert "GRAPHBUILD_TOOL" in done.stderr
    assert api.log == []
