"""How a node looks, the same in every format: colour and shape by type; its place.

The three colours are told apart by people with any common colour blindness (Okabe and Ito, 2008,
"Color Universal Design"); the shapes say the same again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphbuild.errors import ExportError
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx

    Positions = Mapping[str, tuple[float, float]]

# Six hexadecimal digits: Gephi reads the short form "#f00" as almost black.
COLOURS = {FILE: "#0072b2", REFERENCE: "#e69f00", COLLECTION: "#cc3311"}
SHAPES = {FILE: "dot", REFERENCE: "square", COLLECTION: "diamond"}
OTHER_COLOUR = "#777777"
OTHER_SHAPE = "triangle"


def colour_of(node_type: str) -> str:
    """The colour of a type, ``#rrggbb``."""
    return COLOURS.get(node_type, OTHER_COLOUR)


def shape_of(node_type: str) -> str:
    """The shape of a type, in the words of vis-network."""
    return SHAPES.get(node_type, OTHER_SHAPE)


def places_of(graph: nx.DiGraph[str], positions: Positions | None) -> Positions:
    """A place for each node, or none at all: readers heap nodes without one onto one point.

    Raises:
        ExportError: a node has no place, though others have.
    """
    for key in graph if positions else ():
        place = positions.get(key, ()) if positions else ()
        if len(place) != 2 or not all(map(math.isfinite, place)):  # noqa: PLR2004  x and y
            raise ExportError(f"{key}: no position; give a finite one for each node, or none")
    return positions or {}
