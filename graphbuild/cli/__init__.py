"""Command line: one module per command, registered in :mod:`graphbuild.cli.main`."""
