from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from mammoscope.data.manifest import Manifest, make_manifest  # noqa: E402
from mammoscope.data.probe import Shortcut, outside_features, probe  # noqa: E402
from mammoscope.data.synth import synthetic_view  # noqa: E402
from mammoscope.errors import ConfigError  # noqa: E402

WOMEN = 120


def manifest(folder: Path = Path("made"), **columns: object) -> Manifest:
    """One image a woman; every second has a cancer, and nothing tells which."""
    cancer = np.arange(WOMEN) % 2
    images = pd.DataFrame(
        {
            "image_path": [f"{woman}.png" for woman in range(WOMEN)],
            "dataset": "made",
            "modality": "mammography",
            "patient_id": [f"w{woman}" for woman in range(WOMEN)],
            "cancer": cancer,
            "age": np.random.default_rng(0).integers(40, 70, WOMEN),
        }
    )
    return make_manifest(folder, images.assign(**columns))


def found(manifest: Manifest) -> dict[str, Shortcut]:
    return {shortcut.feature: shortcut for shortcut in probe(manifest, pixels=False)}


def test_a_machine_that_tells_the_label_is_found() -> None:
    told = found(manifest(machine_id=np.where(np.arange(WOMEN) % 2, "1", "2")))
    assert told["machine_id"].auc == pytest.approx(1.0)
    assert told["machine_id"].suspicious


def test_an_age_that_tells_nothing_is_not_accused() -> None:
    assert not found(manifest())["age"].suspicious


def test_the_number_of_a_womans_images_is_found() -> None:
    twice = manifest()
    sick = twice.images[twice.images["cancer"] == "0"]
    again = sick.assign(image_path="b" + sick["image_path"])
    both = make_manifest(twice.folder, pd.concat([twice.images, again]))
    assert found(both)["number of a woman's images"].auc == pytest.approx(1.0)


def test_a_mark_beside_the_breast_is_found(tmp_path: Path) -> None:
    for woman in range(WOMEN):
        pixels = synthetic_view(woman % 6, "L", "CC", 96, "B", ()).pixels.copy()
        if woman % 2:
            pixels[2:8, -12:-2] = 200
        cv2.imwrite(str(tmp_path / f"{woman}.png"), pixels)
    told = {shortcut.feature: shortcut for shortcut in probe(manifest(tmp_path))}
    assert told["outside the breast"].auc > 0.95


def test_a_file_that_cannot_be_read_has_no_features(tmp_path: Path) -> None:
    assert np.isnan(outside_features(tmp_path / "none.png")).all()


def test_one_class_is_nothing_to_tell() -> None:
    with pytest.raises(ConfigError, match="one class only"):
        probe(manifest(cancer=0), pixels=False)


def test_a_label_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no column 'grade'"):
        probe(manifest(), "grade")
