"""The commands that read exams: `predict` and `demo`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mammoscope.cli_results import (
    Tally,
    is_result,
    make_folder,
    print_answers,
    print_exam,
    print_json,
    print_rows,
    write_results,
)
from mammoscope.errors import ConfigError, MammoscopeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mammoscope.geometry import Box
    from mammoscope.infer import Predictor
    from mammoscope.infer.classifier import Classifier
    from mammoscope.io import ExamFiles
    from mammoscope.types import Exam, ExamReport

NO_REGIONS = "this is ultrasound, and regions are judged in mammograms alone; leave out --region."
Runtime = Literal["auto", "openvino", "onnxruntime", "cuda"]
Precision = Literal["auto", "f32", "bf16"]
Paths = tyro.conf.Positional[
    Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH...", help_behavior_hint="")]
]
Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
Name = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
Regions = tyro.conf.UseAppendAction[
    Annotated[tuple[str, ...], tyro.conf.arg(metavar="X1,Y1,X2,Y2", help_behavior_hint="")]
]


@dataclass(frozen=True)
class Predict:
    """Read mammograms from files and folders, DICOM or images, grouped into exams.

    Each exam gets DIR/<exam>/ with report.html, report.json and overlays/*.png. A file that
    cannot be read is listed at the end and stops nothing else. A breast ultrasound picture is
    recognised and told apart as normal, benign or malignant.

    For example:
      mammoscope predict study/ --out results
      mammoscope predict left_cc.dcm left_mlo.dcm --out results --no-overlay
      mammoscope predict archive/ --json > reports.jsonl
      mammoscope predict left_cc.dcm --region 812,1040,1132,1360 --out results
    """

    paths: Paths
    """Files and folders; folders are searched to their full depth."""
    out: Folder = None
    """Folder for the results; may be left out with --json."""
    json: Flag = False
    """Print one JSON object per exam on stdout, one per line, and nothing else."""
    region: Regions = ()
    """A region around a mass, in pixels of the image, of which to say whether it looks benign or
    malignant; for one mammogram, and may be given several times."""
    weights: Name = None
    """Name or folder of the weights; those that ship with the program if left out."""
    region_weights: Name = None
    """The same for regions."""
    ultrasound_weights: Name = None
    """The same for ultrasound pictures."""
    operating_point: Name = None
    """Threshold that decides the flag, one of those that `mammoscope models show` lists."""
    runtime: Runtime = "auto"
    """What runs it; auto: OpenVINO, or ONNX Runtime where that cannot load; cuda: a GPU."""
    precision: Precision = "auto"
    """Arithmetic of the network; auto: the faster one that the processor has."""
    no_html: Flag = False
    """Write no report.html."""
    no_overlay: Flag = False
    """Write no overlay pictures."""

    def run(self) -> int:
        """Read, judge and write every exam; returns the exit code."""
        self._check()
        boxes = [_box(region) for region in self.region]
        from mammoscope.infer import Predictor
        from mammoscope.infer.classifier import with_ultrasound
        from mammoscope.io import scan

        predictor = Predictor.load(self.weights, self.runtime, self.precision, self.operating_point)
        ultrasound = self._ultrasound()
        tally = Tally()
        exams = _without_results(scan(self.paths), self.paths)
        for exam, mammograms in _reports(predictor, exams, tally):
            report = with_ultrasound(self._with_regions(mammograms, exam, boxes), exam, ultrasound)
            if boxes and any(image.ultrasound for image in report.images):
                tally.failed.append((str(self.paths[0]), NO_REGIONS))
            folder = self._write(report, tally)
            tally.add(report, folder)
            if self.json:
                print_json(report)
        if tally.rows and not self.json:
            print_rows(tally.rows)
            print_answers(tally.rows)
        return tally.conclude()

    def _with_regions(self, report: ExamReport, exam: Exam, boxes: Sequence[Box]) -> ExamReport:
        if not boxes:
            return report
        from mammoscope.infer.classifier import Classifier
        from mammoscope.infer.region import with_regions

        classifier = Classifier.load("region", self.region_weights, self.runtime, self.precision)
        return with_regions(report, exam, boxes, classifier)

    def _ultrasound(self) -> Callable[[], Classifier | None]:
        """What loads the weights for ultrasound, once; it gives None where there are none."""
        from mammoscope.infer.classifier import Classifier
        from mammoscope.models.card import is_shipped, load_card

        if self.ultrasound_weights is None and not is_shipped("ultrasound"):
            return lambda: None
        load_card(self.ultrasound_weights, "ultrasound")  # a wrong name is told before any work

        @cache
        def load() -> Classifier:
            name = self.ultrasound_weights
            return Classifier.load("ultrasound", name, self.runtime, self.precision)

        return load

    def _check(self) -> None:
        if not self.paths:
            raise ConfigError("predict: no file or folder was given; name at least one.")
        if self.out is None and not self.json:
            raise ConfigError("predict: no place for the results; give --out DIR, --json or both.")
        for path in self.paths:
            if not os.path.lexists(path):
                raise ConfigError(f"{path}: no such file or folder; check the spelling.")
        if self.region and (len(self.paths) > 1 or self.paths[0].is_dir()):
            raise ConfigError("predict: --region is of one image; name that image's file alone.")
        if self.out is not None:
            make_folder(self.out)

    def _write(self, report: ExamReport, tally: Tally) -> Path | None:
        """Write the files of one report; None if there is no folder, or it failed."""
        if self.out is None:
            return None
        folder = self.out / tally.folder_name(report.id)
        try:
            write_results(report, folder, html=not self.no_html, overlay=not self.no_overlay)
        except ConfigError as error:
            tally.failed.append((str(folder), str(error)))
            return None
        return folder


@dataclass(frozen=True)
class Demo:
    """Read the synthetic exam that ships with the program and write its report.

    For example:
      mammoscope demo
      mammoscope demo --out results --open
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("mammoscope-demo")
    """Folder for report.html, report.json and the overlay pictures."""
    open: Flag = False
    """Open the report in the web browser."""

    def run(self) -> int:
        """Judge the demo exam, write its results and print them; returns the exit code."""
        make_folder(self.out)
        from mammoscope.data.demo_exam import demo_folder
        from mammoscope.infer import Predictor
        from mammoscope.io import read_exam

        report = Predictor.load()(read_exam(demo_folder()))
        write_results(report, self.out)
        print_exam(report, self.out)
        if self.open:
            import webbrowser

            webbrowser.open((self.out / "report.html").resolve().as_uri())
        tally = Tally()
        tally.add(report, self.out)
        return tally.conclude()


def _without_results(exams: Sequence[ExamFiles], given: Sequence[Path]) -> list[ExamFiles]:
    """Leave out the overlay pictures of earlier results, unless they are named themselves.

    Where results lie below the folder that is read, a second run would take them for mammograms.
    """
    named = {str(path) for path in given}
    kept = []
    for exam in exams:
        paths = tuple(path for path in exam.paths if path in named or not is_result(Path(path)))
        if paths:
            kept.append(replace(exam, paths=paths))
    return kept


def _box(region: str) -> Box:
    """Turn "x1,y1,x2,y2" into numbers; whether they lie in the image is known once it is read."""
    try:
        x1, y1, x2, y2 = (float(number) for number in region.split(","))
    except ValueError:
        raise ConfigError(
            f"predict: --region {region!r} is not four numbers; give x1,y1,x2,y2 in pixels of "
            "the image, such as 812,1040,1132,1360."
        ) from None
    return x1, y1, x2, y2


def _reports(
    predictor: Predictor, exams: Sequence[ExamFiles], tally: Tally
) -> Iterator[tuple[Exam, ExamReport]]:
    """Each exam that gave a report, and the report; the others are noted in `tally`."""
    from mammoscope.io import load_exam

    with _progress(len(exams)) as advance:
        for files in exams:
            try:
                exam = load_exam(files)
                report = predictor(exam)
            except MammoscopeError as error:
                tally.failed.append((files.id, str(error)))
            except Exception as error:  # noqa: BLE001 - one exam of many
                tally.failed.append((files.id, _unexpected(error)))
            else:
                yield exam, report
            advance()


def _unexpected(error: Exception) -> str:
    """Only the kind of an unforeseen error: its text may quote what a file holds."""
    if os.environ.get("MAMMOSCOPE_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error)
    return f"unexpected {type(error).__name__}; run again with --debug to see where it happened."


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar with the time left on stderr, where somebody is there to see it."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), "exams", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
