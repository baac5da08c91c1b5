"""The synthetic exam that ships with the program."""

from __future__ import annotations

from pathlib import Path


def demo_folder() -> Path:
    """Where its four pictures lie inside the installed package."""
    return Path(__file__).parent / "demo"
