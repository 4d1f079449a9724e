"""Fictional names for generated worlds, read from ``fake_names.json``."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

NAMES: dict[str, list[Any]] = json.loads(
    files("graphbuild.emulator").joinpath("fake_names.json").read_text("utf-8")
)
