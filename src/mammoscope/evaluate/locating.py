"""Whether suspicious places are where the lesions are: FROC and its kin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import Estimate, Resampling, Statistic, estimate
from mammoscope.evaluate.joining import Judged
from mammoscope.evaluate.tables import texts
from mammoscope.io import read_picture
from mammoscope.metrics import froc
from mammoscope.metrics.average_precision import interpolated_precision, rank
from mammoscope.metrics.hit_rule import HitRule
from mammoscope.metrics.marks import Candidates, Lesions
from mammoscope.metrics.matching import Matches, match
from mammoscope.metrics.proportions import proportion

Floats = NDArray[np.float64]
Weighted = Callable[[Floats], float | Floats]

_IOU = 0.5
_AT = "sensitivity at {:g} false positives per image"
_WILSON = "Wilson, clustered by patient"
_ROUNDING = 1e-9
_BOOTSTRAP_FROM = 50
"""Women with a lesion from which a bootstrap of FROC's sensitivities holds (docs/coverage.md)."""
_EDGES = ["x1_px", "y1_px", "x2_px", "y2_px"]
_GRID = np.concatenate([[0.0], np.geomspace(0.02, 8, 60)])


def located(
    judged: Judged,
    findings: pd.DataFrame,
    folder: Path,
    boxes: pd.DataFrame,
    model: str,
    rule: HitRule,
    resampling: Resampling,
) -> tuple[list[Estimate], list[dict[str, Any]]]:
    """Figures and FROC curves of one model, for all lesions and for each kind of them.

    Args:
        judged: truth by image.
        findings: of the truth's manifest.
        folder: what its mask paths start from.
        boxes: columns `predictions.BOX_COLUMNS`; those on images not judged are left out, as the
            images are.
        model: whose boxes.
        rule: when a box hits a lesion.
        resampling: for the intervals.

    Raises:
        ConfigError: a box is no box, or no finding has a place.
        ReadError: a mask cannot be read.
    """
    lesions = _lesions(judged, findings, folder)
    if not len(lesions.image):
        raise ConfigError("no finding of the judged images has a place")
    candidates = _candidates(judged, boxes)
    matches = match(candidates, lesions, len(judged.image), rule)
    found = _precision(candidates, lesions, _cases(judged, matches, model), resampling)
    curves: list[dict[str, Any]] = []
    for kind, part in _parts(matches, lesions):
        cases = _cases(judged, part, model)
        note = f"{len(part.lesion_image)} lesions; hit: {rule}"
        found += _sensitivities(cases, part, kind, note)
        statistics = _statistics(part, cases)
        names = {f"{kind}: {name}": statistic for name, statistic in statistics.items()}
        found += resampling.measure(cases, names, dict.fromkeys(names, note), cancer=False)
        on_grid = _resampled(partial(_on_grid, part), part.n_images)
        band = resampling.sweep(cases, on_grid, cancer=False).band()
        curve = {"model": model, "unit": "image", "kind": kind, "x": _GRID.tolist()}
        edges = {"y": band.value.tolist(), "low": _known(band.low), "high": _known(band.high)}
        curves.append({**curve, **edges})
    return found, curves


def _lesions(judged: Judged, findings: pd.DataFrame, folder: Path) -> Lesions:
    """Those of the judged images whose place is known; circles and masks where they are given."""
    row = pd.Series(np.arange(len(judged.image)), index=judged.image)
    at = row.reindex(findings["image_path"]).to_numpy(float)
    edges = findings.reindex(columns=_EDGES).apply(pd.to_numeric, errors="coerce").to_numpy(float)
    kept = ~np.isnan(at) & ~np.isnan(edges).any(axis=1)
    kept &= (edges[:, 2] > edges[:, 0]) & (edges[:, 3] > edges[:, 1])
    table, box = findings[kept], edges[kept]
    kind = texts(table, "kind")
    return Lesions(
        at[kept].astype(np.intp),
        box,
        _circles(texts(table, "outline"), box),
        _masks(table, box, folder),
        np.where(kind == "", "other", kind),
    )


def _circles(outline: NDArray[np.str_], box: Floats) -> Floats:
    """(m, 3) centre and radius of findings given as circles, NaN for the others."""
    found = np.full((len(box), 3), np.nan)
    ring = outline == "circle"
    found[ring, :2] = (box[ring, :2] + box[ring, 2:]) / 2
    found[ring, 2] = (box[ring, 2:] - box[ring, :2]).max(axis=1) / 2
    return found


