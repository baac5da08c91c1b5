"""What all routes share: who asks, what was sent, and how errors are told."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

from fastapi import Depends, Path, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile

from mammoscope.web.kept import NotThereError
from mammoscope.web.schemas import Identifier, Problem
from mammoscope.web.service import Service
from mammoscope.web.uploads import Limits, Received, keep

NEUTRAL_SESSION = ""


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides success, for the OpenAPI description."""
    said = {
        400: "The request cannot be understood.",
        401: "A token is needed.",
        403: "The request comes from another site.",
        404: "There is no such thing, or it has expired.",
        413: "More was sent than the server takes.",
        422: "A value is impossible; the sentence says which.",
        429: "Too many requests; try again later.",
        501: "A part of the program is not installed.",
        503: "Too much work is waiting; try again later.",
    }
    always = (400, 401, 403, 422, 429)
    return {code: {"model": Problem, "description": said[code]} for code in (*always, *codes)}


async def service(request: Request) -> Service:
    """What does the work."""
    return cast("Service", request.app.state.service)


async def session(request: Request) -> str:
    """Who asks: the id of the session, which only tells whose uploads are whose."""
    return cast("str", getattr(request.state, "session", NEUTRAL_SESSION))


ServiceOf = Annotated[Service, Depends(service)]
SessionOf = Annotated[str, Depends(session)]
StudyId = Annotated[Identifier, Path(description="Of a study.")]
ImageNumber = Annotated[int, Path(ge=0, le=100_000, description="Of an image, from 0.")]


class _Upload(Request):
    """A form of files: text fields, which lie in memory, are few and short."""

    def form(self, **_: Any) -> Any:
        """Read the form within these limits."""
        most = self.app.state.service.settings.max_files
        return super().form(max_files=most, max_fields=8, max_part_size=65_536)


class UploadRoute(APIRoute):
    """A route that takes files."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which sees the request with limits on its form."""
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
            return await handle(_Upload(request.scope, request.receive))

        return limited


async def receive(files: list[UploadFile], by: Service) -> Received:
    """Write what was uploaded into a folder of its own, archives unpacked."""
    settings = by.settings
    limits = Limits(
        max_file_mb=settings.max_upload_mb,
        max_total_mb=settings.max_unpacked_mb,
        max_files=settings.max_files,
    )
    try:
        return await keep(files, by.new_upload(), limits)
    finally:
        for file in files:
            await file.close()


def kept_file(by: Service, study: str, name: str, download: bool, called: str) -> Response:
    """A file of a study, to be shown or saved."""
    by.studies.found(study)
    path = by.studies.kept.file(study, name)
    if not path.is_file():
        raise NotThereError("The study has no such file.")
    how = {"filename": called} if download else {}
    return FileResponse(path, **cast("Any", how))


def problem(status: int, sentence: str, **headers: str) -> JSONResponse:
    """An error as the API tells it."""
    first = sentence.split(" ", 1)[0]
    if first.isalpha() and first.islower():  # not the name of a field or a view
        sentence = sentence[0].upper() + sentence[1:]
    return JSONResponse({"detail": sentence}, status, headers)
