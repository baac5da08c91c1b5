"""The application: routes, pages, errors and what guards them, in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

import mammoscope
from mammoscope.errors import ConfigError, MammoscopeError, MissingExtraError
from mammoscope.geometry import Box
from mammoscope.types import Exam, ExamReport, Mammogram, RegionReport
from mammoscope.web.api import access, asking, jobs, studies, system
from mammoscope.web.api.shared import problem
from mammoscope.web.jobs import QueueFullError
from mammoscope.web.kept import NotThereError
from mammoscope.web.measuring import Measured, Measures
from mammoscope.web.reader import Reader
from mammoscope.web.security import Gate, Protection, protect
from mammoscope.web.service import Service
from mammoscope.web.settings import Settings

ROOM = Path(__file__).parent / "room" / "dist"
_RETRY_S = "5"
log = logging.getLogger("mammoscope.web")
DESCRIPTION = """Reads mammograms: how likely a cancer, where, and how dense the breast.
Research and education use; it supports a reader and replaces none."""


def create_app(settings: Settings, reader: Reader | None = None) -> FastAPI:
    """The application, ready to be served; loads the networks.

    Args:
        settings: of the server.
        reader: the networks, if they are loaded already.

    Raises:
        WeightsError: weights are missing or damaged.
    """
    service = Service(settings, reader)
    app = FastAPI(
        title="Mammoscope",
        version=mammoscope.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    gate = Gate(settings.token)
    app.state.service, app.state.gate, app.state.measures = service, gate, Measures()
    for part in (system, access, studies, asking, jobs):
        app.include_router(part.router)
    _add_pages(app)
    if settings.try_it:
        _add_try_it(app, service)
    _add_errors(app)
    app.add_middleware(Measured, measures=app.state.measures)
    protection = Protection(
        gate, settings.hosts, settings.max_upload_mb, settings.requests_per_minute
    )
    protect(app, protection)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    tidying = asyncio.create_task(_tidy(service))
    try:
        yield
    finally:
        tidying.cancel()
        with suppress(asyncio.CancelledError):
            await tidying
        await asyncio.to_thread(service.close)


async def _tidy(service: Service) -> None:
    """Delete what has expired, now and then."""
    while True:
        await asyncio.sleep(service.settings.tidy_s)
        try:
            await asyncio.to_thread(service.tidy)
        except (OSError, SQLAlchemyError) as error:  # a full disk or a busy database: next time
            log.error("what has expired could not be deleted: %s", type(error).__name__)


def _add_pages(app: FastAPI) -> None:
    app.mount("/assets", StaticFiles(directory=ROOM / "assets"), name="assets")

    @app.get("/", include_in_schema=False)
    def room() -> FileResponse:
        return FileResponse(ROOM / "index.html", headers={"Cache-Control": "no-cache"})


def _add_try_it(app: FastAPI, service: Service) -> None:
    from mammoscope.web.tryit import blocks, mount  # takes seconds to import

    reader = service.reader

    def judge(paths: Sequence[Path]) -> list[tuple[Exam, ExamReport]]:
        return [(read.exam, read.report) for read in reader.judge(reader.find(paths))]

    def region(mammogram: Mammogram, box_px: Box) -> RegionReport:
        return reader.region(mammogram, box_px).report

    page = blocks(judge, region, service.settings.data / "try")
    mount(app, page, "/try", service.settings.max_upload_mb * 1_000_000)


def _add_errors(app: FastAPI) -> None:
    """Every error becomes one sentence; nothing takes the process down."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(MammoscopeError, _known)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """What does not fit the description: where, and what is wrong; the value itself is not told."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    said = "this should be a file" if "UploadFile" in first["msg"] else first["msg"]
    return problem(422, f"{place}: {said}; see /openapi.json for what is expected.")


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 405:  # the framework names the methods of one route of the path alone
        headers["Allow"] = ", ".join(_methods(request))
    return problem(error.status_code, str(error.detail), **headers)


def _methods(request: Request) -> list[str]:
    """All methods that a path knows (RFC 9110, 10.2.1)."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)


async def _known(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, NotThereError):
        return problem(404, str(error))
    if isinstance(error, QueueFullError):
        return problem(503, str(error), **{"Retry-After": _RETRY_S})
    if isinstance(error, MissingExtraError):
        return problem(501, str(error))
    return problem(422 if isinstance(error, ConfigError) else 400, str(error))
