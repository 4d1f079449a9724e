"""Checks of the built packages, which `make dist-check` runs outside `make test`."""
