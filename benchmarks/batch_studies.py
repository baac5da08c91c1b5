"""Small synthetic studies, linked many times, and the command line that reads them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

from mammoscope.data.dicom_study import write_study
from mammoscope.data.synth import synthetic_exam

LAUNCH = """
import sys
from mammoscope import cli
from mammoscope.batch import parts
from mammoscope.cli_batch import Batch
parts.SECONDS = float(sys.argv.pop(1))
cli.COMMANDS.setdefault("batch", Batch)
sys.exit(cli.main())
"""


def command(seconds: float, *words: str | Path) -> list[str]:
    """A batch whose parts are written every `seconds`."""
    return [sys.executable, "-c", LAUNCH, str(seconds), "batch", *map(str, words)]


def linked_studies(folder: Path, exams: int, views: int, height: int, women: int = 3) -> Path:
    """Write a few studies once, link them into `exams` exams; returns their manifest.

    Args:
        folder: new.
        exams: how many.
        views: images of each, 1 to 4.
        height: of an image, pixels.
        women: different studies.
    """
    files = [
        write_study(synthetic_exam(seed, height=height), folder / f"woman{seed}")[:views]
        for seed in range(women)
    ]
    rows = []
    for number in range(exams):
        exam = folder / f"e{number:07d}"
        exam.mkdir()
        for file in files[number % women]:
            os.link(file, exam / file.name)
            rows.append((f"p{number}", exam.name, f"{exam.name}/{file.name}"))
    table = pd.DataFrame(rows, columns=["patient_id", "exam_id", "image_path"])
    manifest = folder / "manifest.csv"
    table.assign(dataset="linked", modality="mammography").to_csv(manifest, index=False)
    return manifest
