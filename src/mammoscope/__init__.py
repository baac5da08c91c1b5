"""Mammoscope reads mammograms: how likely a cancer, where, and how dense the breast.

>>> import mammoscope as ms
>>> exam = ms.read_exam("study/")  # doctest: +SKIP
>>> report = ms.Predictor.load()(exam)  # doctest: +SKIP
>>> ms.write_html(report, "report.html")  # doctest: +SKIP

Research and education use; it supports a reader and replaces none.

The names below are imported when they are first used, so that `import mammoscope` costs
next to nothing and drags in no runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mammoscope.infer import Predictor
    from mammoscope.io import read_exam
    from mammoscope.outputs import write_html, write_json

__version__ = "0.1.0"

__all__ = ["Predictor", "__version__", "read_exam", "write_html", "write_json"]

_HOMES = {
    "Predictor": "mammoscope.infer",
    "read_exam": "mammoscope.io",
    "write_html": "mammoscope.outputs",
    "write_json": "mammoscope.outputs",
}


def __getattr__(name: str) -> Any:
    """Import a top-level name from its home at first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mammoscope' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, those not yet imported included."""
    return sorted({*globals(), *__all__})
