"""Questions about a study: regions, other weights, marks, verdicts; they survive a restart."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import cv2
import httpx
import imagecodecs
import numpy as np
import pytest

from dicom_files import write_dicom
from mammoscope.data.demo_exam import demo_folder
from mammoscope.infer.classifier import Classifier
from mammoscope.infer.region import judge_region
from mammoscope.io import read_mammogram
from mammoscope.outputs.json_report import region_dict
from mammoscope.types import ExamReport
from mammoscope.web.kept import Kept
from mammoscope.web.reader import Reader
from mammoscope.web.settings import Settings
from report_example import breast
from web_server import send, served

BOX = (300.0, 560.0, 480.0, 740.0)
LEFT_CC = demo_folder() / "demo_L-CC.png"


def test_a_region_is_judged_as_the_command_line_does(client: httpx.Client, demo_study: str) -> None:
    path = f"/api/v1/studies/{demo_study}/images/1/region"
    said = client.post(path, json={"box_px": BOX}).json()["region"]
    expected = judge_region(read_mammogram(LEFT_CC), BOX, Classifier.load("region"))
    assert said == region_dict(expected)


def test_sharpening_changes_what_the_network_sees(client: httpx.Client, demo_study: str) -> None:
    path = f"/api/v1/studies/{demo_study}/images/1/region"
    asked = [{"box_px": BOX}, {"box_px": BOX, "sharpen": 2}, {"box_px": BOX, "contrast": 4}]
    crops = [_pixels(client.post(path, json=one).json()["crop"]) for one in asked]
    assert crops[0].shape == crops[1].shape
    assert crops[0].std() < crops[1].std()
    assert not np.array_equal(crops[0], crops[2])


def _pixels(url: str) -> np.ndarray:
    png = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(
    "asked",
    [
        {"box_px": [0, 0, 5, 5]},
        {"box_px": [400, 400, 300, 500]},
        {"box_px": [0, 0, 99999, 99999]},
        {"box_px": BOX, "sharpen": 99},
        {"box_px": [1, 2, 3]},
        {"box": BOX},
    ],
)
def test_an_impossible_region_gets_a_sentence(
    client: httpx.Client, demo_study: str, asked: dict[str, object]
) -> None:
    answer = client.post(f"/api/v1/studies/{demo_study}/images/1/region", json=asked)
    assert answer.status_code == 422
    assert len(answer.json()["detail"]) > 20


def test_the_same_weights_say_the_same_again(client: httpx.Client, demo_study: str) -> None:
    path = f"/api/v1/studies/{demo_study}"
    image = client.get(path).json()["images"][1]
    answers = client.post(f"{path}/images/1/compare", json={"models": ["reader"]}).json()
    assert answers[0]["malignancy"] == image["malignancy"]
    assert [one["box_px"] for one in answers[0]["findings"]] == [
        one["box_px"] for one in image["findings"]
    ]


def test_weights_that_do_not_read_mammograms_cannot_be_compared(
    client: httpx.Client, demo_study: str
) -> None:
    path = f"/api/v1/studies/{demo_study}/images/1/compare"
    answer = client.post(path, json={"models": ["nonsense"]})
    assert answer.status_code == 422
    assert "'nonsense'" in answer.json()["detail"]


def test_a_mark_is_kept_exported_and_deleted(client: httpx.Client, demo_study: str) -> None:
    path = f"/api/v1/studies/{demo_study}"
    asked = {"image": 1, "box_px": BOX, "label": "malignant", "note": "spiculated"}
    mark = client.post(f"{path}/marks", json=asked).json()
    coco = client.get(f"/api/v1/marks.coco.json?study={demo_study}").json()
    assert coco["annotations"][0]["bbox"] == [300, 560, 180, 180]
    assert "spiculated" in client.get(f"/api/v1/marks.csv?study={demo_study}").text
    assert client.delete(f"{path}/marks/{mark['id']}").status_code == 204
    assert client.get(path).json()["marks"] == []


def test_a_mark_outside_its_image_is_refused(client: httpx.Client, demo_study: str) -> None:
    asked = {"image": 1, "box_px": [0, 0, 5000, 5000], "label": "missed"}
    answer = client.post(f"/api/v1/studies/{demo_study}/marks", json=asked)
    assert answer.status_code == 422
    assert "1040 pixels wide" in answer.json()["detail"]


def test_a_note_becomes_no_formula(client: httpx.Client, demo_study: str) -> None:
    path = f"/api/v1/studies/{demo_study}/verdict"
    client.put(path, json={"verdict": "disagree", "note": "=HYPERLINK(1)"})
    assert ",disagree,'=HYPERLINK(1)," in client.get("/api/v1/studies.csv").text


def test_studies_and_verdicts_survive_a_restart(tmp_path: Path, reader: Reader) -> None:
    settings = Settings(tmp_path, port=0, try_it=False)
    with served(settings, reader) as first, httpx.Client(base_url=first) as client:
        study = send(client, [LEFT_CC])["studies"][0]
        client.put(f"/api/v1/studies/{study}/verdict", json={"verdict": "missed", "note": "here"})
        asked = {"image": 0, "box_px": BOX, "label": "missed"}
        client.post(f"/api/v1/studies/{study}/marks", json=asked)
    with served(settings, reader) as second, httpx.Client(base_url=second) as client:
        row = client.get("/api/v1/studies").json()["studies"][0]
        assert (row["verdict"], row["note"], row["marks"]) == ("missed", "here", 1)
        answer = client.post(f"/api/v1/studies/{study}/images/0/region", json={"box_px": BOX})
        assert answer.status_code == 200


def test_expired_studies_are_deleted_while_the_server_runs(tmp_path: Path, reader: Reader) -> None:
    settings = Settings(tmp_path, port=0, try_it=False, keep_days=1e-9, tidy_s=0.2)
    with served(settings, reader) as address, httpx.Client(base_url=address) as client:
        send(client, [LEFT_CC])
        assert client.get("/api/v1/studies").json()["studies"] == []
        for _ in range(100):
            time.sleep(0.05)
            if not list((tmp_path / "studies").iterdir()):
                break
        assert list((tmp_path / "studies").iterdir()) == []


def test_a_study_deleted_while_its_pages_are_written_stays_deleted(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Kept.write_pages

    def late(kept: Kept, identifier: str, report: ExamReport) -> None:
        httpx.delete(f"{address}/api/v1/studies/{identifier}")
        write(kept, identifier, report)

    monkeypatch.setattr(Kept, "write_pages", late)
    settings = Settings(tmp_path, port=0, try_it=False)
    with served(settings, reader) as address, httpx.Client(base_url=address) as client:
        send(client, [LEFT_CC])
        assert list((tmp_path / "studies").iterdir()) == []


def test_no_name_is_written_anywhere(tmp_path: Path, reader: Reader) -> None:
    settings = Settings(tmp_path / "data", port=0, try_it=False)
    named = write_dicom(
        tmp_path / "jane_doe_L-CC.dcm",
        breast("L").astype(np.uint16) * 16,
        PatientName="JANE^DOE",
        PatientID="JANE-1",
        WindowCenter=2048,
        WindowWidth=4096,
        WindowCenterWidthExplanation="JANE",
    )
    with served(settings, reader) as address, httpx.Client(base_url=address) as client:
        send(client, [named])
        assert client.get("/api/v1/studies").json()["studies"][0]["name"] == "JANE, DOE"
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert len(kept) > 5
    for path in kept:
        raw = path.read_bytes()
        text = imagecodecs.zstd_decode(raw) if path.suffix == ".values" else raw
        assert b"jane" not in text.lower()
        assert "jane" not in path.name
