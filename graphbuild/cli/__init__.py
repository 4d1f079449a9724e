"""The command line: the only room that prints. The library below it never does."""

from graphbuild.cli.app import main

__all__ = ["main"]
