"""What the commands do with reports: result folders, lines on stdout, and the final count."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mammoscope.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from mammoscope.types import ClassReport, ExamReport, ImageReport, NotSure, Range

_SURE = {True: "yes", False: "no", None: "-"}
REPORT_JSON, REPORT_HTML, OVERLAYS = "report.json", "report.html", "overlays"


@dataclass(frozen=True)
class Row:
    """The line of one exam in the table of `predict`; probabilities as in ExamReport."""

    exam: str
    malignancy: float | None
    flag: bool | None
    right: float | None
    left: float | None
    density: str | None
    judged: int
    given: int
    folder: Path | None
    answers: tuple[str, ...] = ()
    """What classifiers said of its pictures and regions, a line each."""
    interval: Range | None = None
    sure: bool | None = None
    not_sure: NotSure | None = None

    @classmethod
    def of(cls, report: ExamReport, folder: Path | None) -> Row:
        """The few figures of a report that are shown; its pictures are let go."""
        sides = {side: breast.malignancy for side, breast in report.breasts.items()}
        return cls(
            exam=report.id,
            malignancy=report.malignancy,
            flag=report.flag,
            right=sides.get("R"),
            left=sides.get("L"),
            density=report.density.grade if report.density else None,
            judged=sum(image.malignancy is not None for image in report.images),
            given=len(report.images),
            folder=folder,
            answers=tuple(_answers(report)),
            interval=report.malignancy_interval,
            sure=report.sure,
            not_sure=report.not_sure,
        )


@dataclass
class Tally:
    """What became of the exams so far.

    Attributes:
        rows: one for each exam that gave a report.
        failed: path and reason of every file or exam that gave no result.
    """

    rows: list[Row] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def add(self, report: ExamReport, folder: Path | None) -> None:
        """Count one report, its refused and unreadable images among the failed."""
        self.rows.append(Row.of(report, folder))
        self.failed += [(image.path, image.refused) for image in report.images if image.refused]

    def folder_name(self, exam_id: str) -> str:
        """A name for the exam's folder that is safe and not yet taken in this run."""
        stem = safe_name(exam_id)
        name, number = stem, 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name.casefold())
        return name

    def conclude(self) -> int:
        """List what failed on stderr; returns the exit code (see mammoscope.cli)."""
        for path, reason in self.failed:
            print(reason if reason.startswith(path) else f"{path}: {reason}", file=sys.stderr)
        if not any(row.judged for row in self.rows):
            print("mammoscope: found no mammogram that could be judged.", file=sys.stderr)
            return 3
        return 1 if self.failed else 0


def safe_name(exam_id: str) -> str:
    """Turn an exam's id into one part of a path: no separators, no leading dot, not empty."""
    return re.sub(r"[^\w.-]+", "_", exam_id)[:100].strip("._") or "exam"


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be made into a folder for results ({error.strerror})"
        raise ConfigError(f"{folder}: {reason}; give another one with --out.") from error


def write_results(
    report: ExamReport, folder: Path, *, html: bool = True, overlay: bool = True
) -> None:
    """Write the files of one exam into `folder`, each of them whole or not at all.

    What an earlier run wrote and this one does not is removed, so that a folder never mixes
    two readings; files with other names are left alone.

    Raises:
        ConfigError: the folder cannot be written.
    """
    from mammoscope.outputs import write_html, write_json, write_overlays

    written = {write_json(report, folder / REPORT_JSON)}
    if html:
        written.add(write_html(report, folder / REPORT_HTML))
    if overlay:
        written.update(write_overlays(report, folder / OVERLAYS))
    known = {folder / REPORT_JSON, folder / REPORT_HTML, *(folder / OVERLAYS).glob("*.png")}
    for stale in known - written:
        stale.unlink(missing_ok=True)


def is_result(path: Path) -> bool:
    """Whether a file is an overlay picture that `write_results` wrote."""
    folder = path.parent
    return folder.name == OVERLAYS and (folder.parent / REPORT_JSON).is_file()


def print_json(report: ExamReport) -> None:
    """Print one report as one line of JSON on stdout."""
    from mammoscope.outputs import to_dict

    print(json.dumps(to_dict(report), allow_nan=False), flush=True)


