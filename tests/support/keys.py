"""API keys for tests."""

from __future__ import annotations

KEY = "0123456789abcdef" * 4

# This key must not appear in any output, file or log; see tests/torture/key_leaks.py.
CANARY = "c0ffee5ea1ed5eed0ddba11f005ba11deadbea7facade0b0e5caff01d1ab1e42"
