"""A real server of our application on loopback, in a thread, for tests of web/."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from mammoscope.web.app import create_app
from mammoscope.web.patience import PatientProtocol
from mammoscope.web.reader import Reader
from mammoscope.web.serving import listen
from mammoscope.web.settings import Settings


@contextmanager
def served(settings: Settings, reader: Reader | None = None) -> Iterator[str]:
    """Serve until the block ends; gives the address."""
    listening = listen(settings)
    app = create_app(settings, reader)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, http=PatientProtocol))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def send(client: httpx.Client, paths: Sequence[Path]) -> dict[str, Any]:
    """Upload files as studies and wait for the job; gives its last state."""
    files = [("files", (path.name, path.read_bytes())) for path in paths]
    started = client.post("/api/v1/studies", files=files)
    assert started.status_code == 202, started.text
    return followed(client, started.json()["job"])


def followed(client: httpx.Client, job: str) -> dict[str, Any]:
    """Follow a job's events to their end; gives the last one."""
    told: dict[str, Any] = {}
    with client.stream("GET", f"/api/v1/jobs/{job}/events", timeout=120) as events:
        for line in events.iter_lines():
            if line.startswith("data: "):
                told = json.loads(line.removeprefix("data: "))
    return told
