from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.data.columns import FINDINGS, IMAGES, Column

PAGE = Path(__file__).resolve().parents[2] / "docs" / "manifest.md"


@pytest.mark.parametrize("column", [*IMAGES, *FINDINGS], ids=lambda column: column.name)
def test_every_column_is_documented_as_it_is_checked(column: Column) -> None:
    needed = " (required)" if column.required else ""
    line = f"| `{column.name}`{needed} | {column.meaning} | {column.allowed} |"
    assert line in PAGE.read_text(encoding="utf-8").splitlines()
