"""The stream of training samples: the same everywhere, true, and telling nothing by the way."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import cv2
import pytest

pd = pytest.importorskip("pandas")

import mammoscope  # noqa: E402
from mammoscope.data.manifest import Manifest, make_manifest  # noqa: E402
from mammoscope.data.synth import synthetic_view  # noqa: E402
from mammoscope.data.training_stream import (  # noqa: E402
    Normal,
    StreamOptions,
    TrainingSample,
    normals_of,
    training_sample,
    training_samples,
)
from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.geometry import box_of  # noqa: E402

SMALL = StreamOptions(seed=4, rows=160, healthy=0.5, synthetic=0.5, kinds=("mass", "distortion"))


def manifest_of(
    folder: Path, rows: Iterable[dict[str, object]], findings: object = None
) -> Manifest:
    usual = {"dataset": "own", "patient_id": "w", "modality": "mammography", "cancer": 0}
    return make_manifest(folder, pd.DataFrame([usual | row for row in rows]), findings)


@pytest.fixture(scope="module")
def normals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Normal, ...]:
    folder = tmp_path_factory.mktemp("normals")
    rows = []
    for seed in range(3):
        view = synthetic_view(seed, "L", "MLO", 256, "C", ())
        cv2.imwrite(str(folder / f"{seed}.png"), view.pixels)
        rows.append({"image_path": f"{seed}.png", "patient_id": f"w{seed}"})
        rows[-1] |= {"laterality": "L", "view": "MLO", "density": "C"}
    return normals_of(manifest_of(folder, rows))


def digest(samples: Iterable[TrainingSample]) -> str:
    found = hashlib.sha256()
    for sample in samples:
        found.update(sample.mammogram.pixels.tobytes())
        for finding in sample.findings:
            found.update(finding.mask.tobytes() + repr((finding.box_px, finding.lesion)).encode())
        found.update(repr((sample.density, sample.origin, sample.group)).encode())
    return found.hexdigest()


def test_other_processes_make_the_same_samples_in_order(normals: tuple[Normal, ...]) -> None:
    numbers = range(5, 11)
    here = list(training_samples(numbers, SMALL, normals))
    there = list(training_samples(numbers, SMALL, normals, workers=2))
    assert [sample.number for sample in there] == list(numbers)
    assert digest(there) == digest(here)


def test_hashing_does_not_decide_a_sample(normals: tuple[Normal, ...]) -> None:
    code = (
        "import pickle, sys; from mammoscope.data.training_stream import *;"
        "from test_training_stream import SMALL, digest;"
        "normals = pickle.load(sys.stdin.buffer);"
        "print(digest(training_samples(range(4), SMALL, normals)))"
    )
    path = f"{Path(mammoscope.__file__).parents[1]}{os.pathsep}{Path(__file__).parent}"
    there = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(normals),
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": path},
        capture_output=True,
        check=True,
    )
    assert there.stdout.decode() == f"{digest(training_samples(range(4), SMALL, normals))}\n"


def test_an_endless_stream_stops_when_it_is_left() -> None:
    first = list(islice(training_samples(count(), replace(SMALL, rows=96), workers=1), 2))
    assert [sample.number for sample in first] == [0, 1]


def test_box_and_mask_agree_and_lie_in_the_picture(normals: tuple[Normal, ...]) -> None:
    for sample in training_samples(range(6), replace(SMALL, healthy=0), normals):
        (finding,) = sample.findings
        assert finding.mask.shape == sample.mammogram.shape
        assert finding.box_px == box_of(finding.mask)
        assert finding.kind in SMALL.kinds


def test_a_healthy_sample_is_the_same_picture_without_its_lesion(
    normals: tuple[Normal, ...],
) -> None:
    for number in range(8):
        healthy, sick = (
            training_sample(number, replace(SMALL, healthy=share), normals) for share in (1, 0)
        )
        (finding,) = sick.findings
        assert healthy.findings == ()
        for name in ("density", "origin", "group"):
            assert getattr(healthy, name) == getattr(sick, name)
        for name in ("laterality", "view", "path", "warnings", "spacing_mm"):
            assert getattr(healthy.mammogram, name) == getattr(sick.mammogram, name)
        changed = healthy.mammogram.pixels != sick.mammogram.pixels
        assert changed[finding.mask].mean() > 0.5


def test_an_inserted_sample_is_the_real_image_but_near_its_lesion(
    normals: tuple[Normal, ...],
) -> None:
    sample = training_sample(0, replace(SMALL, synthetic=0, healthy=0), normals)
    real = cv2.imread(str(sample.mammogram.path), cv2.IMREAD_UNCHANGED)
    assert sample.origin == "inserted"
    assert 0 < (sample.mammogram.pixels != real).mean() < 0.5
    assert (sample.density, sample.mammogram.laterality) == ("C", "L")


def test_a_file_that_cannot_be_read_gives_place_to_another(
    normals: tuple[Normal, ...], tmp_path: Path
) -> None:
    gone = replace(normals[0], path=tmp_path / "gone.png")
    options = replace(SMALL, synthetic=0)
    samples = list(training_samples(range(6), options, (gone, normals[1])))
    assert {sample.group for sample in samples} == {normals[1].group}


def test_a_stream_of_nothing_readable_ends_with_the_reason(
    normals: tuple[Normal, ...], tmp_path: Path
) -> None:
    gone = replace(normals[0], path=tmp_path / "gone.png")
    with pytest.raises(ConfigError, match=r"Sample 3: none of .* draws.*gone\.png"):
        training_sample(3, replace(SMALL, synthetic=0), [gone])


def test_only_images_without_cancer_finding_or_implant_are_normal(tmp_path: Path) -> None:
    rows = [
        {"image_path": "normal"},
        {"image_path": "cancer", "cancer": 1},
        {"image_path": "unknown", "cancer": ""},
        {"image_path": "found", "finding": 1},
        {"image_path": "benign", "pathology": "benign"},
        {"image_path": "implant", "implant": 1},
        {"image_path": "marked"},
        {"image_path": "other", "modality": "ultrasound"},
    ]
    marked = pd.DataFrame([{"image_path": "marked", "kind": "mass"}])
    found = normals_of(manifest_of(tmp_path, rows, marked))
    assert [normal.path.name for normal in found] == ["normal"]
    with pytest.raises(ConfigError, match="normal images"):
        normals_of(manifest_of(tmp_path, rows[1:], marked))


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"rows": 10},
        {"healthy": 1.5},
        {"synthetic": float("nan")},
        {"kinds": ()},
        {"densities": (1, 0, 0)},
        {"densities": (0, 0, 0, 0)},
        {"field_aspect": 0},
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        StreamOptions(**wrong)  # type: ignore[arg-type]
