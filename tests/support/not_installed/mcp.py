"""Hides the SDK of the Model Context Protocol, to test the message about the missing extra."""

raise ImportError(f"{__name__} is hidden from commands that tests run")
