"""The try-it page: pictures in, probabilities and lesion map out, and any region asked about.

Nothing outlives the visit: an upload is read and deleted, and what the region tool needs of it
lies in a folder of its own until the next upload, the end of the visit, or an hour.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from mammoscope.data.demo_exam import demo_folder
from mammoscope.errors import ConfigError, MammoscopeError
from mammoscope.geometry import Box
from mammoscope.infer.region import check_region, moved_crops
from mammoscope.outputs import overlay, write_html
from mammoscope.outputs.wording import RESEARCH_SENTENCE, view_name
from mammoscope.types import Exam, ExamReport, Mammogram, RegionReport
from mammoscope.web import tryit_words as words
from mammoscope.web.neutral import shown as shown_name
from mammoscope.web.tryit_pictures import magnified, marked, on_source
from mammoscope.web.tryit_style import CSS, LABELS_JS
from mammoscope.web.tryit_visit import Case, Held, empty, forget, hold, take

# Gradio and what it brings look at these when they are imported.
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    GRADIO_RUN_HISTORY="False",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
)

import gradio as gr
from fastapi import FastAPI

Judge = Callable[[Sequence[Path]], Sequence[tuple[Exam, ExamReport]]]
Region = Callable[[Mammogram, Box], RegionReport]
Update = Any  # what gr.update gives

TITLE = "Mammoscope: try it"
KEPT_SECONDS = 3600
SWEEP_SECONDS = 600
MOST_WAITING = 32
_INTRODUCTION = (
    "Give the mammograms of one woman or several (DICOM, PNG, JPEG, TIFF ...), or an ultrasound "
    "picture. They are read on the computer that runs this page, go nowhere else, and are deleted "
    "at once."
)
_HOW_TO_MARK = (
    "Click two opposite corners of a region in the picture, or type them below: a box around one "
    "mass works best. The answer is about that box alone."
)


def blocks(judge: Judge, region: Region, folder: Path) -> gr.Blocks:
    """The page, to be mounted with `mount_options`.

    Args:
        judge: reads files and judges the exams they make.
        region: judges a region of an image, box in source pixels.
        folder: the page's own, for temporary files; what lies in it is deleted.
    """
    empty(folder)
    # Read by every component when it is made; uploads lie here until they are read.
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "gradio")
    page: gr.Blocks = gr.Blocks(
        analytics_enabled=False, title=TITLE, delete_cache=(SWEEP_SECONDS, KEPT_SECONDS)
    )
    with page:
        held = gr.State(None, time_to_live=KEPT_SECONDS, delete_callback=forget)
        gr.Markdown(f"# {TITLE}\n{RESEARCH_SENTENCE} {_INTRODUCTION}")
        with gr.Row():
            files = gr.File(
                label="Mammograms or ultrasound pictures", file_count="multiple", height=150,
                scale=3,
            )  # fmt: skip
            with gr.Column(scale=1, min_width=200):
                example = gr.Button("Example exam", variant="primary")
                report = gr.DownloadButton("Download the report (HTML)", interactive=False)
        shown = _results(report)
        tool = _region_tool(region, held, shown)

        def read(paths: Sequence[str] | None, before: Held | None) -> list[Update]:
            forget(before)
            return _read(judge, list(paths or ()), folder / "held", given=True)

        def show_example(before: Held | None) -> list[Update]:
            forget(before)
            files = sorted(map(str, demo_folder().glob("*.png")))
            return _read(judge, files, folder / "held", given=False)

        told = [held, files, shown.exam, *shown.of_exam]
        choice = [held, shown.exam]
        tool.follow(files.upload(read, [files, held], told, **_PRIVATE))
        tool.follow(example.click(show_example, held, told, **_PRIVATE))
        tool.follow(shown.exam.input(_exam_shown, choice, list(shown.of_exam), **_PRIVATE))
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=1)
    return page


_PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def mount(app: FastAPI, page: gr.Blocks, path: str, max_file_bytes: int) -> None:
    """Make `page` a part of `app` at `path`, with `mount_options`."""
    gr.mount_gradio_app(app, page, path=path, **mount_options(max_file_bytes))


def mount_options(max_file_bytes: int) -> dict[str, Any]:
    """How `gradio.mount_gradio_app` is to be called: no links out, no fonts from elsewhere.

    Args:
        max_file_bytes: of one uploaded file.
    """
    theme = gr.themes.Default(
        primary_hue="blue",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
    )
    return {
        "footer_links": [],
        "run_history": False,
        "show_error": False,
        "max_file_size": max_file_bytes,
        "ssr_mode": False,
        "pwa": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "theme": theme,
        "css": CSS,
        "js": LABELS_JS,
        "app_kwargs": {"docs_url": None, "redoc_url": None, "openapi_url": None},
    }


@dataclass(frozen=True, eq=False)
class _Shown:
    """The parts of the page that show an exam."""

    exam: gr.Dropdown
    of_exam: tuple[Any, ...]
    image: gr.Dropdown


class _Tool(NamedTuple):
    """The region tool: `follow` shows the first image after an event that brings another exam."""

    follow: Callable[[Any], Any]


def _results(report: gr.DownloadButton) -> _Shown:
    exam = gr.Dropdown(label="Exam", visible=False, interactive=True)
    verdict = gr.HTML(label="Verdict", visible=False)
    with gr.Column(visible=False) as column:
        gallery = gr.Gallery(
            label="Pictures with lesion map and findings (click one to enlarge it)",
            columns=4,
            height=360,
            object_fit="contain",
            elem_classes="pictures",
            buttons=["download", "fullscreen"],
            interactive=False,
        )
        with gr.Row():
            malignancy = gr.Label(label="Probability of cancer", show_heading=False)
            density = gr.Label(label="Breast density (BI-RADS)", show_heading=False)
            ultrasound = gr.Label(label="Ultrasound", visible=False)
    notes = gr.HTML(label="Images", elem_classes="notes")
    image = gr.Dropdown(label="Image", interactive=True, render=False)
    parts = (verdict, column, gallery, malignancy, density, ultrasound, notes, report, image)
    return _Shown(exam, parts, image)


def _region_tool(region: Region, held: gr.State, shown: _Shown) -> _Tool:
    corner = gr.State(None)
    with gr.Column(visible=False) as column:
        gr.Markdown(f"## Ask about a region\n{_HOW_TO_MARK}")
        shown.image.render()  # type: ignore[no-untyped-call]
        with gr.Row():
            with gr.Column(scale=3):
                picture = gr.Image(
                    label="Click two corners",
                    alt_text="The image, to click two corners of a region",
                    interactive=False,
                    height=560,
                    format="png",
                    buttons=["fullscreen"],
                )
            with gr.Column(scale=1, min_width=280):
                with gr.Row():
                    edges = [
                        gr.Number(label=label, precision=0, minimum=0, min_width=110)
                        for label in ("Left edge x1", "Top edge y1", "Right edge x2", "Bottom y2")
                    ]
                ask = gr.Button("Judge this region", variant="primary")
                answer = gr.Label(label="Region")
                spoken = gr.HTML(label="Region in words", elem_classes="region")
                crop = gr.Image(
                    label="The region as the network saw it",
                    alt_text="The region that was judged",
                    interactive=False,
                    height=220,
                    format="png",
                    buttons=[],
                )
    said = [picture, crop, answer, spoken]

    def choose(kept: Held | None, exam: int | None, image: int | None) -> list[Update]:
        return _chosen(kept, exam, image)

    def click(
        kept: Held | None, exam: int | None, image: int | None, first: Any, at: gr.SelectData
    ) -> list[Update]:
        return _clicked(region, _at(kept, exam, image), first, at.index)

    def typed(kept: Held | None, exam: int | None, image: int | None, *box: float) -> list[Update]:
        return _asked(region, _at(kept, exam, image), box)

    which = [held, shown.exam, shown.image]
    of_image = [column, corner, *edges, *said]
    shown.image.input(choose, which, of_image, **_PRIVATE)
    picture.select(click, [*which, corner], [corner, *edges, *said], **_PRIVATE)
    ask.click(typed, [*which, *edges], said, **_PRIVATE)
    return _Tool(lambda event: event.success(choose, which, of_image, **_PRIVATE))


def _read(judge: Judge, files: Sequence[str], folder: Path, *, given: bool) -> list[Update]:
    """Judge files and delete those that were given; what the page is to show."""
    if not files:
        raise _error(ConfigError("no file came; choose one or several."))
    own = Path(tempfile.mkdtemp(dir=folder))
    names: dict[str, str] = {}
    with _border(own, names):
        paths = take(files, own / "given") if given else [Path(file) for file in files]
        names |= {str(p): shown_name(PurePath(f).name) for p, f in zip(paths, files, strict=True)}
        held = hold(judge(paths), own, names)
        shutil.rmtree(own / "given", ignore_errors=True)
    choices = [(f"Exam {at + 1} of {len(held.cases)}", at) for at in range(len(held.cases))]
    exam = gr.update(choices=choices, value=0, visible=len(choices) > 1)
    return [held, None, exam, *_exam_shown(held, 0)]


def _exam_shown(held: Held | None, exam: int | None) -> list[Update]:
    """What `_Shown.of_exam` is to show."""
    if held is None or exam is None:
        raise _gone()
    case = held.cases[exam]
    report = case.report
    pictures = [(overlay(i), words.caption(i)) for i in report.images if i.preview is not None]
    written = write_html(report, held.folder / "mammoscope-report.html")
    count = len(case.exam.images)
    images = [(f"{at + 1}. {view_name(report.images[at])}", at) for at in range(count)]
    return [
        gr.update(value=words.verdict(report), visible=True),
        gr.update(visible=True),
        gr.update(value=pictures, selected_index=None),
        _label(words.malignancies(report)),
        _label(words.densities(report)),
        _label(words.ultrasounds(report)),
        gr.update(value=words.notes(report, held.names)),
        gr.update(value=str(written), interactive=True),
        gr.update(choices=images, value=_most_suspicious(report, count)),
    ]


def _most_suspicious(report: ExamReport, count: int) -> int | None:
    """The number of the mammogram, of the first `count` images, to begin with."""

    def score(at: int) -> float:
        findings = report.images[at].findings
        return findings[0].score if findings else 0.0

    return max(range(count), key=score, default=None)


def _label(values: Mapping[str, float]) -> Update:
    return gr.update(value=dict(values) or None, visible=bool(values))


def _at(held: Held | None, exam: int | None, image: int | None) -> tuple[Case, int, Held]:
    if held is None or exam is None or image is None:
        raise _gone()
    return held.cases[exam], image, held


def _chosen(held: Held | None, exam: int | None, image: int | None) -> list[Update]:
    """A new image in the region tool: its most suspicious place is the box to begin with."""
    if held is None or exam is None or image is None:
        return [gr.update(visible=False), None, *([None] * 8)]
    report = held.cases[exam].report.images[image]
    box = report.findings[0].box_px if report.findings else None
    edges = [None] * 4 if box is None else [round(edge) for edge in box]
    return [gr.update(visible=True), None, *edges, marked(report, box), None, None, ""]


def _clicked(
    region: Region, where: tuple[Case, int, Held], first: Any, point: Sequence[float]
) -> list[Update]:
    case, image, _ = where
    report = case.report.images[image]
    x, y = on_source(report, point)
    if first is None:
        return [
            (x, y),
            *([None] * 4),
            marked(report, (x, y, x, y)),
            None,
            None,
            "<p>One more corner.</p>",
        ]
    x1, x2 = sorted((x, first[0]))
    y1, y2 = sorted((y, first[1]))
    box = (x1, y1, x2, y2)
    return [None, *map(round, box), *_asked(region, where, box)]


def _asked(
    region: Region, where: tuple[Case, int, Held], edges: Sequence[float | None]
) -> list[Update]:
    """Judge a box: picture with the box, crop, probabilities, words."""
    case, image, held = where
    mammogram, report = case.exam.images[image], case.report.images[image]
    if None in edges:
        raise _error(ConfigError("an edge of the region is empty; give all four, in pixels."))
    x1, y1, x2, y2 = (float(edge or 0) for edge in edges)
    with _border(None, held.names):
        check_region(mammogram, (x1, y1, x2, y2))
        found = region(mammogram, (x1, y1, x2, y2))
        crops = moved_crops(mammogram.pixels, found.box_px)
    crop = magnified(crops[len(crops) // 2])
    picture = marked(report, found.box_px)
    return [picture, crop, dict(found.answer.probabilities), words.region_answer(found)]


@contextmanager
def _border(folder: Path | None, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """One request of the page: what goes wrong in it is told as a sentence, and its folder goes."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - one web request
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        known = isinstance(error, MammoscopeError)
        # The text of an unforeseen error may quote what a file holds.
        said = str(error) if known else f"unexpected {type(error).__name__}; try other pictures."
        raise _error(ConfigError(said), names) from None


def _error(error: MammoscopeError, names: Mapping[str, str] | None = None) -> gr.Error:
    """The sentence of an error; the page shows it as HTML, and the server logs nothing."""
    said = escape(words.named(str(error), names or {}))
    return gr.Error(said, duration=None, title="This did not work", print_exception=False)


def _gone() -> gr.Error:
    return _error(ConfigError("the pictures are no longer here; give them once more."))
