"""The audit as one HTML page that needs nothing else, on screen and on paper.

Images are named by their line in the manifest, because files' names often hold the patient's.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from mammoscope import __version__
from mammoscope.anatomy import reduced
from mammoscope.data.audit.issue import FIXES, Audit, Issue, Kind, count_images
from mammoscope.data.audit.kinds import KINDS
from mammoscope.data.audit.look import read_pixels
from mammoscope.data.audit.places import boxes_px
from mammoscope.errors import ReadError
from mammoscope.files import write_atomic
from mammoscope.pages import templates

PER_KIND = 12
"""Most pictures shown of one kind of mistake."""
_PER_GROUP = 4
_LINES = 40
_SIDE = 220
_QUALITY = 78
_BOX = (60, 190, 255)
_THREADS = 4


@dataclass(frozen=True)
class Shown:
    """One picture on the page.

    Attributes:
        line: of the manifest's file, its header being line 1.
        uri: the picture; "" if there is none.
        label: side, view and labels, as the manifest has them.
    """

    line: int
    uri: str
    label: str


@dataclass(frozen=True)
class Group:
    """One issue on the page: what was found, and its pictures."""

    sentence: str
    pictures: tuple[Shown, ...]
    more: int


@dataclass(frozen=True)
class Section:
    """One kind of mistake on the page.

    Attributes:
        name: its key in KINDS.
        kind: what is known of it.
        issues: how many of its kind.
        images: how many images they are about.
        fix: what the fixed manifest does, in words.
        groups: those that are shown.
        rest: lines of the manifest that are not shown, as text.
    """

    name: str
    kind: Kind
    issues: int
    images: int
    fix: str
    groups: tuple[Group, ...]
    rest: str


def to_html(audit: Audit) -> str:
    """The audit as one page; reads the pictures it shows, which loads nothing from elsewhere."""
    sections = [_section(audit, name, issues) for name, issues in audit.by_kind().items()]
    manifest = audit.manifest
    counts = {
        severity: sum(section.kind.severity == severity for section in sections)
        for severity in ("leak", "error", "warning")
    }
    return _template().render(
        audit=audit,
        sections=sections,
        counts=counts,
        images=len(manifest.images),
        patients=manifest.images.groupby(["dataset", "patient_id"]).ngroups,
        findings=len(manifest.findings),
        datasets=sorted(set(manifest.images["dataset"])),
        read=sum(not look.error for look in audit.looks),
        splits=manifest.images["split"][manifest.images["split"] != ""].value_counts().items(),
        offenders=count_images(audit.issues),
        sha256=manifest.sha256,
        version=__version__,
    )


def write_page(audit: Audit, path: str | Path) -> Path:
    """Write `to_html(audit)` to `path`, whole or not at all, making its folder where needed.

    Raises:
        ConfigError: the file cannot be written.
    """
    return write_atomic(path, to_html(audit).encode("utf-8", "backslashreplace"))


def _section(audit: Audit, name: str, issues: Sequence[Issue]) -> Section:
    kind = KINDS[name]
    lines = {path: row for row, path in enumerate(audit.manifest.images["image_path"], start=2)}
    chosen = _chosen(issues)
    groups = tuple(_group(audit, lines, issue, count) for issue, count in chosen)
    shown = {picture.line for group in groups for picture in group.pictures}
    every = sorted({lines[path] for issue in issues for path in issue.images})
    rest = [line for line in every if line not in shown]
    text = ", ".join(map(str, rest[:_LINES]))
    if len(rest) > _LINES:
        text += f" and {len(rest) - _LINES:,} more"
    count = count_images(issues)
    return Section(name, kind, len(issues), count, FIXES[kind.fix], groups, text)


def _chosen(issues: Sequence[Issue]) -> list[tuple[Issue, int]]:
    """The issues to show, and how many pictures of each, at most PER_KIND in all."""
    chosen: list[tuple[Issue, int]] = []
    room = PER_KIND
    each = PER_KIND if len(issues) == 1 else _PER_GROUP
    for issue in issues:
        count = min(len(issue.images), each)
        if count > room:
            break
        chosen.append((issue, count))
        room -= count
    return chosen


def _group(audit: Audit, lines: dict[str, int], issue: Issue, count: int) -> Group:
    paths = _varied(audit, lines, issue)[:count]
    boxes = boxes_px(audit.manifest.findings.iloc[list(issue.findings)])
    with ThreadPoolExecutor(_THREADS) as pool:
        folder = audit.manifest.folder
        uris = list(pool.map(lambda path: _uri(folder / path, boxes), paths))
    pictures = [
        Shown(lines[path], uri, _label(audit, lines[path] - 2, issue))
        for path, uri in zip(paths, uris, strict=True)
    ]
    return Group(issue.sentence, tuple(pictures), len(issue.images) - count)


def _varied(audit: Audit, lines: dict[str, int], issue: Issue) -> list[str]:
    """Of a leak, images of each side of the split before more of one; else as they come."""
    if issue.severity != "leak":
        return list(issue.images)
    splits = audit.manifest.images["split"]
    before: dict[str, int] = {}
    ranks = []
    for place, path in enumerate(issue.images):
        side = splits.iloc[lines[path] - 2]
        before[side] = before.get(side, 0) + 1
        ranks.append((before[side], place, path))
    return [path for _, _, path in sorted(ranks)]


def _label(audit: Audit, row: int, issue: Issue) -> str:
    image = audit.manifest.images.iloc[row]
    cancer = {"": "", "0": "no cancer", "1": "cancer"}[image["cancer"]]
    words = [f"{image['laterality']} {image['view']}".strip(), cancer, image["pathology"]]
    if issue.severity == "leak":
        words.append(image["split"])
    return " · ".join(word for word in words if word)


def _uri(path: Path, boxes: NDArray[np.float64]) -> str:
    """A small copy with the boxes drawn in, as a data URI; "" if there is no picture."""
    try:
        pixels = read_pixels(path)
    except ReadError:
        return ""
    small = reduced(pixels, _SIDE)
    scale = len(small) / len(pixels)
    colour = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    for box in boxes[np.isfinite(boxes).all(axis=1)]:
        x1, y1, x2, y2 = (int(value) for value in np.clip(np.rint(box * scale), -9999, 9999))
        cv2.rectangle(colour, (x1, y1), (x2, y2), _BOX, 1)
    _, jpeg = cv2.imencode(".jpg", colour, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode('ascii')}"


@cache
def _template() -> jinja2.Template:
    environment = templates("data/audit")
    return environment.get_template("page.html.j2")
