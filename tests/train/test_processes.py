from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("timm")

from training_example import RECIPE, pictures, recipe_file

EVERYTHING = [
    "augment.mixup=0.3",
    "task.density_weight=0.3",
    "optimiser.epochs=3",
    "optimiser.ema_decay=0.9",
    "optimiser.sampling=patient",
    "optimiser.frozen=2",
    "optimiser.unfreeze_per_epoch=1",
    "optimiser.layer_decay=0.8",
    "optimiser.patience=3",
]


def told(script: str, tmp_path: Path, words: list[str], groups: int) -> dict[str, Any]:
    """What a script beside this file prints."""
    data = pictures(tmp_path, groups)
    recipe_file(data, RECIPE)
    command = [sys.executable, str(Path(__file__).with_name(script)), str(data), str(tmp_path)]
    sources = Path(__file__).resolve().parents[2] / "src"
    done = subprocess.run(
        [*command, *words],
        env=os.environ | {"PYTHONPATH": str(sources), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_three_kills_at_random_points_change_no_bit_of_the_weights(tmp_path: Path) -> None:
    found = told("killing.py", tmp_path, EVERYTHING, 15)
    assert found["codes"] == [-9, -9, -9, 0]
    assert found["steps"] == sorted(found["steps"])
    assert found["steps"][-1] > 0
    assert found["hashes"][0] == found["hashes"][1], found


def test_two_processes_of_torchrun_do_what_one_does(tmp_path: Path) -> None:
    """Batch statistics and dropout too; the remaining distance is the rounding of sums."""
    words = ["optimiser.name=sgd", "optimiser.learning_rate=0.02", "task.density_weight=0.3"]
    found = told("together.py", tmp_path, [*words, "optimiser.class_weights=true"], 8)
    assert found["counts_same"]
    assert found["distance"] < 1e-4 * found["size"], found
    for name, (one, two) in found["figures"].items():  # of all processes, not of the first
        assert two == pytest.approx(one, rel=1e-4), name
