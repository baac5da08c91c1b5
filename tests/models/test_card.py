from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mammoscope.errors import WeightsError
from mammoscope.infer import Predictor
from mammoscope.models.card import (
    CARD_FILE,
    DEFAULT_WEIGHTS,
    NETWORK_FILE,
    list_weights,
    load_card,
    verify,
)
from weights_example import change_card, weights_copy


def platt(**more: Any) -> dict[str, Any]:
    """A card's calibration."""
    line = {"slope": 0.5, "intercept": -0.7}
    return {"platt": line | more, "map": line}


def test_the_shipped_weights_are_whole() -> None:
    for weights in list_weights():
        assert len(verify(weights)) == weights.card["size_bytes"]
        assert weights.name == weights.folder.name


def test_the_default_weights_are_found_by_name_and_by_nothing() -> None:
    assert load_card().folder == load_card(DEFAULT_WEIGHTS).folder


def test_weights_are_found_by_their_folder(tmp_path: Path) -> None:
    folder = weights_copy(tmp_path / "Mappe für Übungen")
    assert verify(load_card(folder)) == verify(load_card(str(folder)))


def test_thresholds_are_probabilities() -> None:
    points = load_card().operating_points
    assert points
    assert all(0 <= point.threshold <= 1 for point in points)


def test_one_altered_byte_is_noticed(tmp_path: Path) -> None:
    folder = weights_copy(tmp_path)
    content = bytearray((folder / NETWORK_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / NETWORK_FILE).write_bytes(content)
    with pytest.raises(WeightsError, match=rf"{NETWORK_FILE}: sha256 is .* the card says"):
        Predictor.load(folder)


def test_a_missing_network_is_a_weights_error(tmp_path: Path) -> None:
    folder = weights_copy(tmp_path)
    (folder / NETWORK_FILE).unlink()
    with pytest.raises(WeightsError, match=rf"{NETWORK_FILE}: cannot be read"):
        Predictor.load(folder)


def test_a_missing_card_is_a_weights_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=rf"{CARD_FILE}: the model card cannot be read"):
        load_card(tmp_path)


@pytest.mark.parametrize("content", ["{", "\x00", "3", "[]", "null"])
def test_a_card_that_is_no_card_is_a_weights_error(tmp_path: Path, content: str) -> None:
    (tmp_path / CARD_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(WeightsError, match=CARD_FILE):
        load_card(tmp_path)


@pytest.mark.parametrize("field", ["name", "sha256", "preprocess", "calibration"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    folder = weights_copy(tmp_path)
    change_card(folder, **{field: None})
    with pytest.raises(WeightsError, match=f"no field '{field}'"):
        load_card(folder)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("preprocess", {"height": "tall"}, "preprocess"),
        ("preprocess", {"gamma": 2}, "preprocess"),
        ("calibration", {}, "platt"),
        ("calibration", {"platt": {"slope": "steep", "intercept": 0}}, "platt"),
        ("calibration", platt(covariance=[[1.0, 0.0], [0.5, 1.0]]), "platt_covariance"),
        ("calibration", platt(covariance=[[1.0, 2.0], [2.0, 1.0]]), "platt_covariance"),
        ("calibration", platt(covariance=[1.0, 0.0, 1.0]), "platt_covariance"),
        ("not_sure", {"low": 0.2, "high": 1.2, "alpha": 0.1}, "not_sure"),
        ("not_sure", {"low": 0.2}, "not_sure"),
        ("operating_points", [], "operating_points"),
        ("operating_points", [{"name": "a"}], "operating_points"),
    ],
)
def test_a_broken_field_is_named(tmp_path: Path, field: str, value: Any, named: str) -> None:
    folder = weights_copy(tmp_path)
    change_card(folder, **{field: value})
    with pytest.raises(WeightsError, match=f"{CARD_FILE}: the model card's {named} "):
        load_card(folder)


def test_the_shipped_reader_says_how_sure_it_is() -> None:
    weights = load_card()
    assert weights.platt_covariance is not None
    assert weights.not_sure is not None
    assert weights.not_sure.low < weights.not_sure.high


def test_an_older_card_says_nothing_of_how_sure_it_is(tmp_path: Path) -> None:
    folder = weights_copy(tmp_path)
    change_card(folder, calibration=platt(), not_sure=None)
    assert load_card(folder).platt_covariance is load_card(folder).not_sure is None


def test_an_unknown_default_operating_point_is_a_weights_error(tmp_path: Path) -> None:
    folder = weights_copy(tmp_path)
    change_card(folder, default_operating_point="best")
    with pytest.raises(WeightsError, match="'best'"):
        Predictor.load(folder)


def test_unknown_weights_are_named_with_the_shipped_ones() -> None:
    with pytest.raises(WeightsError, match=rf"no-such: no weights .*{DEFAULT_WEIGHTS}"):
        load_card("no-such")
