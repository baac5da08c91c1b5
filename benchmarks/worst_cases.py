"""The breasts a run was most wrong about, as pictures, and what they have in common.

    python benchmarks/worst_cases.py RUN --data DATA/rsna2022 --out sheet/

RUN holds predictions.csv (out of fold) and, in K/weights, the exported network of each fold K.
A breast's score is the mean of its views' logits, as in the product. The ten worst misses are the
breasts with cancer of the lowest scores, the ten worst false alarms those without of the highest.
Networks of different folds differ in the level of their scores, and machines in their look; so a
breast's score is turned into its percentile among all breasts of its fold, and that into its
percentile among all breasts of its machine, by which breasts are ordered.

Writes misses.png and alarms.png: a breast's views, air at their sides cut away, and the same with
the lesion map of the network that held the woman out, its highest place ringed in green. worst.md
counts what the ten have in common. Nothing names a woman.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from fold_networks import fold_networks
from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases, cases
from mammoscope.evaluate.joining import Judged, join
from mammoscope.evaluate.markdown import grid
from mammoscope.evaluate.predictions import read_predictions
from mammoscope.evaluate.tables import Texts, texts
from mammoscope.evaluate.truth import read_truth
from mammoscope.files import write_atomic
from mammoscope.infer import Predictor
from mammoscope.infer.postprocess import mean_malignancy
from mammoscope.io import read_mammogram
from mammoscope.outputs.overlay import overlay
from mammoscope.types import ImageReport
from pointing_game import peak_px

Canvas = NDArray[np.uint8]

SHOWN = 10
WIDTH, COLUMNS = 1600, 2
_GAP, _LINE = 8, 20
_BLOCK = (WIDTH - _GAP) // COLUMNS - _GAP
_TALLEST, _LEAST_BESIDE = 480, 320
_MARGIN = 0.04
_RING_RGB = (140, 255, 120)  # markers on the skin leave white rings
_WORDS = {"": "not known", "0": "no", "1": "yes", "False": "no", "True": "yes"}
FEATURES = {
    "machine": "machine_id",
    "site": "site_id",
    "density": "density",
    "BI-RADS": "birads",
    "invasive": "invasive",
    "implant": "implant",
    "difficult negative": "difficult_negative_case",
}
"""What is counted, besides views and folds, and the truth's column for it."""
_YES_OR_NO = ("invasive", "implant", "difficult negative")


@dataclass(frozen=True, eq=False)
class Ranked:
    """All breasts of a run.

    Attributes:
        judged: truth by image.
        breasts: their cases; `row` is the breast of each image.
        percentile: (n,) of the score among the breasts of the same machine, 0 to 1, folds evened.
        features: (n,) labels by name.
    """

    judged: Judged
    breasts: Cases
    percentile: NDArray[np.float64]
    features: Mapping[str, Texts]

    def worst(self, truth: int, count: int = SHOWN) -> list[int]:
        """The breasts of one class that look most like the other, the worst first."""
        sign = 1 if truth else -1
        order = np.lexsort((sign * self.breasts.rank, sign * self.percentile))
        return [int(i) for i in order if self.breasts.truth[i] == truth][:count]

    def images(self, breast: int) -> list[int]:
        """Rows of a breast's images, CC before MLO."""
        rows = np.flatnonzero(self.breasts.row == breast)
        views = texts(self.judged.table, "view")[rows]
        return [int(row) for row in rows[np.argsort(views, kind="stable")]]


def ranked(judged: Judged) -> Ranked:
    """Order the breasts of a run.

    Raises:
        ConfigError: the truth names no machines, or the predictions no folds.
    """
    breasts = cases(judged, judged.models[0], "breast")
    if not {"machine", "fold"} <= set(breasts.groups):
        raise ConfigError(
            "The truth has no machine_id or the predictions have no fold; both are needed here."
        )
    return Ranked(
        judged,
        breasts,
        percentiles(percentiles(breasts.rank, breasts.groups["fold"]), breasts.groups["machine"]),
        features_of(judged, breasts),
    )


def percentiles(score: NDArray[np.float64], stratum: Texts) -> NDArray[np.float64]:
    """(n,) mid-rank of each score in its stratum less a half, over the stratum's size."""
    found = np.empty(len(score))
    for label in np.unique(stratum):
        inside = stratum == label
        found[inside] = (rankdata(score[inside]) - 0.5) / inside.sum()
    return found


