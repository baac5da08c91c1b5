from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.cli import main
from training_example import RECIPE, pictures, recipe_file

pytestmark = pytest.mark.usefixtures("command_line")


def test_it_trains_and_prints_the_files_of_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("timm")
    data, out = pictures(tmp_path), tmp_path / "run"
    line = ["train", str(recipe_file(tmp_path)), "--data", str(data), "--out", str(out)]
    assert main([*line, "--workers", "0", "optimiser.epochs=1", "--only", "0"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1:] == [str(out / "0" / "weights.safetensors")]
    assert "epoch 1/1: loss" in told.err
    assert (out / "0" / "predictions.csv").is_file()


@pytest.mark.parametrize(
    ("recipe", "words", "said"),
    [
        (RECIPE, ["optimiser.epochs=0"], "optimiser.epochs is 0"),
        (RECIPE, ["--only", "9"], "there is no part '9'"),
        (RECIPE.replace("folds", "fold"), [], "unknown field 'fold'"),
    ],
)
def test_what_is_impossible_is_a_sentence_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: str, words: list[str], said: str
) -> None:
    pytest.importorskip("timm")
    file = recipe_file(tmp_path, recipe)
    line = ["train", str(file), "--data", str(pictures(tmp_path)), "--out", str(tmp_path / "run")]
    assert main([*line, "--workers", "0", *words]) == 2
    assert said in capsys.readouterr().err
