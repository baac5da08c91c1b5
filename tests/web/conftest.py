from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")

import httpx

from mammoscope.data.demo_exam import demo_folder
from mammoscope.web.reader import Reader
from mammoscope.web.settings import Settings
from web_server import send, served


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="session")
def address(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server that all tests share; it listens to this machine and asks for no token."""
    folder = tmp_path_factory.mktemp("server")
    settings = Settings(folder, port=0, requests_per_minute=0, try_it=False)
    with served(settings, reader) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=120) as found:
        yield found


@pytest.fixture(scope="session")
def demo_study(address: str) -> str:
    """Id of the demo exam as a study of the shared server."""
    with httpx.Client(base_url=address, timeout=120) as found:
        pictures: list[Path] = sorted(demo_folder().glob("*.png"))
        return str(send(found, pictures)["studies"][0])
