"""The name and the version of the method that finds clusters. Campaign files store both."""

from __future__ import annotations

METHOD = "average linkage of shared evidence"
_REVISION = 6  # increased with each change of stored results; see ``models.ClusterTable``


def method_version() -> str:
    """Return a text that changes whenever the same observations could give other clusters.

    Campaign files store this text with their clusters.
    """
    return f"{_REVISION}, {METHOD}"
