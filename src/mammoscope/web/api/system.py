"""Is the server alive, is it ready, what is it, who is logged in."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

import mammoscope
from mammoscope.web.api.shared import ServiceOf, problems
from mammoscope.web.schemas import Status, Version

router = APIRouter(tags=["system"], responses=problems())
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health", operation_id="health")
async def health() -> Status:
    """Whether the process answers."""
    return Status(status="ok")


@router.get("/ready", responses={503: {"model": Status}}, operation_id="ready")
async def ready(by: ServiceOf) -> Response:
    """Whether the networks are loaded and further jobs are taken."""
    busy = by.jobs.pending >= by.settings.waiting
    return JSONResponse({"status": "busy" if busy else "ok"}, 503 if busy else 200)


@router.get("/metrics", response_class=PlainTextResponse, operation_id="metrics")
def metrics(request: Request, by: ServiceOf) -> Response:
    """Numbers for Prometheus."""
    measures = request.app.state.measures
    measures.pending.set(by.jobs.pending)
    measures.studies.set(by.studies.store.count())
    measures.judged.set(by.reader.judged)
    return Response(measures.text(), media_type=_PROMETHEUS)


@router.get("/api/v1/version", operation_id="version")
async def version() -> Version:
    """The program and its version."""
    return Version(program="mammoscope", version=mammoscope.__version__, api="v1")
