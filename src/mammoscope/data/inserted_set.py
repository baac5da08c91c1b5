"""A data set of lesions inserted into real normal images, with the truth about their places.

Each image keeps the patient of the one it was made from, so that folds by patient part neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from mammoscope.data.lesions.description import Kind
from mammoscope.data.manifest import Manifest, make_manifest, read_manifest, write_manifest
from mammoscope.data.training_stream import (
    StreamOptions,
    TrainingSample,
    normals_of,
    training_samples,
)
from mammoscope.errors import ConfigError
from mammoscope.files import write_atomic
from mammoscope.types import Mammogram

DATASET = "inserted"
KINDS_SEEN: tuple[Kind, ...] = ("mass", "mass", "mass", "asymmetry", "distortion")
"""Kinds that pictures of a few hundred pixels show; calcifications they do not."""


@dataclass(frozen=True)
class InsertedOptions:
    """What the images of a set are like.

    Attributes:
        images: how many.
        seed: of the stream of samples.
        healthy: share without a lesion.
        malignant: share of the lesions that are malignant.
        field_aspect: true width / height of images that were squashed; None if they were not.
        workers: processes.
    """

    images: int = 1000
    seed: int = 0
    healthy: float = 0.2
    malignant: float = 0.6
    field_aspect: float | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ConfigError(f"images is {self.images}; give 1 or more.")


def write_inserted(folder: Path, manifest: Manifest, options: InsertedOptions) -> Manifest:
    """Write pictures, manifest.csv and findings.csv to `folder`.

    Args:
        folder: made where needed.
        manifest: its images without cancer or finding are what lesions are inserted into.
        options: see there.

    Raises:
        ConfigError: the manifest has no normal images, `folder` holds another data set, or an
            option is impossible.
    """
    _refuse_other(folder)
    stream = StreamOptions(
        options.seed,
        synthetic=0.0,
        healthy=options.healthy,
        malignant=options.malignant,
        kinds=KINDS_SEEN,
        field_aspect=options.field_aspect,
    )
    samples = training_samples(
        range(options.images), stream, normals_of(manifest), workers=options.workers
    )
    images: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    shown = track(samples, "images", total=options.images, console=Console(stderr=True))
    for sample in shown:
        path = f"images/{sample.number:06d}.png"
        _, png = cv2.imencode(".png", _eight_bits(sample.mammogram))
        write_atomic(folder / path, png.tobytes())
        images.append(_image(path, sample))
        findings += _findings(path, sample)
    made = make_manifest(folder, pd.DataFrame(images), pd.DataFrame(findings))
    write_manifest(made, folder)
    return made


def _refuse_other(folder: Path) -> None:
    """A manifest that this module did not write is somebody's work."""
    file = folder / "manifest.csv"
    if file.is_file() and set(read_manifest(file).images["dataset"]) != {DATASET}:
        raise ConfigError(f"{file} is that of another data set; choose another folder with --out.")


def _eight_bits(mammogram: Mammogram) -> NDArray[np.uint8]:
    shift = 0 if mammogram.pixels.dtype == np.uint8 else 8
    return (mammogram.pixels >> shift).astype(np.uint8)


def _image(path: str, sample: TrainingSample) -> dict[str, Any]:
    outcomes = {finding.pathology for finding in sample.findings}
    patient = sample.group.partition(" ")[2]
    return {
        "image_path": path,
        "dataset": DATASET,
        "patient_id": patient,
        "exam_id": patient,
        "laterality": sample.mammogram.laterality,
        "view": sample.mammogram.view,
        "modality": "mammography",
        "pathology": next(iter(outcomes), "normal"),
        "density": sample.density,
        "finding": int(bool(outcomes)),
    }


def _findings(path: str, sample: TrainingSample) -> Iterator[dict[str, Any]]:
    for number, finding in enumerate(sample.findings):
        edges = dict(zip(("x1_px", "y1_px", "x2_px", "y2_px"), finding.box_px, strict=True))
        yield {
            "image_path": path,
            "finding_id": f"{sample.number:06d}-{number}",
            "kind": finding.kind,
            # An inscribed ellipse: closer to what the lesion covers than the box is.
            "outline": "circle",
            **edges,
            "pathology": finding.pathology,
        }
