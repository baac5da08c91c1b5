"""What the auditor reports: kinds of mistakes, single issues, and the whole audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import pandas as pd

from mammoscope.data.manifest import Manifest

if TYPE_CHECKING:
    from mammoscope.data.audit.look import Look

Severity = Literal["leak", "error", "warning"]
Fix = Literal["drop", "keep", "mark", "unsplit", "unknown", "drop finding", "clip"]

FIXES: Mapping[Fix, str] = MappingProxyType(
    {
        "drop": "These images are dropped.",
        "keep": "These images are kept as they are.",
        "mark": "These images are kept and share a duplicate_group, which a split never parts.",
        "unsplit": "Of what leaks, the most protected side stays (test, then valid); the other "
        "images are kept with an empty split.",
        "unknown": "The images are kept; the value is emptied, which means unknown.",
        "drop finding": "The finding is dropped, the image kept.",
        "clip": "The box is cut to the image.",
    }
)
"""What the fixed manifest does about an issue, in words."""


@dataclass(frozen=True)
class Kind:
    """One kind of mistake.

    Attributes:
        title: in a few words, for a heading.
        severity: "leak" makes results wrong, "error" training, "warning" asks for a look.
        meaning: what it is and why it matters.
        remedy: what the user can do.
        fix: what the fixed manifest does.
    """

    title: str
    severity: Severity
    meaning: str
    remedy: str
    fix: Fix


@dataclass(frozen=True)
class Issue:
    """One mistake.

    Attributes:
        kind: a key of `mammoscope.data.audit.kinds.KINDS`.
        severity: "leak", "error" or "warning".
        images: the offenders' image_path, in the manifest's order.
        sentence: what was found; never names a patient or a file.
        remedy: what the user can do.
        fix: what the fixed manifest does, a key of FIXES.
        findings: rows of the findings table it is about, counted from 0.
        column: the column it is about, "" if none.
    """

    kind: str
    severity: Severity
    images: tuple[str, ...]
    sentence: str
    remedy: str
    fix: Fix
    findings: tuple[int, ...] = ()
    column: str = ""


class ShortcutRow(NamedTuple):
    """How well one feature alone, that shows no breast, tells the label.

    Attributes:
        feature: in words.
        auc: area under the ROC curve, cross-validated.
        low: lower end of its 95 % interval.
        high: upper end.
        n: images or women it was measured on.
        note: what to think of it.
    """

    feature: str
    auc: float
    low: float
    high: float
    n: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a manifest.

    Attributes:
        manifest: the one that was audited.
        issues: leaks first, then errors, then warnings.
        looks: what was seen of every image, in the manifest's order.
        shortcuts: what tells the label without a breast; empty if it was not probed.
        notes: what could not be checked, and why.
    """

    manifest: Manifest
    issues: tuple[Issue, ...]
    looks: tuple[Look, ...] = field(repr=False, default=())
    shortcuts: tuple[ShortcutRow, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def leaks(self) -> bool:
        """Whether the same woman, exam or picture is on more than one side of the split."""
        return any(issue.severity == "leak" for issue in self.issues)

    def by_kind(self) -> dict[str, list[Issue]]:
        """Issues of each kind that was found, in the order of `issues`."""
        kinds: dict[str, list[Issue]] = {}
        for issue in self.issues:
            kinds.setdefault(issue.kind, []).append(issue)
        return kinds

    def table(self) -> pd.DataFrame:
        """One row for each image of each issue; `line` counts the manifest's header as 1."""
        paths = self.manifest.images["image_path"]
        line = {path: row for row, path in enumerate(paths, start=2)}
        rows = [
            (number, issue.kind, issue.severity, line[path], path, issue.sentence, issue.fix)
            for number, issue in enumerate(self.issues, start=1)
            for path in issue.images
        ]
        names = ["issue", "kind", "severity", "line", "image_path", "sentence", "fix"]
        return pd.DataFrame(rows, columns=names)


def count_images(issues: Sequence[Issue]) -> int:
    """Different images in some issues."""
    return len({path for issue in issues for path in issue.images})
