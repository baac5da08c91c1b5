"""A data set of synthetic exams: pictures or DICOM studies, and the manifest that knows the truth.

Every exam follows from its seed alone, so a set that was interrupted goes on where it stopped,
and sets made apart with other seeds can be put together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from mammoscope.data.dicom_study import usual_kind, write_study
from mammoscope.data.lesions import random_lesion
from mammoscope.data.lesions.description import PATHOLOGIES, Pathology
from mammoscope.data.manifest import Manifest, make_manifest, write_manifest
from mammoscope.data.story import random_placed
from mammoscope.data.synth import SyntheticExam, SyntheticView, exam_by_story, synthetic_exam
from mammoscope.data.synth_look import look_of
from mammoscope.data.synth_shape import stream
from mammoscope.errors import ConfigError
from mammoscope.files import write_atomic

GRADES = {"A": 0.10, "B": 0.40, "C": 0.40, "D": 0.10}
"""Share of women of each BI-RADS density (Sprague et al., JNCI 2014;106:dju255, rounded)."""


@dataclass(frozen=True)
class SetOptions:
    """What the exams of a set are like.

    Attributes:
        exams: how many women.
        seed: of the first; the others follow.
        height: rows of every picture.
        syntax: DICOM studies in this transfer syntax, a key of `dicom_encoding.SYNTAXES`, instead
            of 8-bit PNG files if None.
        density: one grade for all; drawn by GRADES if None.
        look: one look for all, a key of LOOKS; drawn for each woman if None.
        story: what every exam tells, in a report's words, instead of density and lesions.
        lesions: share of women with a malignant lesion, 0 to 1; as many again have a benign one.
    """

    exams: int = 10
    seed: int = 0
    height: int = 1024
    syntax: str | None = None
    density: str | None = None
    look: str | None = None
    lesions: float = 0.5
    story: str | None = None

    def __post_init__(self) -> None:
        if self.exams < 1:
            raise ConfigError(f"exams is {self.exams}; give 1 or more.")
        if not 0 <= self.lesions <= 1:
            raise ConfigError(f"lesions is {self.lesions}; give a share from 0 to 1.")


def write_set(folder: Path, options: SetOptions, progress: bool = True) -> Manifest:
    """Write a set to `folder`, one folder a woman, with manifest.csv and findings.csv.

    Exams that are there are not made again.

    Raises:
        ConfigError: an option is impossible, the folder holds a set made in another way, or a
            file cannot be written.
    """
    note = folder / "synthetic.json"
    way = {key: value for key, value in asdict(options).items() if key not in ("exams", "seed")}
    _check_way(note, way)
    images: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    seeds = range(options.seed, options.seed + options.exams)
    for seed in track(seeds, "exams", console=Console(stderr=True), disable=not progress):
        truth = _truth_of(seed, folder, options)
        if not note.is_file():
            write_atomic(note, json.dumps(way).encode())
        images += truth["images"]
        findings += truth["findings"]
    made = make_manifest(folder, pd.DataFrame(images), pd.DataFrame(findings))
    write_manifest(made, folder)
    return made


def _check_way(note: Path, way: dict[str, Any]) -> None:
    """Make sure that what lies there, if anything, was made the same way."""
    if note.is_file() and json.loads(note.read_text()) != way:
        raise ConfigError(f"{note.parent}: holds a set made in another way; give another folder.")


def _truth_of(seed: int, folder: Path, options: SetOptions) -> dict[str, Any]:
    """Rows of one woman for the manifest; draws and writes her exam unless that was done."""
    note = folder / _name(seed) / "truth.json"
    if note.is_file():
        return dict(json.loads(note.read_text()))
    exam = exam_of(seed, options)
    paths = _write(exam, note.parent, options.syntax)
    places = [path.relative_to(folder).as_posix() for path in paths]
    pairs = list(zip(places, exam.images, strict=True))
    truth = {
        "images": [_image(*pair, exam, options.look or look_of(seed)) for pair in pairs],
        "findings": [row for pair in pairs for row in _findings(*pair, exam)],
    }
    write_atomic(note, json.dumps(truth).encode())
    return truth


def exam_of(seed: int, options: SetOptions) -> SyntheticExam:
    """The exam of one woman of a set."""
    if options.story is not None:
        return exam_by_story(seed, options.story, options.height, options.look)
    chance = stream(seed, "story")
    grade = str(chance.choice(list(GRADES), p=list(GRADES.values())))
    wanted: list[Pathology] = []
    for pathology in PATHOLOGIES:
        if chance.random() < options.lesions:
            wanted.append(pathology)
    lesions = [
        random_placed(seed, random_lesion(2 * seed + number, None, pathology), number)
        for number, pathology in enumerate(wanted)
    ]
    return synthetic_exam(seed, options.height, options.density or grade, lesions, options.look)


def _name(seed: int) -> str:
    return f"synthetic-{seed:06d}"


def _write(exam: SyntheticExam, folder: Path, syntax: str | None) -> list[Path]:
    """Files of the views in order."""
    if syntax is not None:
        return write_study(exam, folder, [usual_kind(syntax)])
    paths = [folder / f"{view.laterality}-{view.view}.png" for view in exam.images]
    for path, view in zip(paths, exam.images, strict=True):
        _, png = cv2.imencode(".png", (view.pixels >> 8).astype(np.uint8))
        write_atomic(path, png.tobytes())
    return paths


def _image(path: str, view: SyntheticView, exam: SyntheticExam, look: str) -> dict[str, Any]:
    outcomes = {seen.placed.lesion.pathology for seen in view.findings}
    sick = "malignant" in outcomes
    return {
        "image_path": path,
        "dataset": "synthetic",
        "patient_id": _name(exam.seed),
        "exam_id": _name(exam.seed),
        "laterality": view.laterality,
        "view": view.view,
        "modality": "mammography",
        "cancer": int(sick),
        "pathology": "malignant" if sick else "benign" if outcomes else "normal",
        "density": exam.density,
        "finding": int(bool(outcomes)),
        "machine_id": look,
        "dense_fraction": f"{view.dense_fraction:.4f}",
        "spacing_mm": f"{view.spacing_mm[0]:.6g}",
    }


def _findings(path: str, view: SyntheticView, exam: SyntheticExam) -> Iterator[dict[str, Any]]:
    for seen in view.findings:
        lesion = seen.placed.lesion
        number = exam.lesions.index(seen.placed) + 1
        yield {
            "image_path": path,
            "finding_id": f"{_name(exam.seed)}-{number}",
            "kind": lesion.kind,
            "outline": "box",
            **dict(zip(("x1_px", "y1_px", "x2_px", "y2_px"), seen.box_px, strict=True)),
            "pathology": lesion.pathology,
            "mass_shape": lesion.shape,
            "mass_margin": lesion.margin,
            "calc_type": lesion.morphology,
            "calc_distribution": lesion.distribution,
        }
