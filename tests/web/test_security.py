from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.web.audit import told_path
from mammoscope.web.body_limit import BodyLimit
from mammoscope.web.rate import Buckets
from mammoscope.web.security import Gate, Protection, Throttle, login, logout, protect
from mammoscope.web.security_headers import cache_policy, content_policy
from mammoscope.web.sessions import COOKIE, Sessions

TOKEN = "a-long-enough-token"
BEARER = {"authorization": f"Bearer {TOKEN}"}
STUDY = "/api/v1/studies/0123456789abcdef0123456789abcdef"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def application(gate: Gate, protection: Protection | None = None) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    @app.get("/assets/a.js")
    @app.get("/health")
    @app.get(STUDY)
    async def page(request: Request) -> dict[str, str | None]:
        return {"session": getattr(request.state, "session", None)}

    @app.post("/api/v1/studies")
    async def upload(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/login")
    async def log_in(request: Request) -> JSONResponse:
        return login(gate, request, (await request.json())["token"])

    @app.post("/logout")
    async def log_out(request: Request) -> JSONResponse:
        return logout(gate, request)

    @app.get("/api/v1/session")
    async def state(request: Request) -> dict[str, bool]:
        return {"logged_in": gate.logged_in(request)}

    @app.get("/api/v1/fails")
    async def fails() -> None:
        raise ZeroDivisionError("Jane Doe")

    @app.get("/api/v1/events")
    async def events() -> StreamingResponse:
        async def ticks() -> AsyncIterator[str]:
            for n in range(3):
                await asyncio.sleep(0)
                yield f"data: {n}\n\n"

        return StreamingResponse(ticks(), media_type="text/event-stream")

    protect(app, protection or Protection(gate))
    return app


class Client:
    """Calls an application in this process, in one event loop, keeping its cookies."""

    def __init__(self, app: FastAPI, address: str = "127.0.0.1") -> None:
        transport = httpx.ASGITransport(app, client=(address, 1))
        self.loop = asyncio.new_event_loop()
        self.http = httpx.AsyncClient(transport=transport, base_url="http://localhost:8000")

    def __call__(self, method: str, path: str, **more: object) -> httpx.Response:
        return self.loop.run_until_complete(self.http.request(method, path, **more))  # type: ignore[arg-type]

    def close(self) -> None:
        self.loop.run_until_complete(self.http.aclose())
        self.loop.close()


@pytest.fixture
def guarded() -> Iterator[Client]:
    client = Client(application(Gate(TOKEN)))
    yield client
    client.close()


@pytest.fixture
def free() -> Iterator[Client]:
    client = Client(application(Gate(None)))
    yield client
    client.close()


@pytest.mark.parametrize("path", ["/", "/assets/a.js", "/health", "/api/v1/session"])
def test_what_is_open_needs_no_token(guarded: Client, path: str) -> None:
    assert guarded("GET", path).status_code == 200


def test_all_else_needs_the_token(guarded: Client) -> None:
    refused = guarded("GET", STUDY)
    assert refused.status_code == 401
    assert "token" in refused.json()["detail"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/try", "/metrics", "/assetsx"])
def test_an_unknown_path_needs_the_token_too(guarded: Client, path: str) -> None:
    assert guarded("GET", path).status_code == 401


def test_the_token_lets_in_as_bearer_and_as_password(guarded: Client) -> None:
    assert guarded("GET", STUDY, headers=BEARER).status_code == 200
    assert guarded("GET", STUDY, auth=("anybody", TOKEN)).status_code == 200


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer no", "Basic ???", "Basic " + base64.b64encode(b"\xff").decode(), "X"],
)
def test_anything_else_is_refused(guarded: Client, value: str) -> None:
    assert guarded("GET", STUDY, headers={"authorization": value}).status_code == 401


def test_a_login_opens_a_session_and_a_logout_ends_it(guarded: Client) -> None:
    assert guarded("POST", "/login", json={"token": TOKEN}).status_code == 200
    assert guarded("GET", STUDY).status_code == 200
    cookie = guarded.http.cookies[COOKIE]
    guarded("POST", "/logout")
    guarded.http.cookies.set(COOKIE, cookie)
    assert guarded("GET", STUDY).status_code == 401


def test_a_login_gives_a_new_id(guarded: Client) -> None:
    guarded("GET", "/")
    before = guarded.http.cookies[COOKIE]
    guarded("POST", "/login", json={"token": TOKEN})
    assert guarded.http.cookies[COOKIE] != before


def test_the_session_of_a_stranger_does_not_let_in(guarded: Client) -> None:
    guarded("GET", "/")
    assert guarded.http.cookies[COOKIE]
    assert guarded("GET", STUDY).status_code == 401


def test_no_script_and_no_other_site_can_use_the_cookie(guarded: Client) -> None:
    cookie = guarded("POST", "/login", json={"token": TOKEN}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_after_many_wrong_tokens_only_the_right_one_does_not_wait(guarded: Client) -> None:
    tries = [guarded("POST", "/login", json={"token": "no"}).status_code for _ in range(6)]
    assert tries == [401] * 5 + [429]
    assert guarded("GET", STUDY, headers={"authorization": "Bearer no"}).status_code == 429
    assert guarded("GET", STUDY, headers=BEARER).status_code == 200


def test_the_wait_doubles_and_ends() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(7):
        throttle.failed("a")
    assert throttle.wait("a") == 4
    assert throttle.wait("b") == 0
    clock.now += 4
    assert throttle.wait("a") == 0


def test_a_visitor_keeps_one_session(free: Client) -> None:
    first = free("GET", "/").json()["session"]
    assert first
    assert free("GET", STUDY).json()["session"] == first


def test_a_made_up_session_is_not_taken(free: Client) -> None:
    free.http.cookies.set(COOKIE, "made-up")
    assert free("GET", "/").json()["session"] != "made-up"


def test_a_session_ends_some_time_after_its_last_request() -> None:
    clock = Clock()
    sessions = Sessions(10, clock)
    session = sessions.new()
    clock.now += 9
    assert sessions.valid(session)
    clock.now += 10
    assert not sessions.valid(session)


def test_strangers_do_not_push_out_who_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mammoscope.web.sessions._MOST", 10)
    sessions = Sessions()
    known, stranger = sessions.new(logged_in=True), sessions.new()
    for _ in range(10):
        sessions.new()
    assert sessions.valid(known)
    assert not sessions.valid(stranger)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "a@localhost", "", "[x"]
)
def test_a_foreign_name_is_refused(free: Client, host: str) -> None:
    assert free("GET", "/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"])
