"""Export a graph to files.

The module ``formats`` lists the formats, and ``columns`` lists the columns of nodes, edges and
observations. A format has one or more files. Each file has a writer: a function that writes a graph
to an open stream. The module ``output`` opens the files and calls the writers. Each file is written
completely or not at all. With the same library versions, equal graphs give equal bytes. The format
``dataset`` is a folder of files, which its own writer opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.exporters.formats import FORMATS, Format, register
from graphbuild.exporters.output_files import OutputFile
from graphbuild.exporters.results import ExportedFile, ExportWarnings

if TYPE_CHECKING:
    from graphbuild.exporters.gexf import write_gexf
    from graphbuild.exporters.graphml import write_graphml
    from graphbuild.exporters.graphml_reader import read_graphml
    from graphbuild.exporters.output import export, export_all

__all__ = [
    "FORMATS",
    "ExportWarnings",
    "ExportedFile",
    "Format",
    "OutputFile",
    "export",
    "export_all",
    "read_graphml",
    "register",
    "write_gexf",
    "write_graphml",
]

# Name of a function -> its module. The modules are imported on first use, because they import
# networkx, which ``graphbuild --help`` does not need.
_MODULE_OF = {
    "export": "output",
    "export_all": "output",
    "read_graphml": "graphml_reader",
    "write_gexf": "gexf",
    "write_graphml": "graphml",
}


def __getattr__(name: str) -> object:
    """Return the public function ``name``, and import its module on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  not needed by the list of formats

    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
