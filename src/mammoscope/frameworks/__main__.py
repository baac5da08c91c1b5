"""Measure one framework in a process that does nothing else.

    python -m mammoscope.frameworks CASE KIND PRECISION BEGAN

CASE is a folder as `case.save_case` writes one, KIND "native" or "keras" (on the backend that
KERAS_BACKEND names), PRECISION "fp32", "bf16" or (native) "fp64", BEGAN the time. Prints JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mammoscope.errors import MammoscopeError
from mammoscope.frameworks.case import Given, load_case
from mammoscope.frameworks.clock import Contestant, confine, measured


def main() -> None:
    """Command line; see the module's text."""
    folder, kind, precision, began = sys.argv[1:]
    given = load_case(Path(folder))
    confine(given.case)

    def build(one: Given) -> Contestant:
        # Imported here, so that the clock sees it and no framework loads another.
        if kind == "native":
            from mammoscope.frameworks.native import TorchContestant

            return TorchContestant(one, precision)
        from mammoscope.frameworks.keras_run import KerasContestant

        return KerasContestant(one, precision)

    try:
        print(json.dumps(measured(build, given, float(began))))
    except ImportError as error:
        sys.exit(f"{error}; it comes with the extra 'frameworks'.")
    except MammoscopeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
