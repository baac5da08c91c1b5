from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("timm")

from mammoscope.cli import main

pytestmark = pytest.mark.usefixtures("command_line")


def test_it_measures_and_says_what_it_could_not(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["compare", "--frameworks", "pytorch", "--networks", "plain_cnn", "--size", "112"]
    line += ["--data", str(small_data), "--out", str(tmp_path), "--batch", "4", "--steps", "2"]
    assert main([*line, "--repeats", "1", "--threads", "1", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("Plain CNN: a training step of PyTorch takes ")
    found = json.loads((tmp_path / "frameworks.json").read_text(encoding="utf-8"))
    assert found["networks"][0]["rows"][0]["ratio"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["run"]["threads"] == 1
    assert (tmp_path / "frameworks.html").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--frameworks", "theano"], "'theano' is not known; give some of pytorch"),
        (["--frameworks", "pytorch", "--size", "100"], "multiple of"),
        (["--frameworks", "pytorch", "--steps", "1"], "--steps is 1; give at least 2"),
        (["--frameworks", "pytorch", "--steps", "9"], "has 12 usable ones"),
        (["--frameworks", "--folds", "0"], "by a recipe of its own"),
        (["--steps", "3"], "add --frameworks"),
    ],
)
def test_what_is_impossible_is_a_sentence_and_exit_code_2(
    small_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    line = ["compare", *words, "--data", str(small_data), "--out", str(tmp_path)]
    assert main(line) == 2
    assert said in capsys.readouterr().err
