from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from mammoscope.infer import compiled
from mammoscope.infer.compiled import cache_folder, compiled_network
from mammoscope.models.card import load_card

PIXELS = np.random.default_rng(0).random((1, 1, 448, 256)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAMMOSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def malignancy(**options: str) -> NDArray[np.float32]:
    network = load_card().network.read_bytes()
    made = compiled_network(openvino.Core(), network, {"INFERENCE_PRECISION_HINT": "f32"} | options)
    return np.array(made(PIXELS)["malignancy"])


def test_the_second_start_loads_what_the_first_compiled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = malignancy()
    monkeypatch.delattr(compiled, "_compile")
    assert malignancy() == first
    assert len(list(folder.iterdir())) == 1


def test_other_options_are_another_network(folder: Path) -> None:
    malignancy()
    malignancy(PERFORMANCE_HINT="THROUGHPUT")
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 4000])
def test_a_damaged_file_is_compiled_again(folder: Path, damage: bytes) -> None:
    first = malignancy()
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert malignancy() == first
    assert file.stat().st_size > len(damage) + 1_000_000


def test_the_oldest_files_are_cleared_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "KEPT", 1)
    malignancy()
    malignancy(PERFORMANCE_HINT="THROUGHPUT")
    assert len(list(folder.iterdir())) == 1


def test_off_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMOSCOPE_CACHE", "off")
    assert cache_folder() is None
    assert malignancy().shape == (1,)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_folder_that_others_may_write_to_is_not_used(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    assert cache_folder() is None


def test_where_no_folder_can_be_made_nothing_is_kept(folder: Path) -> None:
    folder.write_text("a file is in the way")
    assert cache_folder() is None
