"""The command line: one module per command. :mod:`graphbuild.cli.main` registers them."""
