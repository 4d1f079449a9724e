"""Hides scikit-learn: only tests use it, and NetworKit would load all of it."""

raise ImportError(f"{__name__} is hidden from commands that tests run")
