"""Which candidates hit which lesions: the step before FROC, AFROC and LROC.

Convention. Candidates are taken by falling score. Each hits the best fitting of the lesions it
touches that no higher candidate has taken: a lesion is hit once, a candidate hits one lesion. A
candidate that touches only lesions already taken is redundant, neither a hit nor a false positive,
as in the DREAM (Schaffter et al., JAMA Netw Open 2020;3:e200265) and LUNA16 (Setio et al., Med
Image Anal 2017;42:1-13) challenges. One that touches no lesion is a false positive. Elsewhere a
duplicate is a false positive (COCO; see `mammoscope.metrics.average_precision`), or one candidate
may hit several lesions at once (LUNA16).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.hit_rule import HitRule, touching
from mammoscope.metrics.marks import Candidates, Lesions

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Falling:
    """What a falling threshold meets, one entry for each hit and false positive.

    Attributes:
        image: (e,) row of the lesion's image for a hit, of the candidate's for a false positive.
        hit: (e,) a hit, not a false positive.
        last: (k,) the last entry of each distinct score.
        threshold: (k,) these scores, falling.
    """

    image: Rows
    hit: Bools
    last: Rows
    threshold: Floats


@dataclass(frozen=True, eq=False)
class Matches:
    """Marks after comparison with the truth: all that FROC, AFROC and LROC need.

    Attributes:
        image: (c,) row of the candidate's image.
        score: (c,) the candidate's.
        lesion: (c,) row of the lesion that the candidate hits, -1 for none.
        redundant: (c,) candidates that count neither as hit nor as false positive.
        lesion_image: (m,) row of the lesion's image.
        lesion_free: (n_images,) images without any lesion.
        rule: the hit rule, in words.
    """

    image: Rows
    score: Floats
    lesion: Rows
    redundant: Bools
    lesion_image: Rows
    lesion_free: Bools
    rule: str

    @property
    def n_images(self) -> int:
        """Number of images, those without lesion or candidate included."""
        return len(self.lesion_free)

    @cached_property
    def false_positive(self) -> Bools:
        """(c,) candidates that touch no lesion."""
        return (self.lesion < 0) & ~self.redundant

    @cached_property
    def lesion_score(self) -> Floats:
        """(m,) score of the candidate that hits the lesion; -inf for a missed lesion."""
        found = np.full(len(self.lesion_image), -np.inf)
        hit = self.lesion >= 0
        found[self.lesion[hit]] = self.score[hit]
        return found

    @cached_property
    def noise_score(self) -> Floats:
        """(n_images,) highest score of the image's false positives; -inf where there are none."""
        highest = np.full(self.n_images, -np.inf)
        np.maximum.at(highest, self.image[self.false_positive], self.score[self.false_positive])
        return highest

    @cached_property
    def falling(self) -> Falling:
        """Hits and false positives by falling score; sorted once, for many resamples."""
        rows = np.flatnonzero(~self.redundant)
        rows = rows[np.argsort(-self.score[rows], kind="stable")]
        score, lesion = self.score[rows], self.lesion[rows]
        last = np.flatnonzero(np.append(score[1:] != score[:-1], len(score) > 0))
        home = np.append(self.lesion_image, -1)[lesion]
        image = np.where(lesion >= 0, home, self.image[rows])
        return Falling(image, lesion >= 0, last, score[last])

    def only(self, chosen: ArrayLike) -> Matches:
        """The same marks judged against some lesions alone, e.g. `lesions.kind == "mass"`.

        A candidate that hits a lesion left out becomes redundant. One that touches nothing remains
        a false positive for every kind, as a candidate does not say which kind it is meant to be;
        and an image with a lesion left out does not become one without lesion.

        Args:
            chosen: (m,) booleans.
        """
        keep = np.asarray(chosen, np.bool_)
        if keep.shape != self.lesion_image.shape:
            raise ConfigError(
                f"{keep.size} choices were given for {len(self.lesion_image)} lesions; "
                "give one each."
            )
        row = np.where(keep, np.cumsum(keep) - 1, -1)
        lesion = np.append(row, -1)[self.lesion]
        dropped = (self.lesion >= 0) & (lesion < 0)
        return replace(
            self,
            lesion=lesion,
            redundant=self.redundant | dropped,
            lesion_image=self.lesion_image[keep],
        )

    def grouped(self, group: ArrayLike) -> Matches:
        """Lesions taken together: found where any of them is, e.g. a breast in any of its views.

        Each group becomes one lesion, with the score of its highest hit; its other hits become
        redundant. In a resample it counts as often as the image of its first lesion, so all images
        of a group should belong to one patient.

        Args:
            group: (m,) labels of any sortable type, one for each lesion: the breast, or the
                finding that several views show.
        """
        labels = np.asarray(group)
        if labels.shape != self.lesion_image.shape:
            raise ConfigError(
                f"Groups have shape {labels.shape}; give {len(self.lesion_image)}, one per lesion."
            )
        _, first, code = np.unique(labels, return_index=True, return_inverse=True)
        hit = np.append(code, -1)[self.lesion]
        lesion = _highest(hit, self.score)
        return replace(
            self,
            lesion=lesion,
            redundant=self.redundant | (lesion != hit),
            lesion_image=self.lesion_image[first],
        )


