"""Render a report as one HTML page without scripts, network requests or external links.

Jinja escapes all text. Only the style sheet of this package and the figures are inserted as markup;
:mod:`charts` escapes the untrusted text in the figures. The content security policy allows only
this style sheet (by its hash) and images in ``data:`` URLs. So even injected markup could neither
run a script nor load a resource from the network.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, escape_unprintable
from graphbuild.report.blocks import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.report.blocks import Block, Content


def render_html(blocks: Sequence[Block]) -> str:
    """Return the report as HTML; the first block must be the title of the report."""
    from jinja2 import Environment  # noqa: PLC0415  needed only for HTML
    from markupsafe import Markup  # noqa: PLC0415  needed only for HTML

    # read_text() converts line endings to LF, as browsers do before they check the hash.
    folder = files("graphbuild.report")
    page = (folder / "page.html").read_text(encoding="utf-8")
    style = (folder / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(page).render(
        blocks=[(type(block).__name__, block) for block in blocks],
        parts=_parts,
        style=Markup(style),  # noqa: S704  from a file of this package
        markup=Markup,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'",
    )


def _parts(content: Content) -> list[tuple[bool, str]]:
    """Return, for each part of a text, whether the part is untrusted, and its content."""
    return [
        (True, escape_unprintable(part.text)) if isinstance(part, UntrustedText) else (False, part)
        for part in parts(content)
    ]
