"""Log in and out, and ask whether that is needed."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from mammoscope.web.api.shared import problems
from mammoscope.web.schemas import Login, SessionState
from mammoscope.web.security import Gate, login, logout

router = APIRouter(tags=["access"], responses=problems())


@router.get("/api/v1/session", operation_id="getSession")
async def session(request: Request) -> SessionState:
    """Whether a token is needed, and was given."""
    gate = _gate(request)
    return SessionState(login_needed=gate.login_needed, logged_in=gate.logged_in(request))


@router.post("/login", operation_id="login")
async def log_in(request: Request, asked: Login) -> JSONResponse:
    """Begin a session with the token; the answer sets its cookie."""
    return login(_gate(request), request, asked.token)


@router.post("/logout", operation_id="logout")
async def log_out(request: Request) -> JSONResponse:
    """End the session."""
    return logout(_gate(request), request)


def _gate(request: Request) -> Gate:
    return cast("Gate", request.app.state.gate)