def match(
    candidates: Candidates,
    lesions: Lesions,
    n_images: int,
    rule: HitRule,
    spacing_mm: ArrayLike | None = None,
) -> Matches:
    """Compare candidates with lesions by a hit rule (convention: see the module).

    Args:
        candidates: c marks, possibly none.
        lesions: m lesions, possibly none.
        n_images: all images that were read, those without candidate and lesion included.
        rule: when a candidate touches a lesion.
        spacing_mm: row and column distance of pixel centres, mm: one number, one pair, or
            (n_images, 2); needed for a distance in mm alone.

    Returns:
        Equal scores are settled by the better fit (IoU, or nearness of centres), then by order.

    Raises:
        ConfigError: a mark lies on an image outside 0 .. n_images - 1, points are compared by IoU,
            or the spacing is missing.
    """
    if n_images < 1:
        raise ConfigError(f"There are {n_images} images; localisation needs at least one.")
    for rows, what in ((candidates.image, "Candidate"), (lesions.image, "Lesion")):
        _known(rows, what, n_images)
    mark, target = pairs(candidates.image, lesions.image)
    touches, fit = touching(candidates, lesions, mark, target, rule, spacing_mm)
    mark, target, fit = mark[touches], target[touches], fit[touches]
    order = np.lexsort((-fit, -candidates.score[mark]))
    hit = _take_turns(mark[order], target[order], len(candidates.image), len(lesions.image))
    redundant = np.isin(np.arange(len(hit)), mark) & (hit < 0)
    free = np.bincount(lesions.image, minlength=n_images) == 0
    return Matches(
        candidates.image, candidates.score, hit, redundant, lesions.image, free, str(rule)
    )


def marked(
    image: ArrayLike,
    score: ArrayLike,
    lesion: ArrayLike,
    lesion_image: ArrayLike,
    n_images: int,
    rule: str = "as marked",
) -> Matches:
    """Marks that somebody has already compared with the truth, as in a reader study.

    Args:
        image: (c,) row of the mark's image.
        score: (c,) its rating.
        lesion: (c,) row of the lesion it hits, -1 for none; of several on one lesion the highest
            is the hit, the others are redundant.
        lesion_image: (m,) row of each lesion's image.
        n_images: number of images read.
        rule: who or what compared them, in words.

    Raises:
        ConfigError: lengths differ, a score is not finite, or an image or lesion is unknown.
    """
    points = np.zeros((np.size(score), 2))
    marks = Candidates(np.asarray(image), points, np.asarray(score))
    homes, hit = (np.asarray(rows, np.intp) for rows in (lesion_image, lesion))
    for rows, what in ((marks.image, "Candidate"), (homes, "Lesion")):
        _known(rows, what, n_images)
    if hit.shape != marks.image.shape or ((hit < -1) | (hit >= len(homes))).any():
        raise ConfigError(f"lesion must hold one row from -1 to {len(homes) - 1} for each mark.")
    if (homes[hit[hit >= 0]] != marks.image[hit >= 0]).any():
        raise ConfigError("A mark hits a lesion of another image; check the rows of both.")
    free = np.bincount(homes, minlength=n_images) == 0
    taken = _highest(hit, marks.score)
    return Matches(marks.image, marks.score, taken, taken != hit, homes, free, rule)


def _known(rows: Rows, what: str, n_images: int) -> None:
    unknown = np.flatnonzero((rows < 0) | (rows >= n_images))
    if len(unknown):
        row = int(unknown[0])
        raise ConfigError(
            f"{what} {row} lies on image {rows[row]}, but the images are 0 to {n_images - 1}; "
            "add the image or leave the mark out."
        )


def pairs(first: Rows, second: Rows) -> tuple[Rows, Rows]:
    """All pairs of equal labels: rows of `first` (a,) and rows of `second` (b,), both (p,)."""
    order = np.argsort(second, kind="stable")
    start, stop = (np.searchsorted(second[order], first, side) for side in ("left", "right"))
    count = stop - start
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(np.arange(len(first)), count), order[np.repeat(start, count) + within]


def _take_turns(mark: Rows, target: Rows, n_marks: int, n_lesions: int) -> Rows:
    """Lesion that each candidate hits, -1 for none; pairs come best first."""
    hit, free = [-1] * n_marks, [True] * n_lesions
    for candidate, lesion in zip(mark.tolist(), target.tolist(), strict=True):
        if hit[candidate] < 0 and free[lesion]:
            hit[candidate], free[lesion] = lesion, False
    return np.asarray(hit, np.intp)


def _highest(lesion: Rows, score: Floats) -> Rows:
    """(c,) `lesion`, kept at the highest-scored candidate of each lesion and -1 elsewhere."""
    order = np.argsort(-score, kind="stable")
    order = order[lesion[order] >= 0]
    _, first = np.unique(lesion[order], return_index=True)
    kept = np.full(len(lesion), -1, np.intp)
    kept[order[first]] = lesion[order[first]]
    return kept
