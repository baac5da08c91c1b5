"""Numbers and verdicts in the words a reader sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mammoscope.geometry import Box
from mammoscope.types import ExamReport, Finding, ImageReport, NotSure, OperatingPoint, Range

RESEARCH_SENTENCE = "For research and education; it supports a reader and replaces none."
INTERVAL_SENTENCE = (
    "Among breasts that score like this one, so large a share held a cancer in the data it was "
    "calibrated on; the interval is of that share, not of how certain this one case is."
)
# BI-RADS Atlas, 5th edition (2013), breast composition categories.
DENSITY_WORDS = {
    "A": "almost entirely fatty",
    "B": "scattered fibroglandular density",
    "C": "heterogeneously dense",
    "D": "extremely dense",
}
BREAST_WORDS = {"R": "Right breast", "L": "Left breast"}


def percent(probability: float | None) -> str:
    """A probability in whole percent, without false precision: "<1 %", "12 %", ">99 %".

    The space is one at which no line breaks (U+00A0).
    """
    if probability is None:
        return "not judged"
    if probability < 0.01:
        return "<1\u00a0%"
    if probability > 0.99:
        return ">99\u00a0%"
    return f"{100 * probability:.0f}\u00a0%"


def interval(ends: Range | None) -> str:
    """An interval of a probability: "21 % to 30 %"; empty if there is none."""
    return "" if ends is None else f"{percent(ends[0])} to {percent(ends[1])}"


def not_sure_detail(band: NotSure) -> str:
    """What it means that the program is not sure."""
    return (
        "Breasts with a cancer and breasts without both score like this: neither cancer nor its "
        f"absence can be excluded at an error of {percent(band.alpha)}."
    )


def verdict(report: ExamReport) -> str:
    """The flag in a few words."""
    if report.flag is None:
        return "Not judged"
    return "At or above the operating point" if report.flag else "Below the operating point"


def verdict_detail(report: ExamReport) -> str:
    """The flag in one or two sentences: the numbers compared, and what it does not say."""
    if report.flag is None:
        return "No image of this exam could be judged; the reasons stand with the images."
    found, threshold = percent(report.malignancy), percent(report.operating_point.threshold)
    side = "at or above" if report.flag else "below"
    # Two values that round to the same percent must not look like a contradiction.
    near = "just " if found == threshold else ""
    name = point_name(report.operating_point)
    compared = f"Malignancy {found} is {near}{side} the operating point “{name}” ({threshold})."
    if report.flag:
        return f"{compared} The exam is put forward to a reader."
    return f"{compared} This does not rule out a cancer."


def point_name(point: OperatingPoint) -> str:
    """An operating point's name as words."""
    return heading(point.name)


def point_detail(point: OperatingPoint) -> str:
    """What the operating point was measured to do."""
    if point.sensitivity is None or point.specificity is None:
        return "sensitivity and specificity not measured"
    return f"sensitivity {percent(point.sensitivity)}, specificity {percent(point.specificity)}"


def view_name(image: ImageReport) -> str:
    """Side, view and modifiers: "R CC", "L MLO, spot"; "Unplaced view" where none is known."""
    if image.ultrasound is not None:
        return "Ultrasound"
    place = " ".join(filter(None, (image.laterality, image.view)))
    return ", ".join((place or "Unplaced view", *image.view_modifiers))


def box(box_px: Box) -> str:
    """Corners of a box in words, for a table or a caption."""
    x1, y1, x2, y2 = (f"{value:g}" for value in box_px)
    return f"x {x1} to {x2}, y {y1} to {y2}"


def place(finding: Finding, report: ExamReport) -> str:
    """Where in the breast a finding lies: "upper outer, 2 o'clock, 43 mm from the nipple".

    What matches it in another view is a possibility, and is called one: many other places lie
    as far from the nipple.
    """
    at = finding.position
    if at is None:
        return ""
    parts = (
        at.quadrant,
        None if at.clock is None else f"{at.clock} o’clock",
        None if at.depth is None else f"{at.depth} third",
        None if at.nipple_mm is None else f"{at.nipple_mm:.0f}\u00a0mm from the nipple",
    )
    said = ", ".join(filter(None, parts))
    if at.match is None:
        return said
    return f"{said}; possibly also seen in {report.images[at.match[0]].view}"


def calibration_note(card: Mapping[str, Any]) -> str:
    """What the card says its probabilities mean; a plain pointer where it says nothing."""
    calibration = card.get("calibration")
    note = calibration.get("note") if isinstance(calibration, Mapping) else None
    return str(note) if note else "As calibrated by the model on its own data; see the model card."


def heading(key: str) -> str:
    """A key of a card or an operating point's name, readable: "training_data" as Training data."""
    words = str(key).replace("_", " ").strip()
    acronyms = {"auc": "AUC", "bcsc": "BCSC", "ece": "ECE", "sha256": "SHA-256", "mm": "mm"}
    named = " ".join(acronyms.get(word, word) for word in words.split())
    return named[:1].upper() + named[1:]


def plain(value: object) -> str:
    """A card's single value as text."""
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)
