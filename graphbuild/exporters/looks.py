"""How a node looks, the same in every format: colour and shape by type, size by degree.

The three colours are told apart by people with any common colour blindness (Okabe and Ito, 2008,
"Color Universal Design"); the shapes say the same again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphbuild.entities import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    import networkx as nx

# Six hexadecimal digits: Gephi reads the short form "#f00" as almost black.
COLOURS = {FILE: "#0072b2", REFERENCE: "#e69f00", COLLECTION: "#cc3311"}
SHAPES = {FILE: "dot", REFERENCE: "square", COLLECTION: "diamond"}
OTHER_COLOUR = "#777777"
OTHER_SHAPE = "triangle"

SMALLEST, LARGEST = 6.0, 30.0


def colour_of(node_type: str) -> str:
    """The colour of a type, ``#rrggbb``."""
    return COLOURS.get(node_type, OTHER_COLOUR)


def shape_of(node_type: str) -> str:
    """The shape of a type, in the words of vis-network."""
    return SHAPES.get(node_type, OTHER_SHAPE)


def sizes(graph: nx.DiGraph[str]) -> dict[str, float]:
    """A size from 6 to 30 for each node, growing with the square root of its degree."""
    most = max((degree for _, degree in graph.degree()), default=0) or 1
    span = LARGEST - SMALLEST
    return {
        node: round(SMALLEST + span * math.sqrt(degree / most), 1)
        for node, degree in graph.degree()
    }
