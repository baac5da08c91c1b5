"""A small set of synthetic mammograms in a folder, in order until a test spoils it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.anatomy import to_uint8
from mammoscope.data.audit import Audit, audit
from mammoscope.data.manifest import Manifest, make_manifest
from mammoscope.data.synth import SyntheticView, synthetic_exam

WOMEN = 2
VIEWS = 4 * WOMEN


@cache
def views() -> tuple[SyntheticView, ...]:
    """Of two women: R CC, L CC, R MLO, L MLO each."""
    return tuple(
        view
        for seed in range(WOMEN)
        for view in synthetic_exam(seed, height=128, lesions=()).images
    )


def breast(place: int) -> NDArray[np.uint16]:
    """Pixels of one view."""
    return views()[place].pixels


def write(path: Path, pixels: NDArray[Any]) -> None:
    """As the suffix says."""
    _, data = cv2.imencode(path.suffix, pixels)
    path.write_bytes(data.tobytes())


def table(folder: Path) -> pd.DataFrame:
    """Write the views as 0.png to 7.png; rows of an images table without any fault."""
    rows = []
    for place, view in enumerate(views()):
        write(folder / f"{place}.png", to_uint8(view.pixels))
        woman = place // 4
        rows.append(
            {
                "image_path": f"{place}.png",
                "dataset": "drawn",
                "patient_id": f"anna{woman}",
                "exam_id": f"exam{woman}",
                "laterality": view.laterality,
                "view": view.view,
                "modality": "mammography",
                "cancer": "0",
                "age": "60",
                "split": ("train", "test")[woman],
            }
        )
    return pd.DataFrame(rows)


def manifest(
    folder: Path, images: pd.DataFrame, findings: list[dict[str, Any]] | None = None
) -> Manifest:
    """A manifest of rows."""
    return make_manifest(folder, images, pd.DataFrame(findings or []))


def audited(
    folder: Path, images: pd.DataFrame, findings: list[dict[str, Any]] | None = None
) -> Audit:
    """What the auditor finds in rows, without a bar."""
    return audit(manifest(folder, images, findings), progress=False)


def kinds(found: Audit) -> dict[str, list[tuple[str, ...]]]:
    """Images of each issue of each kind."""
    return {kind: [issue.images for issue in issues] for kind, issues in found.by_kind().items()}