def print_rows(rows: Sequence[Row]) -> None:
    """Print the table of `predict` on stdout: one line per exam, and what "not sure" means."""
    table = _table("exam", "malignancy", "flag", "sure", "R", "L", "density", "images", "results")
    for row in rows:
        figures = (_ranged(row.malignancy, row.interval), _flag(row.flag), _SURE[row.sure])
        breasts = (_figure(row.right), _figure(row.left))
        images = f"{row.judged}/{row.given}"
        table.add_row(
            row.exam, *figures, *breasts, row.density or "-", images, str(row.folder or "-")
        )
    _show(table)
    bands = [row.not_sure for row in rows if row.sure is False and row.not_sure is not None]
    if bands:
        print(_not_sure(bands[0]))


def print_answers(rows: Sequence[Row]) -> None:
    """Print on stdout what classifiers said, a line for each ultrasound picture and region."""
    for row in rows:
        for answer in row.answers:
            print(answer)


def _answers(report: ExamReport) -> Iterator[str]:
    for image in report.images:
        if image.ultrasound is not None:
            yield f"{image.path}: ultrasound, {_classes(image.ultrasound)}"
        for region in image.regions:
            box = ",".join(f"{value:g}" for value in region.box_px)
            low, high = (_figure(value) for value in region.malignancy_range)
            classes = _classes(region.answer)
            yield f"{image.path}: region {box}, {classes}; moved slightly: {low} to {high}"


def _classes(answer: ClassReport) -> str:
    each = ", ".join(f"{name} {_figure(p)}" for name, p in answer.probabilities.items())
    return f"{answer.likeliest} ({each})"


def print_exam(report: ExamReport, folder: Path) -> None:
    """Print one exam on stdout: each image, each breast, the whole, and where the report is."""
    table = _table("image", "malignancy", "density", "findings", "strongest at (x, y) px")
    for image in report.images:
        table.add_row(_place(image), *_image_figures(image))
    _show(table)
    for side, name in (("R", "right breast"), ("L", "left breast")):
        if side in report.breasts:
            breast = report.breasts[side]
            print(f"{name}: malignancy {_ranged(breast.malignancy, breast.malignancy_interval)}")
    print(_verdict(report))
    if report.sure is False and report.not_sure is not None:
        print(_not_sure(report.not_sure))
    print(f"model: {report.model.name}, {report.model.runtime}")
    print(f"report: {folder / REPORT_HTML}")


def _image_figures(image: ImageReport) -> tuple[str, str, str, str]:
    grade = image.density.grade if image.density else "-"
    if not image.findings:
        return _figure(image.malignancy), grade, "0", "-"
    x1, y1, x2, y2 = image.findings[0].box_px
    centre = f"{(x1 + x2) / 2:.0f}, {(y1 + y2) / 2:.0f}"
    return _figure(image.malignancy), grade, str(len(image.findings)), centre


def _verdict(report: ExamReport) -> str:
    point = report.operating_point
    grade = report.density.grade if report.density else "not known"
    side = "at or above" if report.flag else "below"
    threshold = "" if report.flag is None else f", {side} the threshold {point.threshold:.3f}"
    flag = f"{_flag(report.flag)} ({point.name}{threshold})"
    malignancy = _ranged(report.malignancy, report.malignancy_interval)
    return f"exam: malignancy {malignancy}, density {grade}, {flag}"


def _not_sure(band: NotSure) -> str:
    """What it means that the program is not sure of an exam."""
    error = f"{band.alpha:.0%}"
    return f"not sure: neither a cancer nor its absence can be excluded at an error of {error}."


def _place(image: ImageReport) -> str:
    """Laterality and view, or the file's name where both are unknown."""
    return " ".join(filter(None, (image.laterality, image.view))) or Path(image.path).name


def _figure(probability: float | None) -> str:
    return "-" if probability is None else f"{probability:.3f}"


def _ranged(probability: float | None, interval: Range | None) -> str:
    """A probability and its 95 % interval: "0.570 (0.46-0.66)"."""
    if interval is None:
        return _figure(probability)
    return f"{_figure(probability)} ({interval[0]:.2f}-{interval[1]:.2f})"


def _flag(flag: bool | None) -> str:
    return "not judged" if flag is None else "FLAGGED" if flag else "not flagged"


def _table(*headers: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, header in enumerate(headers, 1):
        # Where a line is too narrow the names at both ends are folded, and no figure is cut.
        table.add_column(header, overflow="fold", no_wrap=1 < number < len(headers))
    return table


def _show(table: Table) -> None:
    """Print a table on stdout; a pipe or file gets its lines unfolded."""
    from rich.console import Console

    console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 240
    console.print(table)