def features_of(judged: Judged, breasts: Cases) -> dict[str, Texts]:
    """(breasts,) labels of what is counted and told; "not known" where the truth says nothing."""
    first = np.unique(breasts.row, return_index=True)[1]
    found = {}
    for name, column in FEATURES.items():
        labels = texts(judged.table, column)[first].tolist()
        words = _WORDS if name in _YES_OR_NO else {"": "not known"}
        found[name] = np.array([words.get(label, label) for label in labels], np.str_)
    views = texts(judged.table, "view")
    joined = [" ".join(sorted(views[breasts.row == i].tolist())) for i in range(len(first))]
    return {**found, "views": np.array(joined, np.str_), "fold": breasts.groups["fold"]}


def caption(
    all_breasts: Ranked, breast: int, place: int, reports: Sequence[ImageReport]
) -> list[str]:
    """What is told of a breast above its pictures, in the letters that OpenCV can draw."""
    malignancy = mean_malignancy(r.malignancy for r in reports if r.malignancy is not None)
    highest = max(float(r.lesion_map.values.max()) for r in reports if r.lesion_map is not None)
    told = {name: str(labels[breast]) for name, labels in all_breasts.features.items()}
    where = 100 * all_breasts.percentile[breast]
    known = [
        f"{name} {told[name]}"
        for name in ("density", "BI-RADS", "invasive", "difficult negative", "implant")
        if told[name] not in ("not known", "no")
    ]
    return [
        f"{place}. malignancy {malignancy:.2f}, map up to {highest:.2f}, percentile {where:.1f} of "
        f"machine {told['machine']}, site {told['site']}, fold {told['fold']}",
        f"{told['views']}: " + (", ".join(known) or "nothing more is known"),
    ]


def columns_shown(report: ImageReport) -> tuple[float, float]:
    """First and last column of the breast, with a margin, as parts of the source's width."""
    if report.breast_px is None or report.shape_px is None:
        return 0.0, 1.0
    ends = (report.breast_px[0], report.breast_px[2])
    first, last = (x / report.shape_px[1] for x in ends)
    return max(0.0, first - _MARGIN), min(1.0, last + _MARGIN)


def view_tiles(report: ImageReport, height: int) -> tuple[Canvas, Canvas]:
    """A view, and the same with its map, RGB, `height` px high, air cut away."""
    if report.preview is None or report.shape_px is None or report.lesion_map is None:
        raise ConfigError(f"An image could not be judged: {report.refused}")
    size = (round(report.preview.shape[1] * height / report.preview.shape[0]), height)
    small = cv2.resize(report.preview, size, interpolation=cv2.INTER_AREA)
    # No boxes: at this size they and their figures would hide what is to be looked at.
    shown = replace(report, preview=np.asarray(small, np.uint8), findings=())
    plain, drawn = overlay(replace(shown, lesion_map=None)), overlay(shown)
    x, y = np.multiply(peak_px(report.lesion_map), height / report.shape_px[0])
    cv2.circle(drawn, (round(x), round(y)), 9, _RING_RGB, 1, cv2.LINE_AA)
    first, last = (round(part * size[0]) for part in columns_shown(report))
    return plain[:, first:last], drawn[:, first:last]


