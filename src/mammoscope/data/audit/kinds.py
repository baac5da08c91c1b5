"""Every kind of mistake the auditor knows, in the words of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mammoscope.data.audit.issue import Issue, Kind

_ONE_SIDE = "Split again by woman, with the duplicate groups of the fixed manifest."

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "patient_across_splits": Kind(
            "The same woman on several sides of the split",
            "leak",
            "A model recognises a woman it was trained on, so the test says too much.",
            _ONE_SIDE,
            "unsplit",
        ),
        "exam_across_splits": Kind(
            "The same exam on several sides of the split",
            "leak",
            "Images taken on one occasion show one woman, whatever the patient column says.",
            _ONE_SIDE,
            "unsplit",
        ),
        "duplicate_across_splits": Kind(
            "The same picture on several sides of the split",
            "leak",
            "What the model is tested on it has seen in training.",
            _ONE_SIDE,
            "unsplit",
        ),
        "unreadable": Kind(
            "Files that cannot be read",
            "error",
            "Missing, empty, truncated or damaged files, or of a format that is not read.",
            "Copy or download them again.",
            "drop",
        ),
        "blank": Kind(
            "Pictures that show nothing",
            "error",
            "All black, all white or of one grey, save perhaps a label.",
            "Export them again or leave them out.",
            "drop",
        ),
        "contradictory_duplicate": Kind(
            "The same picture with different labels",
            "error",
            "One of the labels is wrong, and nothing here says which.",
            "Look the labels up at the source, or leave the pictures out.",
            "drop",
        ),
        "label_contradiction": Kind(
            "Labels that exclude each other",
            "error",
            "Such as no cancer, and malignant: a label was read from the wrong column, or the "
            "finding belongs to another image.",
            "Look the labels up at the source.",
            "drop",
        ),
        "exam_of_several_patients": Kind(
            "One exam under several patients",
            "error",
            "One of the patients is wrong, so a split by woman may part her images.",
            "Look the patient up at the source.",
            "keep",
        ),
        "box_empty": Kind(
            "Boxes without an extent",
            "error",
            "A box of no width or height, upside down, or with a missing edge.",
            "Mark the finding again.",
            "drop finding",
        ),
        "box_outside_image": Kind(
            "Boxes outside the picture",
            "error",
            "Less than half of the box is in the picture: the axes are swapped or turned, or the "
            "picture was scaled or cut after it was marked.",
            "Compare with the picture that was marked.",
            "drop finding",
        ),
        "mask_unreadable": Kind(
            "Masks that cannot be read",
            "error",
            "Missing or damaged mask files.",
            "Copy or download them again.",
            "drop finding",
        ),
        "mask_wrong_size": Kind(
            "Masks of another size than their picture",
            "error",
            "The mask belongs to another picture, to a crop, or one of the two was scaled.",
            "Take the mask of the whole picture; some sets swap it with the crop's.",
            "drop finding",
        ),
        "mask_empty": Kind(
            "Masks that mark nothing",
            "error",
            "All pixels are 0.",
            "Mark the finding again.",
            "drop finding",
        ),
        "changed_file": Kind(
            "Files that changed since the manifest was made",
            "error",
            "The sha256 is another: results from before and after are not of the same data.",
            "Restore the file, or make the manifest anew.",
            "keep",
        ),
        "exact_duplicate": Kind(
            "The same picture twice, pixel by pixel",
            "warning",
            "It counts twice in training and in every figure, and may come apart in a split.",
            "Keep one, or split by duplicate_group.",
            "mark",
        ),
        "near_duplicate": Kind(
            "Nearly the same picture",
            "warning",
            "A copy that was mirrored, inverted, resized, encoded again or drawn on, or the same "
            "view taken twice.",
            "Split by duplicate_group.",
            "mark",
        ),
        "white_background": Kind(
            "Negatives: the background is white",
            "warning",
            "MONOCHROME1 written without turning it over. A model learns the machine from it, and "
            "with it the hospital's share of cancers.",
            "Turn them over; this program's reader does so by itself.",
            "keep",
        ),
        "mirrored": Kind(
            "A machine or site that stores pictures mirrored",
            "warning",
            "The chest wall is on the other side than laterality says, too often for mistakes.",
            "Do not tell the side from the picture; turn the pictures by their chest wall.",
            "keep",
        ),
        "side_mismatch": Kind(
            "Left or right against the picture",
            "warning",
            "The chest wall is on the other side than in the other pictures of this laterality "
            "and machine: the label is wrong or the picture was mirrored.",
            "Look at the marker in the picture.",
            "keep",
        ),
        "view_mismatch": Kind(
            "View against the picture",
            "warning",
            "The outline looks like the other view (CC or MLO) to a model of this very set.",
            "Look at the picture: MLO shows the chest muscle.",
            "keep",
        ),
        "not_a_mammogram": Kind(
            "Pictures that do not look like a mammogram",
            "warning",
            "Another kind of picture among mammograms, or one that was damaged.",
            "Look at the picture.",
            "keep",
        ),
        "colour": Kind(
            "Pictures in colour",
            "warning",
            "Mammograms and ultrasound are grey; this may be a photograph or a Doppler picture. "
            "Its pixels were not compared.",
            "Look at the picture.",
            "keep",
        ),
        "unusual_size": Kind(
            "Pictures of an unusual size",
            "warning",
            "Far larger, smaller, longer or wider than the others of the set: a crop, a thumbnail "
            "or a screenshot.",
            "Look at the picture.",
            "keep",
        ),
        "implausible_age": Kind(
            "Implausible ages",
            "warning",
            "Below 18 or above 100 years: most often a stand-in for unknown.",
            "Look the age up at the source.",
            "unknown",
        ),
        "exam_disagrees": Kind(
            "Images of one exam that disagree",
            "warning",
            "One occasion, yet two ages, or density grades two steps apart.",
            "Look the values up at the source.",
            "keep",
        ),
        "birads_contradiction": Kind(
            "BI-RADS against the truth",
            "warning",
            "A proven cancer called normal or benign (1, 2), or a category for highly suggestive "
            "or known cancer (5, 6) where there is nothing.",
            "Some are true misses; many of them mean that a column was misread.",
            "keep",
        ),
        "box_over_edge": Kind(
            "Boxes that reach over the edge",
            "warning",
            "Part of the box is outside the picture.",
            "Cut the box to the picture.",
            "clip",
        ),
        "box_off_breast": Kind(
            "Boxes beside the breast",
            "warning",
            "The box lies in the air: the picture was mirrored, scaled or cut after it was marked.",
            "Look at the picture.",
            "keep",
        ),
        "patients_unknown": Kind(
            "Every image has a patient of its own",
            "warning",
            "The patient column may be the file's name; then a split by woman is one by image.",
            "Find the patients, or rely on duplicate_group alone and say so.",
            "keep",
        ),
    }
)


def make_issue(
    kind: str,
    images: Iterable[str],
    sentence: str,
    findings: Iterable[int] = (),
    column: str = "",
) -> Issue:
    """An issue with what its kind says of severity, remedy and fix."""
    known = KINDS[kind]
    return Issue(
        kind,
        known.severity,
        tuple(images),
        sentence,
        known.remedy,
        known.fix,
        tuple(int(row) for row in findings),
        column,
    )


def in_order(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """In the order of KINDS: leaks, errors, warnings; of one kind the largest first."""
    rank = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(issues, key=lambda issue: (rank[issue.kind], -len(issue.images))))
