"""The audit: look at every file once, then ask each part what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mammoscope.data.audit.duplicates import duplicate_issues
from mammoscope.data.audit.issue import Audit, Issue, ShortcutRow
from mammoscope.data.audit.kinds import in_order
from mammoscope.data.audit.labels import label_issues, value_issues
from mammoscope.data.audit.leaks import leak_issues, patient_issues
from mammoscope.data.audit.look import Look, MaskLook
from mammoscope.data.audit.memory import FILE_NAME, Memory
from mammoscope.data.audit.pictures import file_issues, polarity_issues, size_issues
from mammoscope.data.audit.places import box_issues, mask_issues
from mammoscope.data.audit.reading import image_looks, mask_looks
from mammoscope.data.audit.sides import side_issues
from mammoscope.data.audit.views import view_issues
from mammoscope.data.manifest import Manifest


def audit(
    manifest: Manifest,
    *,
    shortcuts: Sequence[tuple[str, float, float, float, int, str]] = (),
    cache: Path | None = None,
    progress: bool = True,
) -> Audit:
    """Find what would make results on a manifest wrong.

    Every image and mask is read once; what was seen of it is kept in a small file, so that a
    second audit reads only files that changed.

    Args:
        manifest: images, findings and the folder they lie in.
        shortcuts: rows of the shortcut probe, for the page: feature, AUC, its 95 % interval's
            lower and upper end, number of cases, note.
        cache: where to keep what was seen; `audit-cache.sqlite` beside the manifest if not given.
            Where that cannot be written the audit goes on, and says so in its notes.
        progress: whether to draw a progress bar on stderr.
    """
    file = manifest.folder / FILE_NAME if cache is None else cache
    with Memory(file) as memory:
        looks = image_looks(
            manifest.folder, manifest.images["image_path"].tolist(), memory, progress
        )
        named = sorted(set(manifest.findings["mask_path"]) - {""})
        masks = dict(zip(named, mask_looks(manifest.folder, named, memory, progress), strict=True))
        notes = [memory.lost] if memory.lost else []
    issues = in_order(_issues(manifest, looks, masks, notes))
    rows = tuple(ShortcutRow(*row) for row in shortcuts)
    notes += _unchecked(manifest, looks)
    return Audit(manifest, issues, looks, rows, tuple(notes))


def _issues(
    manifest: Manifest, looks: Sequence[Look], masks: dict[str, MaskLook], notes: list[str]
) -> Iterator[Issue]:
    images, findings = manifest.images, manifest.findings
    yield from leak_issues(images)
    yield from patient_issues(images)
    yield from file_issues(images, looks)
    yield from size_issues(images, looks)
    yield from polarity_issues(images, looks)
    yield from side_issues(images, looks)
    yield from view_issues(images, looks, notes)
    yield from duplicate_issues(images, looks)
    yield from label_issues(images, findings)
    yield from value_issues(images)
    yield from box_issues(images, findings, looks)
    yield from mask_issues(images, findings, looks, masks)


def _unchecked(manifest: Manifest, looks: Sequence[Look]) -> list[str]:
    """What an empty result does not mean."""
    notes = []
    if not (manifest.images["split"] != "").any():
        notes.append("There is no split yet, so nothing was said about leaks across one.")
    colour = sum(look.colour for look in looks)
    if colour:
        notes.append(
            f"{colour} pictures in colour were compared with each other file by file only, so "
            "near duplicates among them were not found."
        )
    return notes
