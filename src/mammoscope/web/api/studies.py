"""Studies: send, list, look at, judge, delete."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import imagecodecs
from fastapi import APIRouter, File, Header, Query, UploadFile
from fastapi.responses import FileResponse, Response

from mammoscope.web.api.shared import (
    ImageNumber,
    ServiceOf,
    SessionOf,
    StudyId,
    UploadRoute,
    kept_file,
    problems,
    receive,
)
from mammoscope.web.kept import MAP, OVERLAY, REPORT_HTML, REPORT_JSON, THUMBNAIL, encoded
from mammoscope.web.schemas import Prediction, Row, Started, Study, VerdictRequest, Worklist
from mammoscope.web.service import Service
from mammoscope.web.store import Order

router = APIRouter(
    prefix="/api/v1", tags=["studies"], responses=problems(), route_class=UploadRoute
)
Files = Annotated[
    list[UploadFile],
    File(min_length=1, description="DICOM or image files, or zip archives of them."),
]
Download = Annotated[bool, Query(description="Answer as a file to be saved.")]
Route = TypeVar("Route", bound=Callable[..., Any])
ReportKind = Literal["html", "json"]
CSV_FIELDS = (
    "label", "id", "created", "malignancy", "flag", "sure", "density", "right", "left", "images",
    "judged", "verdict", "note", "marks",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _file_route(path: str, operation: str) -> Callable[[Route], Route]:
    """A route to one file of a study, at `path` below it."""
    return router.get(
        f"/studies/{{study}}{path}",
        responses=problems(404),
        response_class=Response,
        operation_id=operation,
    )


@router.post("/predict", responses=problems(413), operation_id="predict")
async def predict(files: Files, by: ServiceOf) -> Prediction:
    """Judge files and keep nothing of them; the answer comes when all is done."""
    received = await receive(list(files), by)
    return Prediction(**await by.predict_in_turn(received))


@router.post("/studies", status_code=202, responses=problems(413, 503), operation_id="addStudies")
async def add(files: Files, by: ServiceOf, session: SessionOf) -> Started:
    """Judge files in a job, and keep what is needed to show the studies."""
    received = await receive(list(files), by)
    return Started(job=by.start(received, session).id)


@router.post("/demo", status_code=202, responses=problems(503), operation_id="addDemo")
def demo(by: ServiceOf, session: SessionOf) -> Started:
    """Judge the synthetic exam that ships with the program."""
    return Started(job=by.start_demo(session).id)


@router.get("/studies", operation_id="listStudies")
def worklist(by: ServiceOf, session: SessionOf, order: Order = "malignancy") -> Worklist:
    """All studies that are kept: the most suspicious, or the newest, first."""
    return Worklist(studies=[Row(**row) for row in by.studies.rows(session, order)])


@router.get("/studies.csv", response_class=Response, operation_id="exportStudies")
def worklist_csv(by: ServiceOf) -> Response:
    """The worklist as a table; it holds no names."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_FIELDS)
    for row in by.studies.rows("", "malignancy"):
        flat = {**row, "right": row["breasts"]["R"], "left": row["breasts"]["L"]}
        writer.writerow(_cell(flat[name]) for name in CSV_FIELDS)
    headers = {"Content-Disposition": 'attachment; filename="worklist.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/studies/{study}", responses=problems(404), operation_id="getStudy")
def study(study: StudyId, by: ServiceOf, session: SessionOf) -> Study:
    """All that the page shows of a study."""
    return Study(**by.studies.study(study, session))


@router.delete(
    "/studies/{study}", status_code=204, responses=problems(404), operation_id="deleteStudy"
)
def remove(study: StudyId, by: ServiceOf) -> None:
    """Delete a study and all that was kept of it."""
    by.studies.remove(study)


@router.put("/studies/{study}/verdict", responses=problems(404), operation_id="setVerdict")
def verdict(study: StudyId, asked: VerdictRequest, by: ServiceOf, session: SessionOf) -> Row:
    """Write down what a reader says of the study."""
    by.studies.found(study)
    by.studies.store.judge(study, asked.verdict, asked.note)
    return Row(**by.studies.row(by.studies.found(study), session))


@_file_route("/report.{kind}", "getReport")
def report(study: StudyId, kind: ReportKind, by: ServiceOf, download: Download = False) -> Response:
    """The report as the command line writes it."""
    name = {"html": REPORT_HTML, "json": REPORT_JSON}[kind]
    return kept_file(by, study, name, download, f"{by.studies.found(study).number:04d}-{name}")


@_file_route("/images/{image}/values", "getValues")
def values(
    study: StudyId,
    image: ImageNumber,
    by: ServiceOf,
    accept_encoding: Annotated[str, Header()] = "",
) -> Response:
    """Pixel values before any window: height rows of width, little-endian, of the image's dtype."""
    path, kind = by.studies.values(study, image), "application/octet-stream"
    headers = {"Vary": "Accept-Encoding"}
    if "zstd" in accept_encoding:
        headers["Content-Encoding"] = "zstd"
        return FileResponse(path, media_type=kind, headers=headers)
    raw: Any = imagecodecs.zstd_decode(path.read_bytes())
    return Response(raw, media_type=kind, headers=headers)


@_file_route("/images/{image}/image.png", "getImage")
def image_picture(study: StudyId, image: ImageNumber, by: ServiceOf) -> Response:
    """The image as it was judged, grey levels of 8 or 16 bits: what marks.images.csv names."""
    pixels = by.studies.mammogram(study, image).pixels
    headers = {"Content-Disposition": f'attachment; filename="{study}_{image}.png"'}
    return Response(encoded(pixels, ".png"), media_type="image/png", headers=headers)


@_file_route("/images/{image}/map.png", "getMap")
def map_picture(study: StudyId, image: ImageNumber, by: ServiceOf) -> Response:
    """The lesion map over the whole image, transparent where it says nothing."""
    return _picture(by, study, image, MAP, download=False)


@_file_route("/images/{image}/thumbnail.jpg", "getThumbnail")
def thumbnail(study: StudyId, image: ImageNumber, by: ServiceOf) -> Response:
    """The image, small."""
    return _picture(by, study, image, THUMBNAIL, download=False)


@_file_route("/images/{image}/overlay.png", "getOverlay")
def overlay(
    study: StudyId, image: ImageNumber, by: ServiceOf, download: Download = False
) -> Response:
    """The image with lesion map and boxes, as the command line writes it."""
    return _picture(by, study, image, OVERLAY, download)


def _picture(by: Service, study: str, image: int, name: str, download: bool) -> Response:
    called = f"{by.studies.found(study).number:04d}-{image}-{name}"
    return kept_file(by, study, f"{image}.{name}", download, called)


def _cell(value: Any) -> Any:
    """A note must not become a formula in a spreadsheet (CWE-1236)."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
