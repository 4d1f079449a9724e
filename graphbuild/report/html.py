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
from typing import TYPE_CHECKING, NamedTuple

from graphbuild._util import escape_unprintable, format_count
from graphbuild.graph.style import cluster_color
from graphbuild.report.blocks import Heading, collect_claims
from graphbuild.report.claim_kinds import CAMPAIGN_KINDS
from graphbuild.report.content import Code, Stated, parts
from graphbuild.report.entity_text import entity_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.report.blocks import Block
    from graphbuild.report.content import Claim, Content

_MAX_GROUPS = 5  # maximum number of collections to list per proof


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
        link=_link,
        proofs=_proofs(blocks),
        printable=escape_unprintable,
        count=format_count,
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


def _parts(content: Content) -> list[tuple[str, str, Content]]:
    """Return the HTML element of each part of a line or cell, its text, and the content inside.

    The element is empty for text that needs no element. Untrusted text is in ``bdi``, so that text
    from right to left does not change the order of the other parts. For a link to a proof, the
    element is ``a``, the text is the id of the claim, and the last item is the content of the link.
    """
    found: list[tuple[str, str, Content]] = []
    for part in parts(content):
        if isinstance(part, Stated):
            if part.is_linked and part.text.strip():
                found.append(("a", part.claim.id, part.parts))
            else:
                found += _parts(part.parts)
        elif isinstance(part, str):
            found.append(("", part, None))
        else:
            element = "code" if isinstance(part, Code) else "bdi"
            found.append((element, escape_unprintable(part.text), None))
    return found


def _link(content: Content) -> str:
    """Return the id of the first claim to which a line is linked; empty if there is none."""
    linked = (
        part.claim.id for part in parts(content) if isinstance(part, Stated) and part.is_linked
    )
    return next(linked, "")


class _ClaimProof(NamedTuple):
    """The part of a proof that the page shows."""

    claim: Claim
    observations: int  # number of observations
    lines: list[Content]  # collections with their numbers of files and references
    omitted: int  # number of further collections


def _proofs(blocks: Sequence[Block]) -> list[tuple[str, list[_ClaimProof]]]:
    """Return the proofs of the claims in texts, grouped by kind: a title and the proofs.

    Claims about the whole campaign are one group, because a report has only one claim of each kind.
    """
    groups: dict[str, list[_ClaimProof]] = {}
    for claim in collect_claims(blocks, in_figures=False):
        kind = "campaign" if claim.kind in CAMPAIGN_KINDS else claim.kind
        title = kind.replace("_", " ").capitalize()
        groups.setdefault(title, []).append(_summarize_proof(claim))
    return list(groups.items())


def _summarize_proof(claim: Claim) -> _ClaimProof:
    proofs = claim.find_proof()
    groups = [group for proof in proofs for group in proof.groups()]
    lines: list[Content] = [
        (
            "no named collection" if group.collection is None else entity_name(group.collection),
            f": {format_count(group.files, 'file')}, {format_count(group.references, 'reference')}",
        )
        for group in groups[:_MAX_GROUPS]
    ]
    count = sum(len(proof) for proof in proofs)
    return _ClaimProof(claim, count, lines, len(groups) - len(lines))
