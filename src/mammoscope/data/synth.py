"""Synthetic mammograms: four views of a woman who does not exist, with the truth about them.

The same seed gives the same woman at every resolution, and the same bytes on every run.
The demo exam that ships with the program is made by

    python -m mammoscope.data.synth src/mammoscope/data/demo --seed 7 --height 1280 --look sharp \
        --story "B density, 18 mm spiculated mass, left lower outer"

    >>> exam = synthetic_exam(seed=7, height=128)
    >>> [view.laterality + view.view for view in exam.images]
    ['RCC', 'LCC', 'RMLO', 'LMLO']
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from mammoscope.data.lesions import random_lesion
from mammoscope.data.story import Placed, random_placed, read_story
from mammoscope.data.synth_implant import Implant
from mammoscope.data.synth_look import LOOKS
from mammoscope.data.synth_objects import ForeignObject
from mammoscope.data.synth_render import SyntheticView, render
from mammoscope.data.synth_shape import VIEWS, View
from mammoscope.data.synth_tissue import DENSE_AREA
from mammoscope.errors import ConfigError
from mammoscope.files import write_atomic
from mammoscope.geometry import box_of
from mammoscope.types import Laterality

__all__ = [
    "LOOKS",
    "SyntheticExam",
    "SyntheticView",
    "exam_by_story",
    "synthetic_exam",
    "synthetic_view",
    "write_exam",
]

_SIDES: tuple[Laterality, ...] = ("R", "L")


@dataclass(frozen=True, eq=False)
class SyntheticExam:
    """Four views of one woman in hanging order: R CC, L CC, R MLO, L MLO.

    Attributes:
        images: the views.
        seed, height, density: what they were made from.
        lesions: of both breasts, each seen in both views of its breast.
        implants, objects: likewise; they are no findings.
    """

    images: tuple[SyntheticView, ...]
    seed: int
    height: int
    density: str
    lesions: tuple[Placed, ...]
    implants: tuple[Implant, ...] = ()
    objects: tuple[ForeignObject, ...] = ()


def synthetic_exam(
    seed: int,
    height: int = 1280,
    density: str = "C",
    lesions: Sequence[Placed] | Literal["random"] = "random",
    look: str | None = None,
    *,
    implants: Sequence[Implant] = (),
    objects: Sequence[ForeignObject] = (),
) -> SyntheticExam:
    """Draw the four views of the woman `seed`.

    Args:
        seed: not negative; names the woman.
        height: rows of every picture, 96 to 8192; its width is 3328/4096 of that.
        density: BI-RADS grade, "A" to "D".
        lesions: what lies in the breasts; "random" for one malignant mass drawn from the seed.
        look: a key of LOOKS, a maker's processing or "film"; drawn from the seed if None.
        implants: at most one of each breast; see `mammoscope.data.synth_implant`.
        objects: markers, clips and devices; see `mammoscope.data.synth_objects`.

    Raises:
        ConfigError: if an argument is impossible or the breast has no room for a lesion.
    """
    placed = _checked(seed, height, density, lesions, look, implants)
    images = tuple(
        render(seed, side, view, height, density, placed, look, implants=implants, objects=objects)
        for view in VIEWS
        for side in _SIDES
    )
    return SyntheticExam(images, seed, height, density, placed, tuple(implants), tuple(objects))


def exam_by_story(
    seed: int, story: str, height: int = 1280, look: str | None = None
) -> SyntheticExam:
    """The exam that a report's words describe.

    Args:
        seed: names the woman, and decides what the words leave open.
        story: such as "C density, 9 mm spiculated mass, left upper outer, plus benign vascular
            calcification"; see `mammoscope.data.story.read_story`.
        height: as for `synthetic_exam`.
        look: likewise.

    Raises:
        ConfigError: a word is not known, or as `synthetic_exam`.
    """
    told = read_story(story, seed)
    return synthetic_exam(
        seed,
        height,
        told.density,
        told.lesions,
        look,
        implants=told.implants,
        objects=told.objects,
    )


def synthetic_view(
    seed: int,
    laterality: Laterality,
    view: View,
    height: int = 1280,
    density: str = "C",
    lesions: Sequence[Placed] | Literal["random"] = "random",
    look: str | None = None,
    *,
    implants: Sequence[Implant] = (),
    objects: Sequence[ForeignObject] = (),
) -> SyntheticView:
    """Draw one view, the same that `synthetic_exam` holds; arguments and errors as there."""
    placed = _checked(seed, height, density, lesions, look, implants)
    if laterality not in _SIDES or view not in VIEWS:
        raise ConfigError(f"View {laterality!r} {view!r} is unknown; give L or R, and CC or MLO.")
    return render(
        seed, laterality, view, height, density, placed, look, implants=implants, objects=objects
    )


def _checked(
    seed: int,
    height: int,
    density: str,
    lesions: Sequence[Placed] | Literal["random"],
    look: str | None,
    implants: Sequence[Implant],
) -> tuple[Placed, ...]:
    if seed < 0:
        raise ConfigError(f"seed is {seed}; give a whole number from 0 upwards.")
    if not 96 <= height <= 8192:
        raise ConfigError(f"height is {height}; give 96 to 8192 rows.")
    if density not in DENSE_AREA:
        raise ConfigError(f"density is {density!r}; give A, B, C or D.")
    if look is not None and look not in LOOKS:
        raise ConfigError(f"look is {look!r}; give one of {', '.join(LOOKS)}.")
    if len({implant.laterality for implant in implants}) < len(implants):
        raise ConfigError(f"implants are {len(implants)} in one breast; give one or none of each.")
    if lesions == "random":
        mass = random_lesion(seed, "mass", "malignant")
        return (random_placed(seed, mass, implants=implants),)
    return tuple(lesions)


def write_exam(exam: SyntheticExam, folder: str | Path, bits: Literal[8, 16] = 8) -> list[Path]:
    """Write an exam as PNG files demo_R-CC.png ... and truth.json; no file is ever half there.

    Args:
        exam: what to write.
        folder: made if absent; files of the same names are replaced.
        bits: grey depth; 8 keeps the upper byte.

    Returns:
        The four pictures in hanging order, then truth.json.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / _name(view) for view in exam.images]
    for path, view in zip(paths, exam.images, strict=True):
        pixels = view.pixels if bits == 16 else (view.pixels >> 8).astype(np.uint8)
        _, png = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        write_atomic(path, png.tobytes())
    text = json.dumps(_truth(exam, bits), indent=2) + "\n"
    return [*paths, write_atomic(folder / "truth.json", text.encode())]


