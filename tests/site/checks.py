"""Find problems of the built site; each check yields a sentence per problem."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from graphbuild.cli.main import app
from tests.site.pages import FRONT_PAGE, css_addresses, is_external, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.site.pages import Page

    Inventory = set[tuple[str, str]]

# The modules whose public names have entries. The names of the first one stay the same in 1.x.
MODULES = (
    "graphbuild",
    "graphbuild.analysis",
    "graphbuild.engines",
    "graphbuild.exporters",
    "graphbuild.report",
)
# Public classes of modules that need an extra, so that the modules above do not import them.
ENGINES = ("graphbuild.engines.duckdb.DuckDBEngine", "graphbuild.engines.spark.SparkEngine")
# The first tasks of newcomers -> the command that the page of the task must show.
TASKS = {
    "Get your list into Gephi": "graphbuild export",
    "Find out which of your files belong together": "graphbuild communities",
    "Learn every week what is new": "graphbuild watch",
}
CLICKS = 2
_WITHOUT_LINKS = {"search.html"}  # the search field leads there
_START = "index.html"  # leads from the folder to the front page


def check_names(inventory: Inventory) -> Iterator[str]:
    """Find public functions, classes and members of classes that are not documented."""
    documented = {name for kind, name in inventory if kind.startswith("py:")}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value):  # constants are documented where they are used
                yield from _check_name(f"{module_name}.{name}", value, documented)
    for path in ENGINES:
        module_name, _, name = path.rpartition(".")
        yield from _check_name(
            path, getattr(importlib.import_module(module_name), name), documented
        )


def _check_name(path: str, value: object, documented: set[str]) -> Iterator[str]:
    if path not in documented:
        yield f"{path} is not on the site"
    if not inspect.getdoc(value):
        yield f"{path} has no docstring"
    if inspect.isclass(value):
        yield from _check_members(path, value, documented)


def _check_members(path: str, class_: type, documented: set[str]) -> Iterator[str]:
    for name, member in vars(class_).items():
        is_member = inspect.isroutine(member) or isinstance(member, property)
        if is_member and not name.startswith("_") and f"{path}.{name}" not in documented:
            yield f"{path}.{name} is not on the site"


def check_options(inventory: Inventory) -> Iterator[str]:
    """Find options that ``--help`` of any command shows, but that are not documented."""
    documented = {name for kind, name in inventory if kind == "std:cmdoption"}
    common = _options(_help())
    for words in ((), *_commands()):
        program = "-".join(["graphbuild", *words])
        for option in _options(_help(*words)):
            if option not in common and f"{program}.{option}" not in documented:
                yield f"{program} {option} is not on the site"
    for option in common:
        if f"graphbuild.{option}" not in documented:
            yield f"{option} is not on the site"


def _help(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"])
    if result.exit_code:
        raise RuntimeError(result.output)
    return result.output


def _commands(*words: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command below a command."""
    listing = _help(*words).partition("\nCommands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^  ([a-z]+) ", listing, re.MULTILINE):
        yield (*words, name)
        yield from _commands(*words, name)


def _options(text: str) -> list[str]:
    listing = text.partition("\nOptions:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  (?:-\w, )?(--[a-z-]+)", listing, re.MULTILINE)


def check_hosts(site: Path, pages: dict[str, Page]) -> Iterator[str]:
    """Find files of other hosts that pages or style sheets load."""
    for page in pages.values():
        yield from (f"{page.name} loads {each}" for each in page.loaded if is_external(each))
    for path in sorted(site.rglob("*.css")):
        for address in css_addresses(path.read_text(encoding="utf-8")):
            if is_external(address):
                yield f"{path.relative_to(site)} loads {address}"


def check_links(site: Path, pages: dict[str, Page]) -> Iterator[str]:
    """Find links inside the site whose file or element does not exist."""
    for page in pages.values():
        for link in page.links:
            target = resolve(page.name, link.address)
            if target is None:
                continue
            name, fragment = target
            if not (site / name).is_file():
                yield f"{page.name} links to {link.address}, which does not exist"
            elif fragment and name in pages and fragment not in pages[name].identifiers:
                yield f"{page.name} links to {link.address}, but {name} has no such element"


def check_images(pages: dict[str, Page]) -> Iterator[str]:
    """Find images without a text for people who do not see them."""
    for page in pages.values():
        yield from (f"{page.name}: {each} has no text" for each in page.images_without_text)


def check_reachability(pages: dict[str, Page]) -> Iterator[str]:
    """Find pages that no links lead to from the front page."""
    clicks = count_clicks(pages)
    for name in pages.keys() - clicks.keys() - _WITHOUT_LINKS - {_START}:
        yield f"no links lead from the front page to {name}"
    if FRONT_PAGE not in pages[_START].targets():
        yield f"{_START} does not lead to the front page"


def count_clicks(pages: dict[str, Page]) -> dict[str, int]:
    """Return how many clicks lead from the front page to each page."""
    clicks, found = {FRONT_PAGE: 0}, [FRONT_PAGE]
    for name in found:
        for target in pages[name].targets() & pages.keys() - clicks.keys():
            clicks[target] = clicks[name] + 1
            found.append(target)
    return clicks


def check_tasks(pages: dict[str, Page]) -> Iterator[str]:
    """Find tasks that the front page does not name, or whose page lacks the command."""
    links = {" ".join(link.text.split()): link for link in pages[FRONT_PAGE].links if link.in_text}
    clicks = count_clicks(pages)
    for task, command in TASKS.items():
        target = resolve(FRONT_PAGE, links[task].address) if task in links else None
        if target is None:
            yield f"the front page does not name the task {task!r}"
        elif clicks[target[0]] > CLICKS:
            yield f"{task!r} takes {clicks[target[0]]} clicks"
        elif command not in pages[target[0]].code:
            yield f"{target[0]} does not show {command!r}"
