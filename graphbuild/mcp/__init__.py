"""Serve a campaign file to AI applications over the Model Context Protocol (MCP), read-only.

Requests arrive on standard input, and responses are written to standard output. The server makes no
network connection, never reads the API key, and never writes to the campaign file.

``server`` connects the tools to the SDK. ``tools`` contains a function per tool, and ``models``
their results. ``campaign_reader`` reads the campaign file, and ``paging`` divides lists into pages.
``untrusted_text`` cleans text from responses and seed lists.

Text from responses and seed lists is untrusted: a title may contain instructions for a model. It
occurs only in fields whose names begin with ``untrusted_``.
"""

from graphbuild.mcp.server import build_server, serve

__all__ = ["build_server", "serve"]
