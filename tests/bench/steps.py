"""Run one step of a benchmark in a process of its own, so that its memory can be measured."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def run_step(script: str, *arguments: object) -> dict[str, Any]:
    """Run a script with arguments; return the JSON object that it prints."""
    command = [sys.executable, script, *map(str, arguments)]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(process.stdout)
    return found
