"""ExamReport to one HTML file that needs nothing else: pictures, style and script are inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from mammoscope.files import write_atomic
from mammoscope.outputs import wording
from mammoscope.outputs.colour import paint
from mammoscope.outputs.hanging import SLOTS, hang
from mammoscope.outputs.picture import picture
from mammoscope.pages import templates
from mammoscope.types import DENSITY_GRADES, ExamReport, ModelInfo

_MAP_OPACITY_PERCENT = 70


def to_html(report: ExamReport) -> str:
    """The report as one page, for dark rooms on screen and for white paper in print.

    Views hang R CC, L CC over R MLO, L MLO with the chest walls in the middle. The page loads
    nothing from anywhere, and its content security policy forbids it to.
    """
    hanging = hang(report.images)
    standard = [None if image is None else picture(image) for image in hanging.standard]
    further = [picture(image) for image in hanging.others]
    shown = [*filter(None, standard), *further]
    ultrasound = [one for one in shown if one.image.ultrasound is not None]
    mammograms = len(report.images) > len(ultrasound) or not ultrasound
    page = _template().render(
        report=report,
        slots=list(zip(SLOTS, standard, strict=True)),
        others=[one for one in further if one.image.ultrasound is None],
        title="Mammography report" if mammograms else "Breast ultrasound report",
        models=_models(report, spoke_alone=not mammograms),
        mammograms=mammograms,
        ultrasound=ultrasound,
        marked=[one for one in shown if one.image.regions],
        unread=[picture(image) for image in hanging.unread],
        points=sorted(
            report.operating_points or (report.operating_point,), key=lambda p: p.threshold
        ),
        words=wording,
        grades=DENSITY_GRADES,
        opacity=_MAP_OPACITY_PERCENT,
        scale=_scale(),
        script=_script(),
        script_hash=_hash(_script()),
    )
    return page.lstrip()  # the template's own definitions leave blank lines


def _models(report: ExamReport, *, spoke_alone: bool) -> list[ModelInfo]:
    """Whose cards belong to the page: the reader's, unless classifiers spoke alone, and theirs."""
    answers = [region.answer for image in report.images for region in image.regions]
    answers += [image.ultrasound for image in report.images if image.ultrasound is not None]
    spoke = ([] if spoke_alone else [report.model]) + [answer.model for answer in answers]
    return list({model.sha256: model for model in spoke}.values())


def write_html(report: ExamReport, path: str | Path) -> Path:
    """Write `to_html(report)` to `path`, whole or not at all.

    Raises:
        ConfigError: the file cannot be written.
    """
    # A file name that is not valid UTF-8 reaches Python as lone surrogates.
    return write_atomic(path, to_html(report).encode("utf-8", "backslashreplace"))


@cache
def _template() -> jinja2.Template:
    environment = templates("outputs")
    environment.filters.update(
        percent=wording.percent, heading=wording.heading, plain=wording.plain
    )
    environment.tests.update(rows=_is_rows, listing=_is_listing)
    return environment.get_template("report.html.j2")


@cache
def _script() -> str:
    return (resources.files("mammoscope.outputs") / "report.js").read_text("utf-8")


def _hash(script: str) -> str:
    """What the content security policy needs to let the page's own script run, and no other."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _scale() -> str:
    """The map's colours as CSS gradient stops from 0 to 100 %."""
    steps = range(0, 101, 10)
    colours = [(step, paint(step / 100).tolist()) for step in steps]
    return ", ".join(f"rgba({r}, {g}, {b}, {a / 255:.2f}) {at}%" for at, (r, g, b, a) in colours)


def _is_listing(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_rows(value: Any) -> bool:
    """Whether a card's value is a table: mappings that all have the same keys."""
    if not _is_listing(value) or not all(isinstance(row, Mapping) for row in value):
        return False
    return len({tuple(row) for row in value}) == 1
