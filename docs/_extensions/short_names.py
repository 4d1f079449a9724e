# ruff: noqa: INP001 - this folder is not a package
"""Link names without a module, such as ``Totals``, or with the module that defines them.

Annotations contain such names because many modules are imported for type checkers only, and because
packages export names of their modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils.nodes import Element, TextElement
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_ANY_MODULE = 1  # search mode of the Python domain


def setup(application: Sphinx) -> dict[str, bool]:
    """Register the extension; Sphinx calls this function."""
    application.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}


def _resolve(
    application: Sphinx, environment: BuildEnvironment, node: pending_xref, content: TextElement
) -> Element | None:
    """Return a link to the object with the name of ``node``; None if several have it."""
    if node.get("refdomain") != "py" or node["reftype"] == "mod":
        return None
    domain = environment.domains.python_domain
    name = node["reftarget"].rpartition(".")[2]
    found = domain.find_obj(environment, None, None, name, node["reftype"], _ANY_MODULE)
    names = [full_name for full_name, _ in found]
    public = f"graphbuild.{name}"
    if len(names) != 1 and public not in names:
        return None
    node["reftarget"] = public if public in names else names[0]
    page, builder = node["refdoc"], application.builder
    return domain.resolve_xref(
        environment, page, builder, node["reftype"], node["reftarget"], node, content
    )
