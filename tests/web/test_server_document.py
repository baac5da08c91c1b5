"""The client of docs/server.md, word for word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mammoscope.data.demo_exam import demo_folder

DOCUMENT = Path(__file__).parents[2] / "docs" / "server.md"


def test_the_client_of_the_document_judges_an_exam(address: str, tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert len(code.splitlines()) <= 20
    views = [str(path) for path in sorted(demo_folder().glob("*.png"))]
    done = subprocess.run(
        [sys.executable, "-c", code, address, *views], capture_output=True, text=True, cwd=tmp_path
    )
    assert re.fullmatch(r"[0-9a-f]{32} 0\.\d+ True\n", done.stdout), done.stderr
    [report] = tmp_path.glob("*.html")
    assert report.read_text("utf-8").startswith("<!doctype html>")
