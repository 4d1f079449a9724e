# ruff: noqa: INP001 - this folder is not a package
"""Settings of Sphinx; ``make docs`` builds the site with them.

The source folder is the root of the repository. So documents in it and in ``docs`` link to each
other with the paths that code hosts also follow.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import graphbuild

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "graphbuild"
author = "The graphbuild developers"
copyright = author  # noqa: A001 - the name of the setting
release = graphbuild.__version__
language = "en"

extensions = [
    "cli_reference",
    "short_names",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "*.md"]
exclude_patterns = [".*", "output", "dist", "notebooks", "tests", "graphbuild"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
highlight_language = "none"
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
# Annotations name types of other libraries, and aliases of types. This site documents neither.
_LIBRARIES = (
    "anywidget|collections|contextlib|datetime|matplotlib|networkx|np|numpy|nx|pa|pandas|pathlib|pd"
    "|pyarrow|pyvis|requests|scipy|sp|sparse|t|traitlets|types|typing|urllib3"
)
_TYPES = (
    "AbstractContextManager|Any|BaseAdapter|Callable|DataFrame|Figure|Iterable|Iterator|Literal|Mapping"
    "|NDArray|Network|Path|Self|Sequence|SparkSession|array|date|datetime"
    # Aliases, and types that only internal code needs.
    "|Api|ApiObject|Block|CampaignSource|ChangeKind|Claim|ClaimsFile|Delivery|EvidenceChange|File|Graph"
    "|GraphSource|Group|Indicator|ListItem|Matrix|Middleware|MixedText|News|NodeKind|Numbers|Pair"
    "|Positions|Reference|Remainder|Response|Scalar|StructuralKind|Subject|UndocumentedSettings"
    "|Verification|Writer"
    r"|(.*\.)?(CampaignHistory|Database|_T)|graphbuild\.emulator\.models\.File"
)
nitpick_ignore_regex = [
    ("py:class", rf"({_LIBRARIES})\..*"),
    ("py:class", _TYPES),
    ("py:class", r".*\[.*"),  # a part of an annotation that Sphinx does not parse
]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes of dataclasses are also members

html_theme = "furo"
html_title = f"graphbuild {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_root"]  # index.html, which leads to docs/index.html
html_copy_source = False
html_use_index = False
html_domain_indices = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}


def setup(application: Sphinx) -> None:
    """Register functions of this file; Sphinx calls this function."""
    after_napoleon = 900
    application.connect("autodoc-process-docstring", _restore_sentence, priority=after_napoleon)


def _restore_sentence(
    _: Sphinx, kind: str, __: str, value: object, ___: object, lines: list[str]
) -> None:
    """Undo that napoleon reads the words before a colon in a property's docstring as its type."""
    if kind == "property" and any(line.startswith(":type:") for line in lines):
        lines[:] = (inspect.getdoc(value) or "").splitlines()
