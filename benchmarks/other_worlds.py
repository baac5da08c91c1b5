"""The reader on other sets: film, and cancers of another country.

    python benchmarks/other_worlds.py DATA_FOLDER [--weights W | --run RUN] [--out DIR] [--limit N]

With --run each image is judged by the network of the fold that held its patient out (RUN/folds.csv
and RUN/K/weights), and by that of fold 0 where no fold learned from its set. Weights that ship have
learned places, not cancers, from `mini_mias` and `cdd_cesm`: what they reach there means little.

All images come through the program's own reader and predictor. `mini_mias`: can the malignancy
tell films with a cancer from the others; `mini_mias` and `cdd_cesm`: does the highest point of
the lesion map lie in a lesion, against chance; `ddsm_tissue`: does the density grow with the dense
part of the breast; `samples`: what is said of single exams. The tables go to stdout and, with
`--out`, to DIR/other_worlds.md, .json and .png. Intervals are 95 %.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import spearmanr

from fold_networks import Networks, of_run, of_weights
from mammoscope.errors import ConfigError, ReadError
from mammoscope.evaluate import markdown
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import Estimate, Resampling
from mammoscope.infer import Predictor
from mammoscope.io import read_exam, read_mammogram
from mammoscope.metrics.roc import auc
from mammoscope.types import ImageReport, ModelInfo
from pointing_game import Judged, Pointing, Row, boxes_of, cases, circles_of, judge, pointing

NOTES = (
    "mini_mias is digitised film of 92 women, MLO only, with few cancers: the interval is wide, "
    "and a reader trained on digital mammograms meets a look it never saw.",
    "The shares of cancers were chosen by those who made the sets; no figure here says how the "
    "reader would do in screening, and none should be used to choose a threshold.",
    "cdd_cesm holds advanced, symptomatic cancers at 512 pixels: large targets, in which "
    "microcalcifications are gone. It has no normal images, so it can give no AUC.",
    "Chance is a point drawn evenly from the breast. Lesions lie more often in its middle, so a "
    "map must also beat the column 'centroid', a reader that always points at the breast's "
    "centroid.",
    "Lesions of a film without a circle are in the AUC and not among the lesions pointed at; a "
    "hit says that one lesion of the image was pointed at, not that all of them were.",
    "A map cell is coarse, so the centre of the right cell can lie outside of a small lesion; "
    "'widened' targets have grown by half a cell, and so has their chance. They are not a lesion.",
    "Percent density on film is the area drawn in the right MLO view; BI-RADS grades were given "
    "on both breasts and all views. Only the order is compared.",
)


@dataclass
class Part:
    """One data set: its images, and which were refused and why."""

    name: str
    judged: list[Judged] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def images_of(folder: Path, limit: int | None) -> dict[str, list[Row]]:
    """The manifest's rows by image, the first `limit` images; no image without manifest."""
    rows: dict[str, list[Row]] = defaultdict(list)
    with (folder / "manifest.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["image_path"]].append(row)
    return dict(list(rows.items())[:limit])


def judge_set(networks: Networks, folder: Path, limit: int | None) -> Part:
    """Read and judge each image of a set once."""
    part = Part(folder.name)
    images = list(images_of(folder, limit).items())
    for name, rows in track(images, folder.name, console=Console(stderr=True)):
        try:
            part.judged.append(judge(networks.of(folder.name, name), folder / name, rows))
        except ReadError as error:
            part.refused.append(f"{folder.name}/{Path(name).name}: {error.reason}")
    return part


def ranking(part: Part, resampling: Resampling) -> list[Estimate]:
    """AUC of films with a cancer against all others, and against benign lesions only."""
    severities = [{row["severity"] for row in j.rows} for j in part.judged]
    everything = cases(part.judged, ["M" in s for s in severities])
    lesions = everything.where(np.array([bool(s - {""}) for s in severities], bool))
    return [
        *resampling.measure(everything, {"AUC, malignant against normal and benign": _area}),
        *resampling.measure(lesions, {"AUC, malignant against benign": _area}),
    ]


def _area(cases: Cases) -> float:
    return auc(cases.truth, cases.rank)


def density_order(part: Part, resampling: Resampling) -> Estimate:
    """Rank correlation of the expected grade with the percent density drawn by hand."""
    expected = np.array([j.density for j in part.judged])
    drawn = np.array([float(j.rows[0]["pct_dense_from_mask"]) for j in part.judged])

    films = cases(part.judged, [0] * len(part.judged)).having(expected=expected, drawn=drawn)
    name = "Spearman, expected grade with percent density"
    return resampling.measure(films, {name: _rank_correlation}, cancer=False)[0]


def _rank_correlation(films: Cases) -> float:
    expected, drawn = films.values["expected"], films.values["drawn"]
    if len(expected) < 3 or np.ptp(expected) == 0 or np.ptp(drawn) == 0:
        raise ConfigError("A rank correlation needs three films that differ.")
    return float(spearmanr(expected, drawn).statistic)


def film_pointing(part: Part, resampling: Resampling) -> list[Pointing]:
    """Circles of `mini_mias`; for one kind of lesion only the circles of that kind count."""
    found = []
    for name, kinds in (("malignant", "M"), ("benign", "B"), ("all lesions", "BM")):
        targets = [(j, np.zeros((0, 4)), circles_of(j.rows, kinds)) for j in part.judged]
        found += pointing(f"mini_mias, {name}", targets, resampling)
    return found


def box_pointing(part: Part, resampling: Resampling) -> list[Pointing]:
    targets = [(j, boxes_of(j.rows), np.zeros((0, 3))) for j in part.judged]
    return pointing("cdd_cesm, malignant", targets, resampling)


def sample_reports(predictor: Predictor, folder: Path) -> list[ImageReport]:
    """Single exams; the two DICOM files are one picture in two compressions."""
    exams = [read_exam(folder / "ffdm"), read_exam(folder / "dicom")]
    return [image for exam in exams for image in predictor(exam).images]


def counted_table(parts: Sequence[Part]) -> str:
    rows = [
        [p.name, str(len(p.judged) + len(p.refused)), str(len(p.judged)), str(len(p.refused)),
         str(sum(not j.breast.any() for j in p.judged))]
        for p in parts
    ]  # fmt: skip
    refused = [f"- refused: {line}" for part in parts for line in part.refused]
    head = ["set", "images", "judged", "refused", "no breast outlined"]
    return "\n\n".join(filter(None, [markdown.grid(head, rows), "\n".join(refused)]))


def pointing_table(found: Sequence[Pointing]) -> str:
    head = ["targets", "images", "women", "hits", "hit rate", "Wilson, by image",
            "bootstrap, by woman", "chance", "centroid", "peak off breast"]  # fmt: skip
    rows = [
        [p.name, str(p.images), str(p.women), str(p.hits), f"**{p.rate:.3f}**",
         _range(*p.wilson), _range(*p.by_woman), f"{p.chance:.3f}", f"{p.centroid:.3f}",
         str(p.off_breast)]
        for p in found
    ]  # fmt: skip
    return markdown.grid(head, rows)


def _range(low: float | None, high: float | None) -> str:
    return "none" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def samples_table(reports: Sequence[ImageReport]) -> str:
    head = ["image", "breast and view", "malignancy", "density A, B, C, D", "findings", "told"]
    return markdown.grid(head, [_sample_row(report) for report in reports])


def _sample_row(report: ImageReport) -> list[str]:
    malignancy = "none" if report.malignancy is None else f"{report.malignancy:.3f}"
    grades = report.density.probabilities if report.density else ()
    boxes = [
        f"{f.score:.3f} at " + ", ".join(f"{edge:.0f}" for edge in f.box_px)
        for f in report.findings
    ]
    return [
        Path(report.path).name,
        f"{report.laterality or 'side unknown'} {report.view or 'view unknown'}",
        malignancy,
        ", ".join(f"{p:.2f}" for p in grades) or "none",
        "; ".join(boxes) or "none",
        " ".join(filter(None, [report.refused, *report.warnings])),
    ]


def worst_sheet(part: Part, count: int = 8) -> NDArray[np.uint8] | None:
    """The malignant films of the lowest score: circles green, the map's peak a red cross."""
    films = [j for j in part.judged if len(circles_of(j.rows, "M"))]
    films = sorted(films, key=lambda film: film.malignancy)[:count]
    return np.hstack([_tile(film) for film in films]) if films else None


def _tile(film: Judged) -> NDArray[np.uint8]:
    picture = cv2.cvtColor(read_mammogram(film.path).pixels, cv2.COLOR_GRAY2BGR)
    for x, y, radius in circles_of(film.rows, "M"):
        cv2.circle(picture, (round(x), round(y)), round(radius), (0, 255, 0), 4)
    at = (round(film.peak_px[0]), round(film.peak_px[1]))
    cv2.drawMarker(picture, at, (0, 0, 255), cv2.MARKER_CROSS, 60, 6)
    text = f"{film.path.stem} {film.malignancy:.3f}"
    cv2.putText(picture, text, (20, 1000), 0, 1.6, (255, 255, 0), 3, cv2.LINE_AA)
    return np.asarray(cv2.resize(picture, (320, 320), interpolation=cv2.INTER_AREA), np.uint8)


def page(model: ModelInfo, parts: Sequence[Part], figures: Sequence[Estimate],
         found: Sequence[Pointing], samples: Sequence[ImageReport],
         limit: int | None) -> str:  # fmt: skip
    """All results as one Markdown page."""
    trial = [] if limit is None else [f"**A trial: only the first {limit} images of each set.**"]
    return "\n\n".join([
        "# The reader on other sets",
        f"Weights {model.name}, sha256 {model.sha256}; {model.runtime}.",
        *trial,
        "## What these figures do not mean",
        "\n".join(f"- {note}" for note in NOTES),
        "## Images", counted_table(parts),
        "## Malignancy and density", markdown.table([asdict(figure) for figure in figures]),
        "## Does the map's highest point lie in a lesion", pointing_table(found),
        "## Samples (boxes in source pixels: x1, y1, x2, y2)", samples_table(samples),
    ]) + "\n"  # fmt: skip


def record(model: ModelInfo, parts: Sequence[Part], figures: Sequence[Estimate],
           found: Sequence[Pointing]) -> dict[str, Any]:  # fmt: skip
    """The same for programs, with every image's score and peak."""
    images = [
        {"set": part.name, "image": j.path.name, "malignancy": j.malignancy,
         "expected_density": j.density, "peak_px": j.peak_px}
        for part in parts for j in part.judged
    ]  # fmt: skip
    return {
        "model": {"name": model.name, "sha256": model.sha256, "runtime": model.runtime},
        "notes": NOTES,
        "refused": [line for part in parts for line in part.refused],
        "figures": [asdict(figure) for figure in figures],
        "pointing": [asdict(p) for p in found],
        "images": images,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds the sets")
    parser.add_argument("--weights", help="name or folder; those that ship if absent")
    parser.add_argument("--run", type=Path, help="folder of a finished run")
    parser.add_argument("--out", type=Path, help="write other_worlds.md, .json and .png here")
    parser.add_argument("--limit", type=int, help="only the first images of each set")
    parser.add_argument("--resamples", type=int, default=2000, help="of each bootstrap")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    networks = of_run(options.run) if options.run else of_weights(options.weights)
    predictor, resampling = networks.load(0), Resampling(options.resamples)
    mias, cesm, tissue = (
        judge_set(networks, options.data / name, options.limit)
        for name in ("mini_mias", "cdd_cesm", "ddsm_tissue")
    )
    parts = (mias, cesm, tissue)
    figures = [*ranking(mias, resampling), density_order(tissue, resampling)]
    found = [*film_pointing(mias, resampling), *box_pointing(cesm, resampling)]
    text = page(predictor.info, parts, figures, found,
                sample_reports(predictor, options.data / "samples"), options.limit)  # fmt: skip
    print(text)
    if options.out:
        write(options.out, text, record(predictor.info, parts, figures, found), worst_sheet(mias))


def write(
    folder: Path, text: str, record: dict[str, Any], picture: NDArray[np.uint8] | None
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "other_worlds.md").write_text(text, encoding="utf-8")
    (folder / "other_worlds.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if picture is not None:
        _, png = cv2.imencode(".png", picture)
        (folder / "other_worlds.png").write_bytes(png.tobytes())


if __name__ == "__main__":
    main()
