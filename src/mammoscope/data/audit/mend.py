"""The fixed manifest: offenders dropped, duplicates marked, leaks taken out of the split."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mammoscope.data.audit.duplicates import components
from mammoscope.data.audit.issue import Audit, Issue
from mammoscope.data.audit.places import BOX, boxes_px
from mammoscope.data.manifest import Manifest, make_manifest

_PROTECTED = {"test": 0, "holdout": 0, "valid": 1, "val": 1, "validation": 1}


def fixed(audit: Audit) -> Manifest:
    """The manifest with what each issue's `fix` says done; the audited one stays as it is.

    Duplicates get a common `duplicate_group` (named after their pixels, or as the manifest had
    named it), contradictory ones are dropped, leaking images lose their split on all sides but
    the most protected one.
    """
    images, findings = audit.manifest.images.copy(), audit.manifest.findings.copy()
    _mark(images, audit)
    _unsplit(images, _of(audit, "unsplit"))
    _empty(images, _of(audit, "unknown"))
    _clip(findings, audit)
    gone = {path for issue in _of(audit, "drop") for path in issue.images}
    lost = {row for issue in _of(audit, "drop finding") for row in issue.findings}
    kept = ~findings["image_path"].isin(gone) & ~findings.index.isin(lost)
    images = images[~images["image_path"].isin(gone)]
    return make_manifest(audit.manifest.folder, images, findings[kept])


def _of(audit: Audit, fix: str) -> list[Issue]:
    return [issue for issue in audit.issues if issue.fix == fix]


def _mark(images: pd.DataFrame, audit: Audit) -> None:
    """Join the groups that the audit found with those that the manifest had."""
    place = _places(images)
    found = [[place[path] for path in issue.images] for issue in _of(audit, "mark")]
    if not found:
        return
    had = (images["dataset"] + "\n" + images["duplicate_group"]).where(
        images["duplicate_group"] != ""
    )
    groups = [*found, *images.groupby(had).indices.values()]
    label = _joined(len(images), groups)
    for number in np.unique(label[[row for group in found for row in group]]):
        rows = np.flatnonzero(label == number)
        names = sorted(set(images["duplicate_group"].iloc[rows]) - {""})
        name = names[0] if names else f"same-{_digest(audit, int(rows[0]))[:12]}"
        images.iloc[rows, images.columns.get_loc("duplicate_group")] = name


def _digest(audit: Audit, row: int) -> str:
    look = audit.looks[row]
    return look.pixel_sha256 or look.file_sha256


def _unsplit(images: pd.DataFrame, issues: list[Issue]) -> None:
    """Keep only the most protected side of all that hangs together."""
    if not issues:
        return
    place = _places(images)
    groups = [[place[path] for path in issue.images] for issue in issues]
    label = _joined(len(images), groups)
    split = images.columns.get_loc("split")
    for number in np.unique(label[[row for group in groups for row in group]]):
        rows = np.flatnonzero(label == number)
        sides = images["split"].iloc[rows]
        counts = sides[sides != ""].value_counts()
        kept = min(counts.index, key=lambda side: (_PROTECTED.get(side, 2), -counts[side], side))
        images.iloc[rows[(sides != kept).to_numpy()], split] = ""


def _empty(images: pd.DataFrame, issues: list[Issue]) -> None:
    for issue in issues:
        images.loc[images["image_path"].isin(issue.images), issue.column] = ""


def _clip(findings: pd.DataFrame, audit: Audit) -> None:
    rows = [row for issue in _of(audit, "clip") for row in issue.findings]
    if not rows:
        return
    place = _places(audit.manifest.images)
    looks = [audit.looks[place[path]] for path in findings["image_path"].iloc[rows]]
    limits = np.array([(look.width, look.height) * 2 for look in looks], float)
    clipped = np.clip(boxes_px(findings.iloc[rows]), 0, limits)
    text = [[f"{value:.10g}" for value in box] for box in clipped]
    findings.iloc[rows, findings.columns.get_indexer(BOX)] = np.array(text, object)


def _places(images: pd.DataFrame) -> dict[str, int]:
    return {path: row for row, path in enumerate(images["image_path"])}


def _joined(count: int, groups: Iterable[Iterable[int]]) -> np.ndarray:
    """Number of the connected group of each row."""
    chains = [np.fromiter(group, np.intp) for group in groups]
    first = np.concatenate([chain[:-1] for chain in chains])
    second = np.concatenate([chain[1:] for chain in chains])
    return components(count, first, second)
