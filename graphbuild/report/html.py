"""Render a report as one HTML page without scripts, network requests or external links.

Jinja escapes all text. Only the style sheet and the figures are inserted as markup; ``charts.py``
escapes the text of figures. The content security policy of the page allows only this style sheet
(by its hash) and images in ``data:`` URLs. Therefore, even injected markup could not run scripts or
load resources.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from graphbuild._util import escape_unprintable
from graphbuild.graph.style import cluster_color
from graphbuild.report.blocks import Code, Heading, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.report.blocks import Block, Content


def render_html(blocks: Sequence[Block]) -> str:
    """Return the report as an HTML page. The first block must be the heading with the title."""
    from jinja2 import Environment  # noqa: PLC0415  needed only for HTML
    from markupsafe import Markup  # noqa: PLC0415  needed only for HTML

    # read_text() converts line endings to LF, as browsers do before they check the hash.
    folder = files("graphbuild.report")
    page = (folder / "page.html").read_text(encoding="utf-8")
    style = (folder / "style.css").read_text(encoding="utf-8") + _swatch_style(blocks)
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(page).render(
        blocks=[(type(block).__name__, block) for block in blocks],
        parts=_parts,
        printable=escape_unprintable,
        style=Markup(style),  # noqa: S704  from a file of this package
        markup=Markup,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'",
    )


def _swatch_style(blocks: Sequence[Block]) -> str:
    """Return the style rules that color the swatches of clusters as in the other outputs."""
    headings = [block for block in blocks if isinstance(block, Heading) and block.cluster]
    return "".join(
        f".swatch.c{each.cluster} {{ background: {cluster_color(each.cluster)}; }}\n"
        for each in headings
    )


def _parts(content: Content) -> list[tuple[str, str]]:
    """Return a pair for each part of a line or cell: the HTML element of the part, and its text.

    The element is empty for text that needs no element. Untrusted text is in ``bdi``, so that text
    from right to left does not change the order of the other parts.
    """
    return [
        ("", part)
        if isinstance(part, str)
        else ("code" if isinstance(part, Code) else "bdi", escape_unprintable(part.text))
        for part in parts(content)
    ]
