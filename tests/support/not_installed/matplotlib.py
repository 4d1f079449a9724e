"""As where it is not installed: notebooks need it, no command, and NetworKit would load it."""

raise ImportError(f"{__name__} is not there for commands that tests run")
