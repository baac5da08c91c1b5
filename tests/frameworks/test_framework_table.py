from __future__ import annotations

import csv
import re
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("timm")

from mammoscope.frameworks import contest as contests
from mammoscope.frameworks.case import Case
from mammoscope.frameworks.contest import FRAMEWORKS, Framework, contest
from mammoscope.frameworks.table import spread, summary
from mammoscope.frameworks.words import ranged, verdict
from mammoscope.frameworks.written import to_csv, to_html, to_markdown, write_all

NAMES = ("pytorch", "keras-jax", "keras-torch")


def run(framework: str, repeat: int, step: float, losses: list[float]) -> dict[str, Any]:
    return {
        "network": "plain_cnn",
        "framework": framework,
        "repeat": repeat,
        "failed": "",
        "start_s": 3.0,
        "difference": 1e-7,
        "first_step_s": 9.0,
        "steps_s": [step, step, 100.0],
        "losses": losses,
        "final_loss": 1.05,
        "single_ms": 5.0 * step,
        "batch_ms": 2.0,
        "peak_mib": 900.0,
        "gpu_peak_mib": None,
        "versions": {"torch": "2.9"},
    }


@pytest.fixture
def found() -> dict[str, Any]:
    runs = [
        run("pytorch", 0, 1.0, [1.0, 0.9, 0.8]),
        run("keras-jax", 0, 2.0, [1.0, 0.9001, 0.7]),
        run("pytorch", 1, 2.0, [1.0, 0.9, 0.8]),
        run("keras-jax", 1, 5.0, [1.0, 0.9001, 0.7]),
    ]
    failed = {"network": "plain_cnn", "framework": "keras-torch", "failed": "<no> memory"}
    runs += [failed | {"repeat": repeat} for repeat in range(2)]
    machine = {"processor": "P", "capability": "AVX2", "gpu": None, "cores": 2, "load": 0.1}
    return summary(runs, [FRAMEWORKS[name] for name in NAMES], ["plain_cnn"]) | {
        "run": {
            "mammoscope": "1",
            "manifest_sha256": "ab",
            "machine": machine | {"python": "3", "system": "S"},
            "recipe": {"momentum": 0.9, "clip": 5.0},
            "rates": {"plain_cnn": 0.01},
            "repeats": 2,
            "classes": ("0", "1"),
            "target": "cancer",
            "size": 112,
            "batch": 4,
            "steps": 3,
            "device": "cpu",
            "threads": 2,
            "seed": 0,
        }
    }


def test_ratios_are_taken_within_a_repeat(found: dict[str, Any]) -> None:
    row = found["networks"][0]["rows"][1]
    assert row["ratio"] == {"value": 2.25, "low": 2.0, "high": 2.5}
    assert row["step_s"] == {"value": 3.5, "low": 2.0, "high": 5.0}


def test_losses_are_held_against_the_native_ones(found: dict[str, Any]) -> None:
    row = found["networks"][0]["rows"][1]
    assert row["first_losses_apart"] == pytest.approx(1e-4)
    assert row["losses_apart"] == pytest.approx(0.1)


def test_a_failure_is_a_row_with_its_reason_in_every_file(
    found: dict[str, Any], tmp_path: Path
) -> None:
    assert "Plain CNN, Keras on PyTorch: <no> memory" in to_markdown(found)
    assert "&lt;no&gt; memory" in to_html(found)
    rows = list(csv.DictReader(StringIO(to_csv(found))))
    assert [row["failed"] for row in rows] == ["", "", "<no> memory"]
    names = [path.name for path in write_all(found, tmp_path)]
    assert names == ["frameworks.html", "frameworks.md", "frameworks.csv", "frameworks.json"]


def test_the_verdict_compares_with_native_pytorch(found: dict[str, Any]) -> None:
    assert verdict(found["networks"][0]) == (
        "Plain CNN: a training step of PyTorch takes 1.50 (1.00 to 2.00) s; Keras on JAX takes "
        "2.25 (2.00 to 2.50) times as long."
    )


def test_without_the_native_one_there_are_seconds_alone(found: dict[str, Any]) -> None:
    network = {"network": "plain_cnn", "rows": found["networks"][0]["rows"][1:]}
    assert verdict(network) == "Plain CNN, seconds a step: Keras on JAX 3.50 (2.00 to 5.00) s."


def test_the_page_loads_nothing(found: dict[str, Any]) -> None:
    assert not re.findall(r'(?:src|href)="(?!data:|#)', to_html(found))


def test_what_was_not_measured_is_no_figure() -> None:
    assert ranged(spread([None, None])) == "–"


def case() -> Case:
    return Case("plain_cnn", "c", ("0", "1"), 112, 2, 2, 0.01, 0.0, 1.0, "cpu", 1, 0)


def test_a_framework_that_is_not_there_is_a_row(tmp_path: Path) -> None:
    absent = Framework("absent", "Absent", "keras", "no_such_backend")
    (tmp_path / "case.json").write_text("{}", encoding="utf-8")
    why = contest(absent, case(), tmp_path)["failed"]
    assert why
    assert "\n" not in why


def test_a_process_that_is_killed_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n", encoding="utf-8")
    killed.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(killed))
    run = contests.contest(FRAMEWORKS["pytorch"], case(), tmp_path)
    assert run["failed"].startswith("its process was ended by signal 9")
