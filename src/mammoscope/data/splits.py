"""Splits by patient: no woman, and no picture known to be the same, on two sides.

Every rule gives each image a value of the column `split` and writes itself, with a hash of the
result, into `split_rule`, so that every later figure can say what it was measured on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.data.manifest import Manifest
from mammoscope.errors import ConfigError

STRATA = ("machine_id", "cancer")
"""What folds are balanced on unless told otherwise."""
TRAIN, TEST = "train", "test"


def groups(images: pd.DataFrame) -> NDArray[np.str_]:
    """What must stay together (n,): images of a woman, and of women who share a duplicate.

    Each group is called by its first patient in alphabetical order.
    """
    patients, patient = np.unique(images["patient_id"].astype(str), return_inverse=True)
    same = images.get("duplicate_group")
    if same is None or not (same != "").any():
        return np.asarray(patients[patient], np.str_)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    known = (same != "").to_numpy()
    _, duplicate = np.unique(same[known], return_inverse=True)
    size = len(patients) + duplicate.max() + 1
    edges = (patient[known], len(patients) + duplicate)
    graph = coo_array((np.ones(len(duplicate)), edges), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component[: len(patients)], return_index=True)
    name = dict(zip(component[first], patients[first], strict=True))
    return np.array([name[part] for part in component[patient]], np.str_)


def folds_by_patient(
    images: pd.DataFrame, folds: int, seed: int, strata: Sequence[str] = STRATA
) -> NDArray[np.int64]:
    """Fold number (n,) per image; a group falls into one fold, the strata spread evenly.

    Args:
        images: n rows with patient_id, the strata's columns and perhaps duplicate_group.
        folds: at least 2.
        seed: of the shuffle.
        strata: columns whose combinations every fold shall have its share of.

    Raises:
        ConfigError: a column is missing, there are fewer women than folds, or the strata are so
            many that none has an image for each fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    missing = [name for name in strata if name not in images]
    if missing:
        raise ConfigError(f"the manifest has no column {missing[0]!r} to stratify on.")
    together = groups(images)
    if folds < 2 or len(np.unique(together)) < folds:
        raise ConfigError(
            f"{folds} folds of {len(np.unique(together))} women are not possible; "
            "give from 2 to the number of women."
        )
    stratum = images[list(strata)].astype(str).agg("/".join, axis=1)
    if stratum.value_counts().max() < folds:
        raise ConfigError(
            f"every combination of {', '.join(strata)} has fewer than {folds} images; "
            "stratify on fewer columns."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.full(len(images), -1, np.int64)
    for number, (_, held) in enumerate(splitter.split(images, stratum, together)):
        fold[held] = number
    return fold


def k_fold(
    manifest: Manifest, folds: int = 5, seed: int = 0, strata: Sequence[str] = STRATA
) -> Manifest:
    """Folds "0", "1" ... by patient, stratified; see `folds_by_patient`."""
    fold = folds_by_patient(manifest.images, folds, seed, strata)
    rule = f"{folds} folds by patient, stratified on {' and '.join(strata)}, seed {seed}"
    return _assigned(manifest, fold.astype(str), rule)


def holdout(manifest: Manifest, fraction: float = 0.2, salt: str = "") -> Manifest:
    """A fixed share of the women is "test", the others "train", decided by a hash alone.

    A woman's side depends on her code and the salt, not on who else is there: it stays the same
    when the data grow.

    Raises:
        ConfigError: the fraction is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the test fraction is {fraction:g}; give one between 0 and 1.")
    side = {
        group: TEST if _uniform(f"{salt}/{group}") < fraction else TRAIN
        for group in np.unique(groups(manifest.images))
    }
    split = [side[group] for group in groups(manifest.images)]
    return _assigned(manifest, split, f"holdout by hash, fraction {fraction:g}, salt {salt!r}")


def by_site(manifest: Manifest, column: str = "site_id") -> Manifest:
    """One fold a site, named by it, for leave-one-site-out evaluation.

    Raises:
        ConfigError: the column is missing or empty somewhere, or a woman was at two sites.
    """
    if column not in manifest.images or (manifest.images[column] == "").any():
        raise ConfigError(
            f"column {column!r} is not filled in every row; it cannot part the sites."
        )
    split = _assigned(manifest, manifest.images[column], f"one fold for each {column}")
    torn = leaks(split)
    if len(torn):
        raise ConfigError(
            f"{len(torn)} women or duplicate groups were at two sites; "
            f"leave them out or split by patient."
        )
    return split


def official(manifest: Manifest) -> Manifest:
    """The publisher's split, as it stands in the column, if it tears no woman apart.

    Raises:
        ConfigError: the column is not filled in every row, or women are on two sides.
    """
    split = manifest.images["split"]
    if (split == "").any():
        raise ConfigError(f"column 'split' is empty in {(split == '').sum()} rows; choose a rule.")
    torn = leaks(manifest)
    if len(torn):
        raise ConfigError(
            f"the official split tears {len(torn)} women or duplicate groups apart; choose a rule."
        )
    return _assigned(manifest, split, "official")


def leaks(manifest: Manifest) -> pd.DataFrame:
    """Groups on more than one side: a row each, with the sides and the number of images.

    Returns:
        Columns images (count) and sides (text); the index is the group.
    """
    rows = manifest.images[manifest.images["split"] != ""]
    if rows.empty:
        return pd.DataFrame({"images": [], "sides": []})
    table = rows.assign(group=groups(rows)).groupby("group")["split"]
    torn = table.nunique() > 1
    sides = table.agg(lambda split: ", ".join(sorted(split.unique())))
    return pd.DataFrame({"images": table.size()[torn], "sides": sides[torn]})


def _assigned(manifest: Manifest, split: Sequence[str] | np.ndarray, rule: str) -> Manifest:
    images = manifest.images.copy()
    images["split"] = np.asarray(split, object)
    pairs = sorted(zip(images["image_path"], images["split"], strict=True))
    text = "\n".join(f"{path}\t{side}" for path, side in pairs)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    images["split_rule"] = f"{rule}; sha256 {digest}"
    return replace(manifest, images=images)


def _uniform(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