def block(lines: Sequence[str], reports: Sequence[ImageReport], width: int) -> Canvas:
    """A breast, RGB, `width` px wide: its caption, its views, the same with their maps.

    The maps stand beside the views where that leaves them large enough, else below.
    """
    beside = _height(reports, width // 2)
    height = beside if beside >= _LEAST_BESIDE else _height(reports, width)
    plain, drawn = zip(*(view_tiles(one, height) for one in reports), strict=True)
    groups = [(*plain, *drawn)] if height == beside else [plain, drawn]
    rows = [_padded(_side_by_side(group), height + _GAP, width) for group in groups]
    return np.vstack([_written(lines, width), *rows])


def _height(reports: Sequence[ImageReport], width: int) -> int:
    """At which the views fit side by side, gaps included."""
    parts = [
        float(np.diff(columns_shown(one))[0]) * one.shape_px[1] / one.shape_px[0]
        for one in reports
        if one.shape_px is not None
    ]
    return min(_TALLEST, int((width - 2 * _GAP * len(reports)) / sum(parts)))


def _side_by_side(tiles: Sequence[Canvas]) -> Canvas:
    return np.hstack([np.pad(one, ((0, 0), (0, _GAP), (0, 0))) for one in tiles])


def _written(lines: Sequence[str], width: int) -> Canvas:
    canvas = np.zeros((_LINE * len(lines) + _GAP, width, 3), np.uint8)
    for number, line in enumerate(lines, 1):
        place, font = (0, number * _LINE - 4), cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(canvas, line, place, font, 0.48, (255, 255, 255), 1, cv2.LINE_AA)
    return canvas


def sheet(blocks: Sequence[Canvas]) -> Canvas:
    """The breasts dealt out to columns from left to right, RGB, WIDTH px wide."""
    columns = []
    for column in range(COLUMNS):
        cells = [np.pad(one, ((0, 2 * _GAP), (0, _GAP), (0, 0))) for one in blocks[column::COLUMNS]]
        columns.append(np.vstack(cells) if cells else np.zeros((0, 0, 3), np.uint8))
    height = max(column.shape[0] for column in columns)
    padded = [_padded(column, height, _BLOCK + _GAP) for column in columns]
    return np.pad(np.hstack(padded), ((_GAP, 0), (_GAP, 0), (0, 0)))


def _padded(picture: Canvas, height: int, width: int) -> Canvas:
    below, beside = height - picture.shape[0], width - picture.shape[1]
    return np.pad(picture, ((0, max(0, below)), (0, max(0, beside)), (0, 0)))


def drawn(
    all_breasts: Ranked,
    chosen: Sequence[int],
    network_of: Callable[[int], Predictor],
    folder: Path,
) -> Canvas:
    """The contact sheet of some breasts, judged by the network that held each out.

    `folder` is what the truth's image paths start from.
    """
    blocks = []
    for place, breast in enumerate(chosen, 1):
        paths = [folder / str(all_breasts.judged.image[i]) for i in all_breasts.images(breast)]
        network = network_of(int(all_breasts.breasts.groups["fold"][breast]))
        reports = network.judge([read_mammogram(path) for path in paths])
        lines = caption(all_breasts, breast, place, reports)
        blocks.append(block(lines, reports, _BLOCK))
    return sheet(blocks)


def in_common(all_breasts: Ranked, chosen: Sequence[int], truth: int) -> list[list[str]]:
    """Feature, value, how many of the chosen have it, and the share of all of their class."""
    rows = []
    of_class = all_breasts.breasts.truth == truth
    for name, labels in all_breasts.features.items():
        values = np.unique(labels[of_class])
        for value in values if len(values) > 1 else ():
            count = int((labels[chosen] == value).sum())
            share = float((labels[of_class] == value).mean())
            rows.append([name, str(value), str(count), f"{100 * share:.0f} %"])
    return [row for row in rows if row[2] != "0" or float(row[3][:-2]) >= 100 / len(chosen)]


def told(all_breasts: Ranked, chosen: Mapping[int, Sequence[int]]) -> str:
    """worst.md: a table for the misses and one for the false alarms."""
    names = {1: "worst misses", 0: "worst false alarms"}
    parts = []
    for truth, breasts in chosen.items():
        total = int((all_breasts.breasts.truth == truth).sum())
        kind = "with cancer" if truth else "without cancer"
        head = ["", "value", f"of the {len(breasts)} {names[truth]}", f"of all {total} {kind}"]
        parts.append(grid(head, in_common(all_breasts, breasts, truth)))
    note = (
        "Breasts, by the percentile of their score among those of the same machine, folds evened. "
        "Values that "
        "none of them has, and few others have, are left out; so few cases prove nothing."
    )
    return "\n\n".join([*parts, note])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--data", type=Path, required=True, help="the set's manifest or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    truth = read_truth(options.data)
    all_breasts = ranked(join(truth, read_predictions(options.run / "predictions.csv")))
    chosen = {1: all_breasts.worst(1), 0: all_breasts.worst(0)}
    options.out.mkdir(parents=True, exist_ok=True)
    text = told(all_breasts, chosen)
    write_atomic(options.out / "worst.md", f"{text}\n".encode())
    print(text)
    networks = fold_networks(options.run)
    for name, breasts in (("misses", chosen[1]), ("alarms", chosen[0])):
        picture = drawn(all_breasts, breasts, networks, truth.path.parent)
        _, encoded = cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))
        write_atomic(options.out / f"{name}.png", encoded.tobytes())


if __name__ == "__main__":
    main()
