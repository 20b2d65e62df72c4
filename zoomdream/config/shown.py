"""Values as errors show them."""

from __future__ import annotations

from typing import Any


def shown(value: Any) -> str:
    """A value as an error shows it: short, in YAML's words."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
        case dict():
            return f"a section with the keys {', '.join(map(str, value))}"[:80] if value else "an empty section"
        case list() | tuple():
            text = "[" + ", ".join(shown(item) for item in value[:9]) + "]"
            return text if len(text) <= 60 else f"a list of {len(value)}"
        case _:
            return str(value)[:60]
