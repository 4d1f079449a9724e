# ruff: noqa: INP001 - this folder is not a package
"""Generate the reference of the command line from the commands and options in the code.

When Sphinx reads the page ``docs/cli.md``, the reference replaces a line of it. Typer has its own
copy of Click, so extensions for Click, such as sphinx-click, cannot read its commands.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import typer

from graphbuild.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

    # Typer exports neither its commands nor their contexts.
    Command = Any
    Context = Any

PAGE = "docs/cli"
PLACEHOLDER = "<!-- commands -->"
COMMON_OPTIONS = {"verbose", "quiet", "help"}  # documented once, with the program itself
_MARKUP = re.compile(r"([\\`*_\[\]<>#|])")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")


def setup(application: Sphinx) -> dict[str, bool]:
    """Register the extension; Sphinx calls this function."""
    application.connect("source-read", _insert_reference)
    return {"parallel_read_safe": True}


def _insert_reference(_: Sphinx, page: str, source: list[str]) -> None:
    if page == PAGE:
        source[0] = source[0].replace(PLACEHOLDER, render_reference())


def render_reference() -> str:
    """Return the reference of all commands as MyST Markdown."""
    program = typer.main.get_command(app)
    context = program.make_context("graphbuild", [], resilient_parsing=True)
    return "\n".join(_render_command(program, context))


def _render_command(command: Command, context: Context) -> Iterator[str]:
    """Yield the lines of the section of a command, then those of its subcommands."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"## {context.command_path}\n"
    yield f"```text\n{usage}\n```\n"
    yield from map(_render_paragraph, inspect.cleandoc(command.help).split("\n\n"))
    yield f"```{{program}} {context.command_path}\n```\n"
    for parameter in command.get_params(context):
        if context.parent is None or parameter.name not in COMMON_OPTIONS:
            yield from _render_parameter(parameter, context)
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from _render_command(
            subcommand,
            subcommand.make_context(name, [], parent=context, resilient_parsing=True),
        )


def _render_paragraph(paragraph: str) -> str:
    if paragraph.startswith("\b\n"):  # for Click, lines that must not be wrapped
        return f"```\n{inspect.cleandoc(paragraph[2:])}\n```\n"
    return f"{_escape(paragraph)}\n"


def _render_parameter(parameter: Any, context: Context) -> Iterator[str]:  # noqa: ANN401  as above
    """Yield a parameter as ``--help`` shows it, unless it is hidden."""
    record = parameter.get_help_record(context)
    if record is None:
        return
    names, text = record
    if parameter.param_type_name == "argument":
        yield f"`{names.partition(' ')[0]}`\n: {_escape(text)}\n"
    else:
        yield f"````{{option}} {names}\n{_escape(text)}\n````\n"


def _escape(text: str) -> str:
    """Return text as Markdown; options in it become code."""
    words = _OPTION.split(" ".join(text.split()))
    return "".join(
        f"`{word}`" if word.startswith("--") else _MARKUP.sub(r"\\\1", word) for word in words
    )
