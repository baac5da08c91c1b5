"""The measuring scripts, for tests of them: `from measuring import worst_cases`.

They are no package: they are run from, and import from, their own folder.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):
        raise AttributeError(name)
    if not BENCHMARKS.is_dir():
        pytest.skip("the benchmarks are not part of this source archive", allow_module_level=True)
    return importlib.import_module(name)
