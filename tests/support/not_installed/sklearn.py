"""As where it is not installed: it is a judge in the tests, and NetworKit would load all of it."""

raise ImportError(f"{__name__} is not there for commands that tests run")
