"""The API does what its description says, for what fits it and for what does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "api_fuzzing.py"


def test_schemathesis_finds_nothing() -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    command = [sys.executable, str(SCRIPT), "--examples", "3", "--phases", "fuzzing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
