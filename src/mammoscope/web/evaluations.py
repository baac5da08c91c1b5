"""Uploaded predictions and truth to the report that `mammoscope evaluate` writes."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from mammoscope.errors import ConfigError, MammoscopeError, MissingExtraError

if TYPE_CHECKING:
    from mammoscope.evaluate.predictions import Predicted

LARGEST_BYTES = 16 << 20
"""Of one table: some hundred thousand rows, which is more than one request should work on."""
LONGEST_S = 900.0
_LOOK_S = 0.1
MOST_MODELS = 8
_REPORTS = (".json", ".jsonl")
_SCORES = ("malignancy", "malignancy_logit")
_SHOWN = 12


def evaluate_files(
    predictions: Sequence[Path], truth: Path, out: Path, on_step: Callable[[str], None]
) -> Path:
    """Evaluate one or more models on the same cases.

    The images that the truth names are not opened, and the report shows no pictures of missed
    cases: a table from elsewhere must not make the server show files of its own.

    Args:
        predictions: a table for each model, CSV, or what `mammoscope predict --json` printed
            (.json, .jsonl). The file's name without suffix names the model.
        truth: CSV with a column `cancer` and at least one that says what a row is about.
        out: folder for the report, made if need be.
        on_step: told the name of each step as it begins.

    Returns:
        out/report.html; tables, figures, report.json and model_card.md lie beside it.

    Raises:
        ConfigError: a file is no such table, holds an impossible value, or the tables do not fit
            each other. It names files without their folders.
        MissingExtraError: the extra 'evaluate' is not installed.
    """
    if not 1 <= len(predictions) <= MOST_MODELS:
        raise ConfigError(
            f"{len(predictions)} files of predictions were given; give 1 to {MOST_MODELS}."
        )
    _needs_extra()
    on_step("reading")
    for path in predictions:
        _check_predictions(path)
    _check_truth(truth)
    try:
        return _written(predictions, truth, out, on_step)
    except MissingExtraError:
        raise
    except MammoscopeError as error:
        raise ConfigError(_without_folders(str(error), (*predictions, truth))) from error


def evaluate_apart(
    predictions: Sequence[Path],
    truth: Path,
    out: Path,
    on_step: Callable[[str], None],
    stopping: Event,
) -> Path:
    """As `evaluate_files` in a process of its own, which can be ended and leaves no memory behind.

    Args:
        predictions: as there.
        truth: as there.
        out: as there.
        on_step: as there.
        stopping: ends it when set.

    Raises:
        ConfigError: as there; or it took more than LONGEST_S, or was ended.
    """
    command = [sys.executable, "-m", __name__, str(out), str(truth), *map(str, predictions)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        end = time.monotonic() + LONGEST_S
        while process.poll() is None:
            if stopping.wait(_LOOK_S) or time.monotonic() > end:
                process.kill()
                shutil.rmtree(out, ignore_errors=True)
                raise ConfigError("the evaluation took too long and was ended; send fewer rows.")
            _tell_steps(process, on_step)
        said = process.communicate()[1].decode("utf-8", "replace").strip()
    if process.returncode:
        shutil.rmtree(out, ignore_errors=True)
        raise ConfigError(said.splitlines()[-1] if said else "the evaluation came to no end.")
    return out / "report.html"


def _tell_steps(process: subprocess.Popen[bytes], on_step: Callable[[str], None]) -> None:
    """Tell the last step that the process has written, without waiting for one."""
    if process.stdout is None:
        return
    os.set_blocking(process.stdout.fileno(), False)
    for line in (process.stdout.read() or b"").decode("utf-8", "replace").splitlines():
        on_step(line)


def _main(arguments: Sequence[str]) -> int:
    """The process of `evaluate_apart`: steps to stdout, what went wrong to stderr."""
    out, truth, *predictions = map(Path, arguments)
    warnings.simplefilter("ignore")
    try:
        evaluate_files(predictions, truth, out, lambda step: print(step, flush=True))
    except MammoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:  # noqa: BLE001 - its text may quote what the tables hold
        print(f"unexpected {type(error).__name__} in the evaluation.", file=sys.stderr)
        return 1
    return 0


def _written(
    predictions: Sequence[Path], truth: Path, out: Path, on_step: Callable[[str], None]
) -> Path:
    from mammoscope.evaluate.predictions import read_predictions
    from mammoscope.evaluate.report import report
    from mammoscope.evaluate.truth import read_truth
    from mammoscope.evaluate.written import write_all

    known = read_truth(truth)
    models = _named_apart([model for path in predictions for model in read_predictions(path)])
    made = report(known, models, None, on_step)
    on_step("writing")
    return write_all(_without_images(made), out)[0]


def _needs_extra() -> None:
    try:
        import pandas  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("The page 'Evaluate'", "evaluate") from error


def _named_apart(models: Sequence[Predicted]) -> Sequence[Predicted]:
    names = [model.name for model in models]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two models are named {twice!r}; rename one of the files.")
    return models


def _without_images(made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "misses": [{**miss, "images": []} for miss in made["misses"]]}


def _check_predictions(path: Path) -> None:
    text = _text(path)
    if path.suffix in _REPORTS:
        return
    found = _header(text, path)
    if not set(_SCORES) & set(found):
        raise ConfigError(
            f"{path.name}: no column holds the model's score (found: {_listed(found)}); name it "
            "'malignancy' if it holds probabilities, or 'malignancy_logit'."
        )


def _check_truth(path: Path) -> None:
    from mammoscope.evaluate.truth import KEYS

    found = _header(_text(path), path)
    if "cancer" not in found:
        raise ConfigError(
            f"{path.name}: column 'cancer' is missing (found: {_listed(found)}); add it, with 1, "
            "0, or nothing where it is unknown."
        )
    if not set(KEYS) & set(found):
        raise ConfigError(
            f"{path.name}: no column says which image, breast or woman a row is about (found: "
            f"{_listed(found)}); add 'image_path', or 'patient_id' and 'laterality'."
        )


def _text(path: Path) -> str:
    """The file's text; ConfigError if it is none, or too large."""
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise ConfigError(
                f"{path.name}: {size / 2**20:.0f} MiB, and tables up to {LARGEST_BYTES >> 20} MiB "
                "are taken; use `mammoscope evaluate` for larger ones."
            )
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path.name}: {error.strerror}; send it again.") from error
    if not content.strip():
        raise ConfigError(f"{path.name}: the file is empty; give a CSV file with a header.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ConfigError(
            f"{path.name}: this is no text in UTF-8 but a picture, a workbook or another binary "
            "file; export the table as CSV (UTF-8)."
        )
    return text


def _header(text: str, path: Path) -> list[str]:
    first = next(filter(str.strip, StringIO(text)), "").strip()
    if ";" in first and "," not in first:
        raise ConfigError(
            f"{path.name}: the columns are parted by semicolons; export it with commas."
        )
    separator = "\t" if path.suffix == ".tsv" else ","
    try:
        found = next(csv.reader([first], delimiter=separator), [])
    except csv.Error as error:
        raise ConfigError(f"{path.name}: not a CSV file ({error}); export it again.") from error
    return [name.strip() for name in found]


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return ", ".join(name[:40] for name in names[:_SHOWN]) + more


def _without_folders(message: str, paths: Sequence[Path]) -> str:
    for path in paths:
        message = message.replace(str(path), path.name)
    return message


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
