"""Hides matplotlib: no command needs it, and NetworKit would load it."""

raise ImportError(f"{__name__} is hidden from commands that tests run")
