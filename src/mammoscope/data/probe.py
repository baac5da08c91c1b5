"""The shortcut probe: can the label be told without looking at a breast?

A network finds whatever tells the classes apart. Where a machine, the number of a woman's images
or what lies beside the breast does so, a high AUC says nothing about cancer (Zech et al., PLoS
Med 2018;15:e1002683; Geirhos et al., Nat Mach Intell 2020;2:665-673).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from threadpoolctl import threadpool_limits

from mammoscope.anatomy import breast_mask, to_uint8
from mammoscope.data.audit.look import read_pixels
from mammoscope.data.manifest import Manifest
from mammoscope.data.splits import folds_by_patient, groups
from mammoscope.errors import ConfigError, ReadError
from mammoscope.metrics.resample import patient_bootstrap
from mammoscope.metrics.roc import auc

FOLDS = 5
RESAMPLES = 500
METADATA = ("age", "machine_id", "site_id", "view", "laterality", "implant", "density", "birads")
WOMAN = ["dataset", "patient_id"]
SEEN = ("laterality", "view")
_NUMBERS = ("age", "birads")
_SIDE = 256


@dataclass(frozen=True)
class Shortcut:
    """How well one thing that is no breast tells the label.

    Attributes:
        feature: what was given to the classifier.
        auc: out of fold, by patient; 0.5 is chance.
        low: lower end of the 95 % interval by patient bootstrap.
        high: upper end.
        n: number of images.
    """

    feature: str
    auc: float
    low: float
    high: float
    n: int

    @property
    def suspicious(self) -> bool:
        """Whether the whole interval lies above 0.55: more than noise, more than a trifle."""
        return self.low > 0.55


def probe(manifest: Manifest, label: str = "cancer", *, pixels: bool = True) -> list[Shortcut]:
    """Cross-validated AUC of the label from each kind of thing that is no breast.

    Args:
        manifest: its rows with the label known are used.
        label: a column of 0 and 1.
        pixels: also read every image, for what lies outside the breast.

    Returns:
        The features that are there, best first. Each is judged by gradient-boosted trees
        (Friedman, Ann Stat 2001;29:1189-1232) over five folds by patient.

    Raises:
        ConfigError: the label is not there, or has one class only.
    """
    images = manifest.images
    if label not in images:
        raise ConfigError(f"the manifest has no column {label!r} to probe.")
    rows = images[images[label].isin(["0", "1"])].reset_index(drop=True)
    if rows[label].nunique() < 2:
        raise ConfigError(f"column {label!r} holds one class only; there is nothing to tell apart.")
    tables = {name: table for name, table in _tables(manifest, rows) if table.nunique().max() > 1}
    if pixels:
        tables["outside the breast"] = pd.DataFrame(_outside(manifest, rows))
    # So little work is slower on several threads, and very slow where others use the cores too.
    with threadpool_limits(1, user_api="openmp"):
        found = [_judge(name, table, rows, label) for name, table in tables.items()]
    return sorted(found, key=lambda shortcut: -shortcut.auc)


def _tables(manifest: Manifest, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and features (n rows) of everything that needs no pixels."""
    metadata = [name for name in METADATA if (rows[name] != "").any()]
    coded = pd.DataFrame({name: _coded(rows[name], name in _NUMBERS) for name in metadata})
    for name in metadata:
        yield name, coded[[name]]
    if len(metadata) > 1:
        yield "all of these together", coded
    woman = manifest.images.groupby(WOMAN)
    counted = {"images": woman.size(), **{name: woman[name].nunique() for name in SEEN}}
    counts = rows[WOMAN].join(pd.DataFrame(counted), on=WOMAN)
    yield "number of a woman's images", counts[["images"]].astype(float)
    yield "which sides and views a woman has", counts[list(SEEN)].astype(float)
    yield "file size and kind", _files([manifest.path(path) for path in rows["image_path"]])


def _files(files: list[Path]) -> pd.DataFrame:
    kinds = pd.Series([file.suffix.lower() for file in files])
    sizes = [float(file.stat().st_size) if file.is_file() else np.nan for file in files]
    return pd.DataFrame({"bytes": sizes, "kind": _coded(kinds, number=False)})


def _coded(values: pd.Series, number: bool) -> NDArray[np.float64]:
    """As numbers; unknown is NaN, which the trees treat as a value of its own."""
    if number:
        return np.asarray(pd.to_numeric(values, errors="coerce"), float)
    codes, _ = pd.factorize(values.where(values != ""), sort=True)
    return np.where(codes < 0, np.nan, codes.astype(float))


def _judge(name: str, table: pd.DataFrame, rows: pd.DataFrame, label: str) -> Shortcut:
    from sklearn.ensemble import HistGradientBoostingClassifier

    truth = (rows[label] == "1").to_numpy()
    fold = folds_by_patient(rows, FOLDS, 0, (label,))
    features, score = table.to_numpy(float), np.zeros(len(rows))
    for number in range(FOLDS):
        held = fold == number
        trees = HistGradientBoostingClassifier(
            max_iter=60, max_depth=3, learning_rate=0.1, random_state=0
        )
        trees.fit(features[~held], truth[~held])
        score[held] = trees.decision_function(features[held])
    interval = patient_bootstrap(
        lambda index: auc(truth[index], score[index]), groups(rows), RESAMPLES
    )
    return Shortcut(name, auc(truth, score), interval.low, interval.high, len(rows))


def _outside(manifest: Manifest, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Features (n, k) of each picture without its breast; NaN where it cannot be read."""
    files = [manifest.path(path) for path in rows["image_path"]]
    with ThreadPoolExecutor() as pool:
        results = track(
            pool.map(outside_features, files),
            "looking outside the breast",
            total=len(files),
            console=Console(stderr=True),
        )
        return np.stack(list(results))


def outside_features(file: Path) -> NDArray[np.float64]:
    """What a picture shows where no breast is: size, grey levels, marks in nine fields.

    Returns:
        (31,): height and width in pixels, share of the breast's box, histogram of grey levels
        outside (8 bins), and of a 3 x 3 grid mean and spread outside (18), and their totals (2);
        all NaN where the file cannot be read.
    """
    try:
        pixels = read_pixels(file)
    except ReadError:
        return np.full(31, np.nan)
    small = to_uint8(cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
    outline = breast_mask(pixels).astype(np.uint8)
    mask = cv2.resize(outline, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
    air = cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0
    bins = np.histogram(small[air], bins=8, range=(0, 256))[0] / max(air.sum(), 1)
    fields = [_field(small, air, row, column) for row in range(3) for column in range(3)]
    whole = (float(small[air].mean()), float(small[air].std())) if air.any() else (0.0, 0.0)
    return np.array([*pixels.shape, float(mask.mean()), *bins, *np.ravel(fields), *whole])


def _field(
    small: NDArray[np.uint8], air: NDArray[np.bool_], row: int, column: int
) -> tuple[float, float]:
    third = _SIDE // 3
    part = np.s_[row * third : (row + 1) * third, column * third : (column + 1) * third]
    grey = small[part][air[part]]
    return (float(grey.mean()), float(grey.std())) if grey.size else (0.0, 0.0)
