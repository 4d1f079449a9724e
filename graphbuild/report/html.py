"""Render a report as one HTML page without scripts, network requests and external links.

Jinja escapes all text. Only our own style sheet and the figures are inserted as markup; the figures
escape untrusted text themselves. The content security policy allows this one style sheet, by its
hash, and nothing else, so injected markup could neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild._util import MixedText
    from graphbuild.report.blocks import Block


def render_html(blocks: Sequence[Block]) -> str:
    """Render the report; the first block must be its title."""
    from jinja2 import DictLoader, Environment  # noqa: PLC0415  needed only for HTML
    from markupsafe import Markup  # noqa: PLC0415  needed only for HTML

    environment = Environment(
        loader=DictLoader({"page.html": _read("page.html")}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = _read("style.css")
    return environment.get_template("page.html").render(
        blocks=[(type(block).__name__, block) for block in blocks],
        parts=_parts,
        style=Markup(style),  # noqa: S704  from our own file
        markup=Markup,
        policy=_policy(style),
    )


def _parts(text: MixedText) -> list[tuple[bool, str]]:
    """Return the parts of a text, and whether each is untrusted."""
    return [
        (True, escape_unprintable(part.text)) if isinstance(part, UntrustedText) else (False, part)
        for part in text
    ]


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )


def _read(name: str) -> str:
    """Read a resource with the line ends of an HTML parser, on which the hash depends."""
    content = (files("graphbuild.report") / name).read_text(encoding="utf-8")
    return content.replace("\r\n", "\n")
