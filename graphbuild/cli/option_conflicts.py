"""Refuse combinations of options of ``graphbuild crawl`` that contradict each other."""

from __future__ import annotations

import typer

# Options that cannot be combined: the first option, what it does, and the others with a reason.
_CONFLICTS = {
    "--complete": (
        "requests the pages that --frugal leaves out",
        {"--frugal": "leaves out these pages"},
    ),
    "--quick": (
        "requests only first pages",
        {
            "--depth": "finds entities in lists that are read to their end",
            "--verify-inferred": "reads the chosen lists to their end",
            "--complete": "requests the pages that --frugal left out",
        },
    ),
    "--decide": (
        "requests only pages that can change clusters",
        {
            "--quick": "requests only first pages",
            "--depth": "finds entities in lists that are read to their end",
            "--verify-inferred": "reads the chosen lists to their end",
            "--complete": "requests the pages that --frugal left out",
            "--frugal": "chooses the pages that save the most calls",
            "--direct": "adds lists that --decide does not read to their end",
            "--describe": "adds calls that change no cluster",
        },
    ),
    "--only": (
        "leaves out the subjects of earlier seed lists",
        {"--shard": "divides the subjects of all seed lists"},
    ),
}


def refuse_combinations(used: set[str]) -> None:
    """Raise BadParameter if two of the ``used`` options contradict each other."""
    for first, (effect, others) in _CONFLICTS.items():
        for other, reason in others.items():
            if {first, other} <= used:
                raise typer.BadParameter(
                    f"{effect}, but {other} {reason}; use only one of the two options",
                    param_hint=first,
                )
