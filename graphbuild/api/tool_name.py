"""The name of this program in the header ``x-tool`` of each request.

Google asks integrations to send this header (https://github.com/VirusTotal/gti-dev-kit). The
service does not require it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from graphbuild.errors import ToolNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TOOL = "graphbuild"
TOOL_VARIABLE = "GRAPHBUILD_TOOL"
# 1 to 100 printable ASCII characters, without spaces at the ends.
_TOOL_NAME = re.compile(r"[!-~]([ -~]{0,98}[!-~])?")


def check_tool_name(name: str) -> str:
    """Return ``name`` if it may be sent as the header ``x-tool``.

    Raises:
        ToolNameError: ``name`` is empty, has more than 100 characters, begins or ends with a space,
            or contains a character that is not printable ASCII.
    """
    if _TOOL_NAME.fullmatch(name):
        return name
    raise ToolNameError(
        f"invalid tool name (argument tool, or variable {TOOL_VARIABLE}); expected 1 to 100 "
        "printable ASCII characters, without spaces at the ends"
    )


def find_tool_name(environment: Mapping[str, str] | None = None) -> str:
    """Return the value of ``GRAPHBUILD_TOOL``; if the variable is not set, ``graphbuild``.

    ``environment`` contains the environment variables; by default those of the process.

    Raises:
        ToolNameError: The value is not a valid tool name; see :func:`check_tool_name`.
    """
    variables = os.environ if environment is None else environment
    return check_tool_name(variables.get(TOOL_VARIABLE, DEFAULT_TOOL))
