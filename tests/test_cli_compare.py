from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.cli import main
from training_example import pictures, recipe_file

pytestmark = pytest.mark.usefixtures("command_line")


def test_it_compares_and_says_what_could_not_be_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("timm")
    data, out = pictures(tmp_path, 24), tmp_path / "league"
    line = ["compare", str(recipe_file(tmp_path)), "network=plain_cnn", "optimiser.epochs=1"]
    line += ["--data", str(data), "--out", str(out), "--resamples", "50"]
    assert main([*line, "--folds", "0", "--grid", "weights=none,imagenet"]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("recipe weights=none: AUC ")
    assert "not trained: recipe weights=imagenet: there are no ImageNet weights" in told.err
    assert (out / "league.html").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to compare"),
        (["seed=1"], "nothing to compare"),
        (["absent.toml"], "absent.toml: cannot be read"),
    ],
)
def test_what_is_impossible_is_a_sentence_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    pytest.importorskip("timm")
    data, out = str(pictures(tmp_path)), str(tmp_path / "league")
    assert main(["compare", *words, "--data", data, "--out", out]) == 2
    assert said in capsys.readouterr().err
