"""Studies over the API: what is sent comes back judged, without names, until it is deleted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import httpx
import imagecodecs
import numpy as np
import pytest

from dicom_files import write_dicom
from mammoscope import cli
from mammoscope.data.demo_exam import demo_folder
from mammoscope.io import ExamFiles, load_exam, read_mammogram
from mammoscope.web.reader import Reader
from mammoscope.web.settings import Settings
from report_example import breast
from web_server import followed, send, served

VIEWS = sorted(demo_folder().glob("*.png"))


def test_the_answer_is_what_the_command_line_prints(
    client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [("files", (path.name, path.read_bytes())) for path in VIEWS]
    exam = client.post("/api/v1/predict", files=files).json()["exams"][0]
    cli.main(["predict", str(demo_folder()), "--json"])
    printed = json.loads(capsys.readouterr().out)
    for image, of_command in zip(exam["images"], printed["images"], strict=True):
        assert image | {"path": ""} == of_command | {"path": ""}
    assert [exam["breasts"], exam["model"]] == [printed["breasts"], printed["model"]]


def test_a_prediction_keeps_nothing(client: httpx.Client) -> None:
    before = client.get("/api/v1/studies").json()
    client.post("/api/v1/predict", files={"files": ("x_L-CC.png", VIEWS[0].read_bytes())})
    assert client.get("/api/v1/studies").json() == before


def test_a_file_that_is_none_is_named_and_the_others_are_judged(client: httpx.Client) -> None:
    files = [("files", ("jane_LCC.png", VIEWS[0].read_bytes())), ("files", ("jane_RCC.png", b"x"))]
    said = client.post("/api/v1/predict", files=files).json()
    assert [one["file"] for one in said["failed"]] == ["jane_RCC.png"]
    assert said["exams"][0]["exam"]["malignancy"] is not None


def test_views_hang_with_their_chest_walls_together(client: httpx.Client, demo_study: str) -> None:
    images = client.get(f"/api/v1/studies/{demo_study}").json()["images"]
    assert [(image["name"], image["slot"]) for image in images] == [
        ("R CC", 0), ("L CC", 1), ("R MLO", 2), ("L MLO", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("accepted", ["zstd", "identity"])
def test_values_are_the_pixels_of_the_file(
    client: httpx.Client, demo_study: str, accepted: str
) -> None:
    image = client.get(f"/api/v1/studies/{demo_study}").json()["images"][0]
    with client.stream("GET", image["values_url"], headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    if accepted == "zstd":
        assert answer.headers["content-encoding"] == "zstd"
        raw = imagecodecs.zstd_decode(raw)
    pixels = read_mammogram(demo_folder() / "demo_R-CC.png").pixels
    shown = np.frombuffer(raw, image["dtype"]).reshape(image["height"], image["width"])
    np.testing.assert_array_equal(shown, pixels)


def test_a_dicom_is_windowed_from_its_own_values(client: httpx.Client, tmp_path: Path) -> None:
    stored = breast("L").astype(np.uint16) * 4
    file = write_dicom(tmp_path / "a.dcm", stored, bits=12, WindowCenter=600, WindowWidth=400)
    job = send(client, [file])
    image = client.get(f"/api/v1/studies/{job['studies'][0]}").json()["images"][0]
    assert image["dtype"] == "uint16"
    assert (image["windows"][0]["center"], image["windows"][0]["width"]) == (600, 400)


def test_a_negative_is_shown_as_it_was_judged(client: httpx.Client, tmp_path: Path) -> None:
    stored = 4095 - breast("L").astype(np.uint16) * 16
    shape = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    file = write_dicom(tmp_path / "a.dcm", stored, WindowCenter=2048, WindowWidth=4096, **shape)
    study = send(client, [file])["studies"][0]
    assert client.get(f"/api/v1/studies/{study}").json()["images"][0]["low_is_white"]
    png = client.get(f"/api/v1/studies/{study}/images/0/image.png").content
    judged = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(judged, read_mammogram(file).pixels)


def test_the_map_covers_the_image(client: httpx.Client, demo_study: str) -> None:
    image = client.get(f"/api/v1/studies/{demo_study}").json()["images"][1]
    png = np.frombuffer(client.get(image["map_url"]).content, np.uint8)
    drawn = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    assert drawn.shape[2] == 4
    x1, y1, x2, y2 = image["findings"][0]["box_px"]
    row, column = np.unravel_index(np.argmax(drawn[:, :, 3]), drawn.shape[:2])
    assert x1 <= (column + 0.5) * image["width"] / drawn.shape[1] <= x2
    assert y1 <= (row + 0.5) * image["height"] / drawn.shape[0] <= y2


def test_the_worklist_begins_with_the_most_suspicious(
    client: httpx.Client, demo_study: str
) -> None:
    send(client, [VIEWS[2]])
    found = [row["malignancy"] for row in client.get("/api/v1/studies").json()["studies"]]
    assert found == sorted(found, reverse=True)


def test_a_given_name_is_told_to_its_session_alone(client: httpx.Client, address: str) -> None:
    files = {"files": ("jane_doe_LCC.png", VIEWS[0].read_bytes())}
    job = followed(client, client.post("/api/v1/studies", files=files).json()["job"])
    path = f"/api/v1/studies/{job['studies'][0]}"
    assert client.get(path).json()["name"] == "jane_doe_LCC.png"
    with httpx.Client(base_url=address) as stranger:
        assert "jane" not in stranger.get(path).text
        assert "jane" not in stranger.get(f"/api/v1/jobs/{job['id']}").text
        assert "jane" not in stranger.get("/api/v1/studies").text
        assert "jane" not in stranger.get(f"{path}/report.html").text


def test_what_cannot_be_judged_makes_no_study(client: httpx.Client) -> None:
    files = {"files": ("notes.bin", b"not an image")}
    job = followed(client, client.post("/api/v1/studies", files=files).json()["job"])
    assert (job["state"], job["studies"]) == ("failed", [])
    assert job["files"][0]["reason"].startswith("notes.bin: ")


def test_one_exam_that_fails_leaves_the_others(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_for_b(files: ExamFiles, *rest: object) -> object:
        if len(files.paths) == 1:
            raise ValueError("a fault of the program")
        return load_exam(files, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("mammoscope.web.reader.load_exam", fail_for_b)
    names = ["a_LCC.png", "a_RCC.png", "b_LCC.png"]
    files = [("files", (name, VIEWS[0].read_bytes())) for name in names]
    job = followed(client, client.post("/api/v1/studies", files=files).json()["job"])
    assert (job["state"], len(job["studies"])) == ("done", 1)
    assert [file["state"] for file in job["files"]] == ["read", "read", "failed"]
    assert job["files"][2]["reason"] == "b_LCC.png: unexpected ValueError."


def test_an_exam_that_is_too_large_is_refused_in_part(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mammoscope.web.reader.MOST_PIXELS", 2_000_000)
    files = [("files", (f"{n}/a_LCC.png", VIEWS[0].read_bytes())) for n in "1"]
    files += [
        ("files", (f"1/a_R{view}.png", VIEWS[2].read_bytes())) for view in ("CC", "MLO", "ML")
    ]
    job = followed(client, client.post("/api/v1/studies", files=files).json()["job"])
    states = [file["state"] for file in job["files"]]
    assert "refused" in states
    assert "read" in states


def test_a_study_whose_files_are_gone_is_not_there(
    client: httpx.Client, reader: Reader, tmp_path: Path
) -> None:
    settings = Settings(tmp_path, port=0, try_it=False)
    with served(settings, reader) as address, httpx.Client(base_url=address) as own:
        study = send(own, [VIEWS[0]])["studies"][0]
        mark = {"image": 0, "box_px": [1, 1, 90, 90], "label": "benign"}
        own.post(f"/api/v1/studies/{study}/marks", json=mark)
        shutil.rmtree(tmp_path / "studies" / study)
        assert own.get(f"/api/v1/studies/{study}").status_code == 404
        assert own.get(f"/api/v1/studies/{study}/images/0/values").status_code == 404
        assert own.get("/api/v1/marks.coco.json").json()["annotations"] == []


def test_a_deleted_study_is_gone(client: httpx.Client) -> None:
    path = f"/api/v1/studies/{send(client, [VIEWS[0]])['studies'][0]}"
    assert client.delete(path).status_code == 204
    gone = [client.get(path), client.get(f"{path}/report.html"), client.delete(path)]
    assert [answer.status_code for answer in gone] == [404, 404, 404]


def test_reports_are_those_of_the_command_line(client: httpx.Client, demo_study: str) -> None:
    path = f"/api/v1/studies/{demo_study}"
    saved = client.get(f"{path}/report.html?download=true")
    assert "attachment" in saved.headers["content-disposition"]
    assert saved.text.startswith("<!doctype html>")
    report = client.get(f"{path}/report.json").json()
    assert report == client.get(path).json()["report"]


def test_a_stranger_learns_that_a_file_failed_but_not_its_name(
    client: httpx.Client, address: str
) -> None:
    files = {"files": ("jane_doe.bin", b"not an image")}
    job = client.post("/api/v1/studies", files=files).json()["job"]
    followed(client, job)
    told = httpx.get(f"{address}/api/v1/jobs/{job}").json()["files"][0]
    assert (told["name"], told["state"]) == ("file 1", "refused")
    assert "jane" not in told["reason"]
