"""Questions about an image: regions, other weights, a reader's marks and their export."""

from __future__ import annotations

import base64
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray

from mammoscope.outputs.json_report import image_dict, region_dict
from mammoscope.web.annotations import coco, findings_csv, images_csv
from mammoscope.web.api.shared import ImageNumber, ServiceOf, StudyId, problems
from mammoscope.web.kept import NotThereError, encoded, map_png
from mammoscope.web.reader import Comparison
from mammoscope.web.schemas import (
    Answer,
    CompareRequest,
    Identifier,
    Mark,
    MarkRequest,
    Model,
    RegionAnswer,
    RegionRequest,
)

router = APIRouter(prefix="/api/v1", tags=["questions"], responses=problems(404))
OfStudy = Annotated[Identifier | None, Query(description="Of one study; of all if left out.")]


@router.post(
    "/studies/{study}/images/{image}/region", responses=problems(503), operation_id="judgeRegion"
)
async def region(
    study: StudyId, image: ImageNumber, asked: RegionRequest, by: ServiceOf
) -> RegionAnswer:
    """Say whether what lies in a region looks benign or malignant."""

    def work() -> RegionAnswer:
        mammogram = by.studies.mammogram(study, image)
        x1, y1, x2, y2 = asked.box_px
        found = by.reader.region(mammogram, (x1, y1, x2, y2), asked.sharpen, asked.contrast)
        return RegionAnswer(region=region_dict(found.report), crop=_png_url(found.seen))

    return await by.in_turn(work)


@router.post(
    "/studies/{study}/images/{image}/compare", responses=problems(503), operation_id="compareModels"
)
async def compare(
    study: StudyId, image: ImageNumber, asked: CompareRequest, by: ServiceOf
) -> list[Answer]:
    """What several sets of weights say of the same image."""

    def work() -> list[Answer]:
        mammogram = by.studies.mammogram(study, image)
        return [_answer(by.reader.compare(mammogram, model)) for model in asked.models]

    return await by.in_turn(work)


@router.get("/models", operation_id="listModels")
def models(by: ServiceOf) -> list[Model]:
    """The weights that can be asked."""
    return [Model(**entry) for entry in by.reader.listed()]


@router.get("/models/{name}", response_class=JSONResponse, operation_id="getModelCard")
def card(name: str, by: ServiceOf) -> JSONResponse:
    """The card of a set of weights."""
    for weights in by.reader.models:
        if weights.name == name:
            return JSONResponse(weights.card)
    names = ", ".join(weights.name for weights in by.reader.models)
    raise NotThereError(f"There are no weights of that name; there are {names}.")


@router.post("/studies/{study}/marks", status_code=201, operation_id="addMark")
def mark(study: StudyId, asked: MarkRequest, by: ServiceOf) -> Mark:
    """Keep a box that a reader drew."""
    return Mark(**by.studies.mark(study, asked))


@router.delete("/studies/{study}/marks/{mark}", status_code=204, operation_id="deleteMark")
def unmark(study: StudyId, mark: Identifier, by: ServiceOf) -> None:
    """Delete a box."""
    by.studies.unmark(study, mark)


@router.get("/marks.coco.json", response_class=JSONResponse, operation_id="exportCoco")
def export_coco(by: ServiceOf, study: OfStudy = None) -> JSONResponse:
    """Readers' boxes in COCO's format."""
    return JSONResponse(coco(*by.studies.annotated(study)), headers=_saved("marks.coco.json"))


@router.get("/marks.csv", response_class=Response, operation_id="exportFindings")
def export_findings(by: ServiceOf, study: OfStudy = None) -> Response:
    """Readers' boxes as a manifest's findings.csv."""
    return _csv(findings_csv(*by.studies.annotated(study)), "findings.csv")


@router.get("/marks.images.csv", response_class=Response, operation_id="exportImages")
def export_images(by: ServiceOf, study: OfStudy = None) -> Response:
    """The images that the boxes are in, as a manifest's manifest.csv."""
    return _csv(images_csv(*by.studies.annotated(study)), "manifest.csv")


def _answer(said: Comparison) -> Answer:
    report, found = said.report, image_dict(said.report)
    drawn = None
    if report.lesion_map is not None and report.shape_px is not None:
        png = map_png(report.lesion_map, report.shape_px)
        drawn = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return Answer(
        model=said.model,
        malignancy=found["malignancy"],
        density=found["density"],
        findings=found["findings"],
        map=drawn,
        ms=round(1000 * said.seconds, 1),
    )


def _png_url(pixels: NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(encoded(pixels, ".png")).decode("ascii")


def _csv(text: str, name: str) -> Response:
    return Response(text, media_type="text/csv; charset=utf-8", headers=_saved(name))


def _saved(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
