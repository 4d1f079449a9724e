"""The method that finds clusters, for display and for the campaign file."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

METHOD = "Leiden (graspologic-native)"  # the algorithm and its library
_REVISION = 1  # increased with each change of the clusters, their numbers or their names


@cache
def method_version() -> str:
    """Return a text that changes whenever the same observations could give other clusters.

    Campaign files store this text with their clusters.
    """
    return f"{_REVISION}, graspologic-native {version('graspologic-native')}"
