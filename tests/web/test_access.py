"""Who may ask, how much, and what the server says of itself."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import mammoscope
from mammoscope import cli
from mammoscope.errors import ConfigError
from mammoscope.web.reader import Reader
from mammoscope.web.serving import claim
from mammoscope.web.settings import Settings, is_loopback
from web_server import served

TOKEN = "correct horse battery"


@pytest.fixture(scope="module")
def locked(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(tmp_path_factory.mktemp("locked"), port=0, token=TOKEN, try_it=False)
    with served(settings, reader) as address:
        yield address


def test_without_the_token_nothing_is_told(locked: str) -> None:
    with httpx.Client(base_url=locked) as client:
        assert client.get("/api/v1/studies").status_code == 401
        assert client.get("/metrics").status_code == 401
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/api/v1/session").json() == {"login_needed": True, "logged_in": False}


@pytest.mark.parametrize(
    "how", [{"headers": {"Authorization": f"Bearer {TOKEN}"}}, {"auth": ("reader", TOKEN)}]
)
def test_the_token_lets_in(locked: str, how: dict[str, object]) -> None:
    assert httpx.get(f"{locked}/api/v1/studies", **how).status_code == 200


def test_a_login_lasts_until_the_logout(locked: str) -> None:
    with httpx.Client(base_url=locked) as client:
        assert client.post("/login", json={"token": "wrong"}).status_code == 401
        assert client.post("/login", json={"token": TOKEN}).status_code == 200
        assert client.get("/api/v1/studies").status_code == 200
        client.post("/logout")
        assert client.get("/api/v1/studies").status_code == 401


def test_other_sites_cannot_ask(client: httpx.Client) -> None:
    foreign = {"Origin": "https://elsewhere.example"}
    assert client.post("/api/v1/demo", headers=foreign).status_code == 403
    assert client.get("/health", headers={"Host": "elsewhere.example"}).status_code == 400


def test_the_version_is_the_programs(client: httpx.Client) -> None:
    assert client.get("/api/v1/version").json()["version"] == mammoscope.__version__


def test_metrics_count_routes_not_ids(client: httpx.Client, demo_study: str) -> None:
    client.get(f"/api/v1/studies/{demo_study}")
    text = client.get("/metrics").text
    assert 'route="/api/v1/studies/{study}"' in text
    assert demo_study not in text
    assert "mammoscope_images_judged" in text


def test_the_page_forbids_every_other_host(client: httpx.Client) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_every_set_of_weights_has_a_card(client: httpx.Client) -> None:
    for model in client.get("/api/v1/models").json():
        card = client.get(f"/api/v1/models/{model['name']}").json()
        assert card["sha256"] == model["sha256"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0"}, "no token"),
        ({"token": "short"}, "12"),
        ({"port": 99999}, "99999"),
        ({"keep_days": 0}, "--keep-days"),
        ({"keep_days": float("nan")}, "--keep-days"),
        ({"keep_days": 1e12}, "--keep-days"),
        ({"hosts": ("reading-room.example",)}, "no token"),
        ({"proxy": "127.0.0.1"}, "no token"),
        ({"token": "Schlüssel für alle"}, "ASCII"),
    ],
)
def test_impossible_settings_are_refused(
    tmp_path: Path, given: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        Settings(tmp_path, **given)  # type: ignore[arg-type]


def test_only_loopback_is_this_machine_alone() -> None:
    assert [host for host in ("127.0.0.1", "::1", "localhost") if not is_loopback(host)] == []
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("reading-room.example")


@pytest.mark.usefixtures("command_line")
def test_a_port_that_is_taken_is_told(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = address.rpartition(":")[2]
    assert cli.main(["serve", "--port", port, "--data", str(tmp_path)]) == 2
    assert "choose another --port" in capsys.readouterr().err


def test_the_description_names_every_route_once(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    names = [of["operationId"] for methods in paths.values() for of in methods.values()]
    assert len(names) == len(set(names)) >= 25
    assert "/api/v1/predict" in json.dumps(paths)


@pytest.mark.usefixtures("command_line")
def test_two_servers_do_not_share_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with claim(tmp_path):
        assert cli.main(["serve", "--port", "0", "--data", str(tmp_path)]) == 2
    assert "another server uses" in capsys.readouterr().err


@pytest.mark.usefixtures("command_line")
def test_a_folder_that_is_a_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "data"
    file.touch()
    assert cli.main(["serve", "--port", "0", "--data", str(file)]) == 2
    assert "choose another --data folder" in capsys.readouterr().err


@pytest.mark.usefixtures("command_line")
def test_a_folder_of_other_files_is_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "studies" / "patient-1" / "a.dcm"
    precious.parent.mkdir(parents=True)
    precious.touch()
    assert cli.main(["serve", "--port", "0", "--data", str(tmp_path)]) == 2
    assert "no server's" in capsys.readouterr().err
    assert precious.exists()


def test_a_form_of_many_texts_is_refused(client: httpx.Client) -> None:
    fields = {f"field{number}": "x" * 1000 for number in range(50)}
    answer = client.post("/api/v1/studies", data=fields, files={"files": ("a.png", b"x")})
    assert answer.status_code in (400, 413)


def test_a_connection_that_says_nothing_is_closed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mammoscope.web.patience.HEADERS_WITHIN_S", 0.2)
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert connection.recv(100) == b""
