"""Small batches for tests: the exam that ships, linked many times, and the command in a process."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from mammoscope.data.demo_exam import demo_folder

# Parts are written at once, so that there is something to go on from.
LAUNCH = """
import resource, sys
from mammoscope import cli
from mammoscope.batch import parts
from mammoscope.cli_batch import Batch
parts.SECONDS = 0.0
limit = int(sys.argv.pop(1))
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
cli.COMMANDS.setdefault("batch", Batch)
sys.exit(cli.main())
"""


def linked(folder: Path, exams: int, views: int = 4) -> Path:
    """A folder of `exams` folders, each with the first `views` pictures of the demo exam."""
    for number in range(exams):
        exam = folder / f"case{number:03d}"
        exam.mkdir(parents=True)
        for picture in sorted(demo_folder().glob("*.png"))[:views]:
            os.link(picture, exam / picture.name.replace("demo", exam.name))
    return folder


def command(*words: str | Path, limit: int = 0) -> list[str]:
    """The command line of a batch that may write no file of more than `limit` bytes."""
    start = [sys.executable, "-c", LAUNCH, str(limit), "batch"]
    return [*start, *map(str, words), "--precision", "f32"]


def batch(*words: str | Path, limit: int = 0) -> subprocess.CompletedProcess[str]:
    line = command(*words, limit=limit)
    return subprocess.run(line, capture_output=True, text=True, check=False)


def predictions(out: Path) -> pd.DataFrame:
    """The table of images, in the order of their paths."""
    table = pd.read_parquet(out / "predictions.parquet")
    return table.sort_values("image_path").reset_index(drop=True)


def record(out: Path, name: str = "run.json") -> dict[str, Any]:
    return dict(json.loads((out / name).read_text("utf-8")))


def writer(fifo: Path) -> int | None:
    """The end of a named pipe to write to; None while nobody reads from it."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None