def _masks(table: pd.DataFrame, box: Floats, folder: Path) -> list[NDArray[np.bool_] | None]:
    """Masks cut to their boxes; None for findings that have none."""
    found: list[NDArray[np.bool_] | None] = []
    for name, outline, (x1, y1, x2, y2) in zip(
        texts(table, "mask_path"), texts(table, "outline"), box, strict=True
    ):
        if not name or outline != "mask":
            found.append(None)
            continue
        mask = read_picture(folder / name).pixels
        found.append(mask[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] > 0)
    return found


def _candidates(judged: Judged, boxes: pd.DataFrame) -> Candidates:
    row = pd.Series(np.arange(len(judged.image)), index=judged.image)
    at = row.reindex(boxes["image_path"]).to_numpy(float)
    known = ~np.isnan(at)
    place = boxes[_EDGES].to_numpy(float)[known]
    return Candidates(at[known].astype(np.intp), place, boxes["score"].to_numpy(float)[known])


def _parts(matches: Matches, lesions: Lesions) -> Iterator[tuple[str, Matches]]:
    yield "all lesions", matches
    kinds = [] if lesions.kind is None else np.unique(lesions.kind).tolist()
    for kind in kinds if len(kinds) > 1 else []:
        yield kind, matches.only(lesions.kind == kind)


def _cases(judged: Judged, matches: Matches, model: str) -> Cases:
    patient = np.unique(judged.patient, return_inverse=True)[1]
    rows = np.arange(len(patient))
    return Cases(
        "image", model, patient, (~matches.lesion_free).astype(np.intp), rows.astype(float), None,
        {}, values={"row": rows},
    )  # fmt: skip


def _statistics(matches: Matches, cases: Cases) -> dict[str, Statistic]:
    found: dict[str, Weighted] = {}
    if _women(matches, cases) >= _BOOTSTRAP_FROM:
        for fppi in froc.FPPI:
            found[_AT.format(fppi)] = partial(_sensitivity, matches, fppi)
    found["mean of these sensitivities"] = lambda w: froc.mean_sensitivity(matches, image_weight=w)
    if not matches.lesion_free.any():
        found["AFROC area, all images (AFROC1)"] = lambda w: froc.afroc_area(
            matches, images="all", image_weight=w
        )
        return {name: _resampled(of, matches.n_images) for name, of in found.items()}
    found["AFROC area"] = lambda w: froc.afroc_area(matches, image_weight=w)
    found["wAFROC area"] = lambda w: froc.afroc_area(matches, weighted=True, image_weight=w)
    if np.bincount(matches.lesion_image).max() == 1:
        found["LROC area"] = lambda w: froc.lroc_area(matches, w)
    return {name: _resampled(of, matches.n_images) for name, of in found.items()}


def _sensitivities(cases: Cases, matches: Matches, kind: str, note: str) -> list[Estimate]:
    """With few women: by Wilson's interval at the threshold found, where a bootstrap fails."""
    if _women(matches, cases) >= _BOOTSTRAP_FROM:
        return []
    curve = froc.froc(matches)
    women = cases.patient[matches.lesion_image]
    found = []
    for fppi in froc.FPPI:
        last = np.searchsorted(curve.false_positives, fppi + _ROUNDING, "right") - 1
        hit = proportion(matches.lesion_score >= curve.threshold[last], women)
        found.append(
            estimate(
                f"{kind}: {_AT.format(fppi)}", cases, hit.value, hit.low, hit.high, _WILSON, note
            )
        )
    return found


def _women(matches: Matches, cases: Cases) -> int:
    return len(np.unique(cases.patient[matches.lesion_image]))


def _precision(
    candidates: Candidates, lesions: Lesions, cases: Cases, resampling: Resampling
) -> list[Estimate]:
    ranking = rank(candidates, Lesions(lesions.image, lesions.box), [_IOU])
    name = f"all lesions: average precision, IoU {_IOU:g}"
    statistic = _resampled(lambda w: interpolated_precision(ranking, w), len(cases.truth))
    note = f"{len(lesions.image)} lesions, as COCO's, of one kind"
    return resampling.measure(cases, {name: statistic}, {name: note}, cancer=False)


def _sensitivity(matches: Matches, fppi: float, weight: Floats) -> float:
    return float(froc.sensitivity_at(matches, [fppi], image_weight=weight)[0])


def _resampled(of: Weighted, n_images: int) -> Statistic:
    """A statistic of image weights as one of drawn cases."""
    return lambda cases: of(np.bincount(cases.values["row"], minlength=n_images).astype(float))


def _on_grid(matches: Matches, weight: Floats) -> Floats:
    return froc.sensitivity_at(matches, _GRID, image_weight=weight)


def _known(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