def _name(view: SyntheticView) -> str:
    return f"demo_{view.laterality}-{view.view}.png"


def _truth(exam: SyntheticExam, bits: int) -> dict[str, Any]:
    return {
        "seed": exam.seed,
        "height": exam.height,
        "density": exam.density,
        "bits": bits,
        "lesions": [asdict(placed) for placed in exam.lesions],
        **_told("implants", [asdict(implant) for implant in exam.implants]),
        **_told("objects", [asdict(thing) for thing in exam.objects]),
        "images": [_image_truth(view) for view in exam.images],
    }


def _image_truth(view: SyntheticView) -> dict[str, Any]:
    return {
        "file": _name(view),
        "laterality": view.laterality,
        "view": view.view,
        "spacing_mm": view.spacing_mm,
        "nipple_px": _rounded(view.nipple_px),
        "findings": [
            {"centre_px": _rounded(seen.centre_px), "box_px": seen.box_px} for seen in view.findings
        ],
        "dense_fraction": round(view.dense_fraction, 4),
        **_told("implant_box_px", box_of(view.implant_mask)),
        **_told("objects", [{"name": s.name, "box_px": _rounded(s.box_px)} for s in view.objects]),
    }


def _told(name: str, value: Any) -> dict[str, Any]:
    """An entry for what is there alone, so that a plain exam's truth stays as it was."""
    return {name: value} if value else {}


def _rounded(numbers: tuple[float, ...]) -> list[float]:
    return [round(x, 2) for x in numbers]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: write one exam to a folder and print the paths."""
    parser = argparse.ArgumentParser(prog="python -m mammoscope.data.synth", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--height", type=int, default=1280, help="rows of each picture")
    parser.add_argument("--story", default="C density", help="what the exam tells")
    parser.add_argument("--look", choices=sorted(LOOKS))
    parser.add_argument("--bits", type=int, default=8, choices=(8, 16))
    given = parser.parse_args(arguments)
    exam = exam_by_story(given.seed, given.story, given.height, given.look)
    for path in write_exam(exam, given.out, given.bits):
        print(path)


if __name__ == "__main__":
    main()
