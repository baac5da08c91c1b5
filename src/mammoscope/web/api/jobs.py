"""Jobs: how far they are, asked once or followed as server-sent events; and evaluations."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, File, Path, Query, UploadFile
from fastapi.responses import FileResponse, Response, StreamingResponse

from mammoscope.web.api.shared import ServiceOf, SessionOf, UploadRoute, problems
from mammoscope.web.jobs import ENDED, Job
from mammoscope.web.kept import NotThereError
from mammoscope.web.schemas import Identifier, JobState, Started
from mammoscope.web.service import Service

router = APIRouter(
    prefix="/api/v1", tags=["jobs"], responses=problems(404), route_class=UploadRoute
)
JobId = Annotated[Identifier, Path(description="Of a job.")]
EvaluationId = Annotated[Identifier, Path(description="Of an evaluation.")]
_LOOK_S = 0.05
_STILL_THERE_S = 15.0
"""A line now and then keeps proxies from closing a stream that says nothing."""


@router.get("/jobs/{job}", operation_id="getJob")
def state(job: JobId, by: ServiceOf, session: SessionOf) -> JobState:
    """How far a job is."""
    return JobState(**_found(by, job).as_dict(session))


@router.get(
    "/jobs/{job}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "A job at each change."}},
    operation_id="followJob",
)
def events(job: JobId, by: ServiceOf, session: SessionOf) -> StreamingResponse:
    """The same whenever it changes, until the job has ended."""
    changes = _changes(_found(by, job), session)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(changes, media_type="text/event-stream", headers=headers)


@router.post(
    "/evaluations", status_code=202, responses=problems(413, 501, 503), operation_id="addEvaluation"
)
async def evaluate(
    predictions: Annotated[
        list[UploadFile], File(min_length=1, description="CSV or JSON, one a model.")
    ],
    truth: Annotated[UploadFile, File(description="CSV with a column cancer.")],
    by: ServiceOf,
    session: SessionOf,
) -> Started:
    """Evaluate predictions against truth, as `mammoscope evaluate` does."""
    folder = by.new_upload()
    folder.mkdir(mode=0o700)
    paths = []
    for number, file in enumerate([*predictions, truth], 1):
        path = folder / (_table_name(file, number) if file is not truth else "truth.csv")
        with path.open("wb") as target:
            await asyncio.to_thread(shutil.copyfileobj, file.file, target)
        paths.append(path)
    return Started(job=by.start_evaluation(paths[:-1], paths[-1], folder, session).id)


@router.get(
    "/evaluations/{evaluation}/report.html", response_class=Response, operation_id="getEvaluation"
)
def report(
    evaluation: EvaluationId, by: ServiceOf, download: Annotated[bool, Query()] = False
) -> Response:
    """The report of an evaluation."""
    path = by.evaluation(evaluation)
    return FileResponse(path, filename="evaluation.html" if download else None)


def _table_name(file: UploadFile, number: int) -> str:
    """Letters, digits and dashes of the given name, which names the model in the report."""
    given = PurePath((file.filename or "").replace("\\", "/"))
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", given.stem).strip("-.")[:40] or "model"
    kind = next((kind for kind in (".jsonl", ".json") if given.suffix.lower() == kind), ".csv")
    return f"{number}-{stem}{kind}"


def _found(by: Service, identifier: str) -> Job:
    job = by.jobs.find(identifier)
    if job is None:
        raise NotThereError("There is no such job; jobs are remembered for an hour.")
    return job


async def _changes(job: Job, session: str) -> AsyncIterator[str]:
    told, silent = "", 0.0
    while True:
        ended = job.state in ENDED
        now = json.dumps(job.as_dict(session), ensure_ascii=False)
        if now != told:
            told, silent = now, 0.0
            yield f"data: {now}\n\n"
        elif silent >= _STILL_THERE_S:
            silent = 0.0
            yield ": still there\n\n"
        if ended:
            return
        await asyncio.sleep(_LOOK_S)
        silent += _LOOK_S
