"""What goes over the wire, for the OpenAPI description and for checking requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mammoscope.web.reader import CONTRAST_MOST, SHARPEN_MOST
from mammoscope.web.store import Label, Verdict

Identifier = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Coordinate = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
BoxPx = Annotated[list[Coordinate], Field(min_length=4, max_length=4)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
ModelName = Annotated[str, Field(max_length=200)]
Note = Annotated[str, Field(max_length=4000)]


class _Strict(BaseModel):
    """What a client sends: an unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Problem(BaseModel):
    """Every error: one sentence, what was found and what to do."""

    detail: str


class Version(BaseModel):
    """The program."""

    program: str
    version: str
    api: str


class Status(BaseModel):
    """Health."""

    status: Literal["ok", "busy", "starting"]


class SessionState(BaseModel):
    """Whether a login is needed, and was made."""

    login_needed: bool
    logged_in: bool


class Login(_Strict):
    """The token that the server was started with."""

    token: Annotated[str, Field(max_length=1000)]


class Model(BaseModel):
    """Weights that can be asked."""

    name: str
    purpose: Literal["mammogram", "region", "ultrasound"]
    description: str
    sha256: str
    default: bool


class FileProgress(BaseModel):
    """How far one file is."""

    name: str
    state: Literal["waiting", "reading", "read", "refused", "failed"]
    reason: str | None


class JobState(BaseModel):
    """How far a job is, and what came of it."""

    id: Identifier
    state: Literal["queued", "running", "done", "failed"]
    done: int
    total: int
    step: str | None
    files: list[FileProgress]
    studies: list[Identifier]
    evaluations: list[Identifier]
    error: str | None


class Started(BaseModel):
    """A job that was begun."""

    job: Identifier


class Failure(BaseModel):
    """A file that could not be judged."""

    file: str
    reason: str


class Prediction(BaseModel):
    """The exams as `mammoscope predict --json` gives them, and the files that failed."""

    exams: list[dict[str, Any]]
    failed: list[Failure]


class Figures(BaseModel):
    """The figures of a study; `name` is told to the session that sent it alone."""

    id: Identifier
    created: str
    expires: str
    label: str
    name: str | None
    malignancy: Probability | None
    malignancy_interval: Pair | None
    flag: bool | None
    sure: bool | None
    density: Literal["A", "B", "C", "D"] | None
    breasts: dict[str, float | None]
    judged: int
    verdict: Verdict | None
    note: str
    ultrasound: bool
    thumbnails: list[str]


class Row(Figures):
    """A study in the worklist, with the numbers of its images and marks."""

    images: int
    marks: int


class Worklist(BaseModel):
    """All studies that are kept."""

    studies: list[Row]


class Mark(BaseModel):
    """A box that a reader drew, source pixels."""

    id: Identifier
    image: int
    box_px: list[float]
    label: Label
    note: str
    created: str


class Image(BaseModel):
    """One image of a study; what shows it is null where there is no picture."""

    model_config = ConfigDict(extra="allow")

    index: int
    name: str
    laterality: str | None
    view: str | None
    slot: int | None
    mirrored: bool
    width: int | None
    height: int | None
    dtype: Literal["uint8", "uint16"] | None
    slope: float | None
    intercept: float | None
    low_is_white: bool | None
    windows: list[dict[str, Any]]
    spacing_mm: Pair | None
    breast_px: list[float] | None
    values_url: str | None
    map_url: str | None
    thumbnail_url: str | None
    overlay_url: str | None
    malignancy: float | None
    findings: list[dict[str, Any]]
    warnings: list[str]
    refused: str | None


class Study(Figures):
    """A study with all that the page shows."""

    report: dict[str, Any]
    points: list[dict[str, Any]]
    words: dict[str, Any]
    model: dict[str, Any]
    images: list[Image]
    marks: list[Mark]


class RegionRequest(_Strict):
    """A region to judge, and what to do with its crop first."""

    box_px: BoxPx
    sharpen: Annotated[float, Field(ge=0, le=SHARPEN_MOST)] = 0.0
    contrast: Annotated[float, Field(ge=0, le=CONTRAST_MOST)] = 0.0


class RegionAnswer(BaseModel):
    """What is said of a region, and the crop as the network saw it (data URL)."""

    region: dict[str, Any]
    crop: str


class MarkRequest(_Strict):
    """A box to keep."""

    image: Annotated[int, Field(ge=0, le=100_000)]
    box_px: BoxPx
    label: Label
    note: Note = ""


class VerdictRequest(_Strict):
    """What a reader says of a study."""

    verdict: Verdict | None = None
    note: Note = ""


class CompareRequest(_Strict):
    """Which weights to ask."""

    models: Annotated[
        list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=4)
    ]


class Answer(BaseModel):
    """What one set of weights says of an image; `map` is a data URL over the whole image."""

    model: str
    malignancy: float | None
    density: dict[str, float | None] | None
    findings: list[dict[str, Any]]
    map: str | None
    ms: float
