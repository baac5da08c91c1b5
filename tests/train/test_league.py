from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.metrics.roc import auc  # noqa: E402
from mammoscope.train.compare import Args, compare  # noqa: E402
from mammoscope.train.costs import training_costs  # noqa: E402
from mammoscope.train.entries import planned  # noqa: E402
from mammoscope.train.league_figures import Whiskers, trade_off  # noqa: E402
from mammoscope.train.league_files import write_league  # noqa: E402
from mammoscope.train.league_words import discussion, over_pairs, verdict, worse  # noqa: E402
from training_example import pictures, recipe_file  # noqa: E402

GRID = ("network=test_efficientnet,plain_cnn", "weights=none,imagenet")


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = pictures(tmp_path_factory.mktemp("data"), 30)
    recipe_file(made)
    return made


@pytest.fixture(scope="module")
def args(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Args:
    out = tmp_path_factory.mktemp("league")
    words = ("optimiser.epochs=1",)
    grid = ("network=test_efficientnet,plain_cnn",)
    return Args((folder / "recipe.toml",), folder, out, grid, words, resamples=50, device="cpu")


@pytest.fixture(scope="module")
def made(args: Args) -> dict[str, object]:
    return compare(args, quiet)[0]


def test_a_grid_makes_all_combinations_of_each_recipe(folder: Path) -> None:
    entries = planned([folder / "recipe.toml"], GRID, (), folder)
    found = {(entry.recipe.network, entry.recipe.weights) for entry in entries}
    assert len(entries) == len({entry.folder for entry in entries}) == 4
    assert ("plain_cnn", "imagenet") in found


def test_a_recipe_without_a_grid_keeps_the_folder_of_its_file(folder: Path) -> None:
    (entry,) = planned([folder / "recipe.toml"], ("seed=3",), (), folder)
    assert (entry.name, entry.folder, entry.recipe.seed) == ("recipe", folder / "recipe", 3)


def test_a_list_is_one_value_of_a_grid(folder: Path) -> None:
    grid = ["augment.scale=[0.5,1],[0.9,1.1]"]
    entries = planned([folder / "recipe.toml"], grid, (), folder)
    assert [entry.recipe.augment.scale for entry in entries] == [(0.5, 1.0), (0.9, 1.1)]


@pytest.mark.parametrize("word", ["network", "network=", "=a,b", "seed=1,,2"])
def test_a_grid_that_is_none_is_named(folder: Path, word: str) -> None:
    with pytest.raises(ConfigError, match="not of the form key=value,value"):
        planned([folder / "recipe.toml"], [word], (), folder)


def test_recipes_that_learn_something_else_are_not_compared(folder: Path) -> None:
    grid = ['task.positive=["malignant"],["benign"]']
    with pytest.raises(ConfigError, match=r"do not learn the same: task\.positive"):
        planned([folder / "recipe.toml"], grid, (), folder)


def test_the_figures_are_those_of_the_predictions(
    made: dict[str, object], args: Args, folder: Path
) -> None:
    truth = pd.read_csv(folder / "manifest.csv")
    for row in made["rows"]:
        run = args.out / f"recipe--network={row['network']}"
        table = pd.read_csv(run / "predictions.csv").merge(truth, on="image_path")
        positive = (table["pathology"] == "malignant").to_numpy(int)
        assert row["auc"]["value"] == pytest.approx(auc(positive, table["malignancy_logit"]))
        shares = table[["p_normal", "p_benign", "p_malignant"]].to_numpy().argmax(1)
        right = shares == table["pathology"].map(["normal", "benign", "malignant"].index)
        assert row["accuracy"]["value"] == pytest.approx(right.mean())
        assert np.trace(row["confusion"]) == right.sum()
        assert np.sum(row["confusion"]) == len(table) == 60


def test_every_figure_has_its_interval(made: dict[str, object]) -> None:
    for row in made["rows"]:
        rates = [rate for point in row["points"].values() for rate in point.values()]
        assert len(rates) == 4
        for figure in (row["auc"], row["accuracy"], *rates):
            assert figure["low"] <= figure["value"] <= figure["high"]


def test_the_best_comes_first_and_the_others_are_tested_against_it(
    made: dict[str, object],
) -> None:
    first, second = made["rows"]
    assert first["auc"]["value"] >= second["auc"]["value"]
    assert first["against_best"] is None
    assert second["against_best"]["p_holm"] == second["against_best"]["p"]  # one pair alone
    assert not worse(first)


def test_costs_are_measured(made: dict[str, object]) -> None:
    for row in made["rows"]:
        running, training = row["running"], row["training"]
        assert min(running["parameters"], running["macs"], running["ms"]) > 0
        assert running["peak_mib"] is None or running["peak_mib"] > 20
        assert running["runtime"].startswith(("OpenVINO", "ONNX Runtime"))
        assert training["seconds_per_epoch"] > 0
        assert training["training_peak_mib"] is None or training["training_peak_mib"] > 50
        assert training["started_from"] == "random weights"
        assert [fold["epoch"] for fold in row["curves"]] == [[1], [1]]


def test_the_files_hold_every_competitor(made: dict[str, object], args: Args) -> None:
    lines = (args.out / "league.csv").read_text(encoding="utf-8").splitlines()
    table = list(csv.DictReader(lines))
    assert [row["name"] for row in table] == [row["name"] for row in made["rows"]]
    assert float(table[0]["auc"]) == made["rows"][0]["auc"]["value"]
    page = (args.out / "league.html").read_text(encoding="utf-8")
    text = (args.out / "league.md").read_text(encoding="utf-8")
    for row in made["rows"]:
        assert row["name"] in page
        assert row["name"] in text
    assert page.count("<svg role=") == 3  # curves of both, and AUC against time
    assert "<script" not in page
    assert json.loads((args.out / "league.json").read_text(encoding="utf-8")) == made


def test_what_is_done_is_not_done_again(made: dict[str, object], args: Args) -> None:
    done = [*args.out.glob("*/*/weights.safetensors"), *args.out.glob("*/costs.json")]
    before = [path.stat().st_mtime_ns for path in done]
    again = compare(args, quiet)[0]
    assert again == made
    assert len(done) == 6
    assert [path.stat().st_mtime_ns for path in done] == before


def test_what_cannot_be_trained_is_named_and_the_rest_goes_on(folder: Path, tmp_path: Path) -> None:
    told: list[str] = []
    grid = ("weights=imagenet,none", "network=plain_cnn")
    args = Args(
        (folder / "recipe.toml",), folder, tmp_path, grid, ("optimiser.epochs=1",),
        folds=(1,), resamples=50, device="cpu",
    )  # fmt: skip
    made, files = compare(args, told.append)
    assert [row["name"] for row in made["rows"]] == ["recipe weights=none"]
    (left,) = made["not_trained"]
    assert (left["name"], "no ImageNet weights of plain_cnn" in left["why"]) == (
        "recipe weights=imagenet",
        True,
    )
    assert left["why"] in files[0].read_text(encoding="utf-8").replace("&#34;", '"').replace(
        "&#39;", "'"
    )
    assert any("is left out" in line for line in told)
    assert made["rows"][0]["folds"] == "1 of 2"
    assert made["cases"]["images"] == 30


def test_parts_in_processes_of_their_own_give_the_same(
    made: dict[str, object], args: Args, folder: Path, tmp_path: Path
) -> None:
    words = (*args.overrides, "network=plain_cnn")
    many = Args(
        args.recipes, folder, tmp_path, (), words,
        jobs=2, threads=torch.get_num_threads(), resamples=50, device="cpu",
    )  # fmt: skip
    (row,) = compare(many, quiet)[0]["rows"]
    same = next(other for other in made["rows"] if other["network"] == "plain_cnn")
    assert row["auc"]["value"] == same["auc"]["value"]
    assert "epoch 1/1" in (tmp_path / "recipe" / "compare.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"), [({"jobs": 0}, "--jobs is 0"), ({"folds": (2,)}, "there is no fold 2")]
)
def test_impossible_options_are_named(
    args: Args, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        compare(replace(args, out=tmp_path, **change), quiet)


def test_the_discussion_rests_on_the_figures(made: dict[str, object], tmp_path: Path) -> None:
    slow, quick = (dict(row) for row in made["rows"])
    slow["running"] = slow["running"] | {"ms": 100.0, "macs": 10**9}
    quick["running"] = quick["running"] | {"ms": 10.0, "macs": 10**9}
    quick["against_best"] = quick["against_best"] | {"p_holm": 0.5}
    told = " ".join(discussion({**made, "rows": [slow, quick]}))
    assert "10.0 times as much" in told
    assert f"{quick['name']} is the cheapest: 10% of what {slow['name']} takes" in told
    quick["against_best"] = quick["against_best"] | {"p_holm": 0.01}
    lost = {**made, "rows": [slow, quick]}
    assert f"Shown to be worse: {quick['name']} (p 0.010)" in " ".join(discussion(lost))
    assert 'class="lost"' in write_league(lost, tmp_path)[0].read_text(encoding="utf-8")


def test_a_run_without_a_memory_record_is_not_measured(
    made: dict[str, object], args: Args, tmp_path: Path
) -> None:
    (entry, *_) = planned(args.recipes, args.grid, args.overrides, args.out)
    old = tmp_path / "0"
    shutil.copytree(entry.folder / "0", old)
    records = [json.loads(line) for line in (old / "metrics.jsonl").read_text().splitlines()]
    lines = [json.dumps(record | {"peak_mib": None}) for record in records[:1]]
    del records[0]["peak_mib"]
    for text in ("\n".join(lines), json.dumps(records[0])):
        (old / "metrics.jsonl").write_text(text, encoding="utf-8")
        assert training_costs(replace(entry, folder=tmp_path), ["0"])["training_peak_mib"] is None
    rows = [row | {"training": row["training"] | {"training_peak_mib": None}}
            for row in made["rows"]]  # fmt: skip
    for file in write_league({**made, "rows": rows}, tmp_path)[:2]:
        assert "not measured" in file.read_text(encoding="utf-8")


def test_written_again_it_leaves_nothing_of_the_first(
    made: dict[str, object], tmp_path: Path
) -> None:
    write_league(made, tmp_path)
    one = {**made, "rows": made["rows"][:1], "pairs": []}
    files = write_league(one, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(files)
    gone = made["rows"][1]["name"]
    assert not any(gone in file.read_text(encoding="utf-8") for file in files)


def test_one_pair_is_not_called_pairs(made: dict[str, object]) -> None:
    assert "pairs" not in over_pairs(made)
    assert "Holm over all 3 pairs" in over_pairs({"pairs": [{}, {}, {}]})


def test_many_that_lost_are_counted(made: dict[str, object]) -> None:
    best, other = made["rows"]
    test = {"p_holm": 0.001}
    lost = [other | {"name": f"n{i}", "against_best": test} for i in range(5)]
    assert "All 5 others are shown to be worse." in verdict({**made, "rows": [best, *lost]})
    lost[2]["against_best"] = test | {"p_holm": 0.4}
    assert "all are shown to be worse but n2." in verdict({**made, "rows": [best, *lost]})


def test_an_interval_that_holds_chance_is_said(made: dict[str, object]) -> None:
    best = made["rows"][0]
    weak = best | {"auc": best["auc"] | {"value": 0.55, "low": 0.48, "high": 0.6}}
    assert "which is chance" in verdict({**made, "rows": [weak]})


def test_intervals_are_drawn_where_their_axis_says() -> None:
    rows = [{"auc": {"value": 0.75, "low": 0.52, "high": 0.98}}]
    whiskers = Whiskers(rows)
    assert (whiskers.least, whiskers.most) == (0.5, 1.0)
    axis = [float(x) for x in re.findall(r'<text x="([\d.]+)"', whiskers.axis())]
    (dot,) = re.findall(r'cx="([\d.]+)"', whiskers.of(rows[0]["auc"]))
    assert float(dot) == pytest.approx(sum(axis) / 2)
    assert whiskers.of({"value": None, "low": None, "high": None}) == ""


def test_no_picture_of_time_without_two_times(made: dict[str, object]) -> None:
    unknown = [row | {"running": row["running"] | {"ms": None}} for row in made["rows"]]
    assert trade_off(unknown) is None
    assert trade_off(made["rows"][:1]) is None
