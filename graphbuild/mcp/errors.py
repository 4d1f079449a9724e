"""The error that a client receives as the result of a tool."""

from __future__ import annotations

from graphbuild.errors import GraphbuildError


class ToolError(GraphbuildError):
    """A tool cannot be called in this way. The message contains no untrusted text."""