def test_our_own_names_are_taken(free: Client, host: str) -> None:
    assert free("GET", "/", headers={"host": host}).status_code == 200


def test_a_name_that_was_allowed_is_taken() -> None:
    gate = Gate(None)
    client = Client(application(gate, Protection(gate, hosts=("Reader.hospital.example",))))
    given = {"host": "reader.hospital.example:80"}
    assert client("GET", "/", headers=given).status_code == 200
    client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:8000"},
    ],
)
def test_a_change_asked_for_by_another_site_is_refused(
    free: Client, headers: dict[str, str]
) -> None:
    assert free("POST", "/api/v1/studies", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
    ],
)
def test_our_own_page_and_programs_may_change(free: Client, headers: dict[str, str]) -> None:
    assert free("POST", "/api/v1/studies", headers=headers).status_code == 200


def test_no_answer_allows_another_origin(free: Client) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answered = free("OPTIONS", "/api/v1/studies", headers=asked)
    assert not [name for name in answered.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/", STUDY, "/none", "/api/v1/fails"])
def test_every_answer_has_the_headers(free: Client, path: str) -> None:
    headers = free("GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


def test_scripts_of_the_room_are_its_own() -> None:
    assert "script-src 'self' 'wasm-unsafe-eval';" in content_policy("/")
    assert "unsafe-eval' " not in content_policy("/")
    assert "script-src" not in content_policy(STUDY)
    assert content_policy(f"{STUDY}/report.html") == "frame-ancestors 'self'"


def test_the_browser_keeps_nothing_of_a_study() -> None:
    for path in (STUDY, f"{STUDY}/images/0/values", f"{STUDY}/images/0/overlay.png"):
        assert cache_policy(path, 200) == "no-store"
    assert "immutable" in str(cache_policy("/assets/a-1.js", 200))


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(100_000)


def small() -> Client:
    gate = Gate(None)
    return Client(application(gate, Protection(gate, max_upload_mb=2)))


def test_a_body_that_announces_too_much_is_refused() -> None:
    client = small()
    refused = client("POST", "/api/v1/studies", content=bytes(2_000_001))
    assert refused.status_code == 413
    assert "limit of 2 MB" in refused.json()["detail"]
    client.close()


def test_a_body_that_never_ends_is_refused() -> None:
    client = small()
    assert client("POST", "/api/v1/studies", content=_endless()).status_code == 413
    client.close()


def test_a_body_within_the_limit_is_taken() -> None:
    client = small()
    assert client("POST", "/api/v1/studies", content=bytes(2_000_000)).json()["bytes"] == 2_000_000
    client.close()


def test_what_takes_no_files_takes_little() -> None:
    client = small()
    assert client("POST", "/login", content=bytes(1_000_001)).status_code == 413
    client.close()


def test_a_body_that_hardly_moves_is_given_up() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    async def read(scope, receive, send):  # type: ignore[no-untyped-def]
        from starlette.requests import Request as Plain

        await Response(await Plain(scope, receive).body())(scope, receive, send)

    transport = httpx.ASGITransport(BodyLimit(read, 1, grace_s=0.05))

    async def call() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.post("/", content=slow())).status_code

    assert asyncio.run(call()) == 408


def test_who_asks_too_often_is_turned_away_for_a_time() -> None:
    gate = Gate(None)
    client = Client(application(gate, Protection(gate, requests_per_minute=3)))
    answers = [client("GET", "/") for _ in range(4)]
    assert [answered.status_code for answered in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["retry-after"]) >= 1
    assert client("GET", "/assets/a.js").status_code == 200
    client.close()


def test_throwing_the_cookie_away_does_not_help_for_ever() -> None:
    gate = Gate(None)
    client = Client(application(gate, Protection(gate, requests_per_minute=3)))
    codes = []
    for _ in range(31):
        client.http.cookies.clear()
        codes.append(client("GET", "/").status_code)
    assert codes == [200] * 30 + [429]
    client.close()


def test_a_bucket_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(2, clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 30]
    clock.now += 30
    assert buckets.take("a") == 0


def test_buckets_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mammoscope.web.rate._REMEMBERED", 5)
    buckets = Buckets(1)
    for n in range(20):
        buckets.take(str(n))
    assert len(buckets._levels) == 5


def test_an_unforeseen_error_tells_its_kind_alone(
    free: Client, caplog: pytest.LogCaptureFixture
) -> None:
    failed = free("GET", "/api/v1/fails")
    assert failed.status_code == 500
    assert "ZeroDivisionError" in failed.json()["detail"]
    assert "Jane" not in failed.text + caplog.text
    assert free("GET", "/").status_code == 200


def test_events_pass_through(free: Client) -> None:
    assert free("GET", "/api/v1/events").text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_a_change_leaves_one_line_without_names(
    free: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mammoscope.audit")
    free("GET", "/")
    free("POST", "/api/v1/studies?name=Doe", content=b"Jane")
    free("DELETE", f"{STUDY}/Jane%20Doe")
    lines = [json.loads(r.message) for r in caplog.records if r.name == "mammoscope.audit"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/api/v1/studies", 200),
        ("DELETE", f"{STUDY}/*", 404),
    ]
    assert free.http.cookies[COOKIE] not in caplog.text
    assert lines[0]["session"] == lines[1]["session"]


@given(st.text())
def test_a_told_path_holds_words_and_ids_alone(path: str) -> None:
    assert set(told_path(f"/{path}").split("/")) <= {"", "*"} | set(path.split("/"))
    assert len(told_path(path)) <= 201
