from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")
pytest.importorskip("timm")
pytest.importorskip("matplotlib")

from mammoscope.data.synth import synthetic_view  # noqa: E402
from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.geometry import Geometry  # noqa: E402
from mammoscope.models.card import DEFAULT_WEIGHTS, shipped_folder  # noqa: E402
from mammoscope.preprocess import PreprocessParams  # noqa: E402
from mammoscope.train.config import Recipe, load_recipe  # noqa: E402
from mammoscope.train.fitting import new_network  # noqa: E402
from mammoscope.types import LesionMap  # noqa: E402
from measuring import fold_networks, map_sanity, map_sanity_figure, map_targets, map_truth  # noqa: E402
from training_example import recipe_file  # noqa: E402

RECIPE = """
name = "tiny"
network = "test_efficientnet"
weights = "none"
[task]
density_weight = 0.2
map_weight = 1.0
[input]
height = 128
width = 64
[head]
findings = true
"""
BREAST = np.ones((40, 20), bool)
LESION = np.zeros((40, 20), bool)
LESION[4:12, 8:16] = True


def mirrored_map(values: NDArray[np.float32]) -> LesionMap:
    """Over a source of 40 x 20 pixels, whose right side is the map's left."""
    geometry = Geometry.identity((40, 20)).flip_x().resize((values.shape[0], values.shape[1]))
    return LesionMap(values, geometry)


def only(row: int, column: int) -> LesionMap:
    """A map of 10 x 5 cells of 4 pixels, 0 in all but one."""
    values = np.zeros((10, 5), np.float32)
    values[row, column] = 0.5
    return mirrored_map(values)


def study(folder: Path) -> Path:
    """RUN and DATA/views in one folder: two women, each with one image that has a lesion."""
    views = (synthetic_view(seed, "L", "MLO", height=512) for seed in range(20))
    images, findings, folds = (
        ["image_path,patient_id,dataset,modality"],
        [],
        ["dataset,image_path,fold"],
    )
    (folder / "views").mkdir()
    for number, view in enumerate(islice((view for view in views if view.findings), 2)):
        cv2.imwrite(str(folder / "views" / f"{number}.png"), view.pixels)
        box = ",".join(f"{edge:.1f}" for edge in view.findings[0].box_px)
        images.append(f"{number}.png,woman{number},views,mammography")
        findings.append(f"{number}.png,circle,{box},malignant,0.1")
        folds.append(f"views,{number}.png,{1 - number}")
    findings += ["0.png,box,0,0,500,500,benign,0.5", "1.png,,,,,,benign,"]
    head = "image_path,outline,x1_px,y1_px,x2_px,y2_px,pathology,box_frac_of_breast"
    tables = {"manifest": images, "findings": [head, *findings]}
    for name, lines in tables.items():
        (folder / "views" / f"{name}.csv").write_text("\n".join(lines))
    (folder / "folds.csv").write_text("\n".join(folds))
    for fold in "01":
        (folder / fold).mkdir()
        (folder / fold / "weights").symlink_to(shipped_folder() / DEFAULT_WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def marked(run: Path) -> list[map_targets.Marked]:
    return map_targets.marked_images(run / "views", fold_networks.folds_of(run))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return load_recipe(recipe_file(tmp_path_factory.mktemp("recipe"), RECIPE))


def test_a_mirrored_map_lies_where_its_cells_are_in_the_source() -> None:
    assert np.argwhere(map_targets.in_source(only(2, 0)) > 0).tolist() == [
        [y, x] for y in range(8, 12) for x in range(16, 20)
    ]


def test_an_even_map_has_the_energy_of_chance() -> None:
    found = map_targets.measured(mirrored_map(np.full((10, 5), 0.3, np.float32)), LESION, BREAST)
    assert found["energy"] == pytest.approx(found["chance"]) == pytest.approx(64 / 800)


def test_a_map_of_the_lesion_alone_points_into_it_with_all_its_energy() -> None:
    found = map_targets.measured(only(1, 1), LESION, BREAST)
    assert (found["hit"], found["wide_hit"], found["energy"]) == (1, 1, 1)
    assert found["wide_chance"] > found["chance"]


def test_the_cell_beside_a_lesion_hits_the_widened_one_alone() -> None:
    a_row_longer = LESION | np.roll(LESION, 1, axis=0)
    found = map_targets.measured(only(3, 1), a_row_longer, BREAST)
    assert (found["hit"], found["wide_hit"], found["energy"]) == (0, 1, 0.25)


def test_energy_outside_of_the_breast_does_not_count() -> None:
    breast = BREAST & (np.arange(20) < 12)
    values = np.zeros((10, 5), np.float32)
    values[1, [1, 2]] = 0.5
    assert map_targets.measured(mirrored_map(values), LESION, BREAST)["energy"] == 1
    values[1, 0] = 0.5
    assert map_targets.measured(mirrored_map(values), LESION, breast)["energy"] == 1


def test_lesions_without_place_and_boxes_over_half_the_breast_are_no_targets(
    marked: list[map_targets.Marked],
) -> None:
    assert [len(image.findings) for image in marked] == [1, 1]
    assert [set(image.lesions((512, 512))) for image in marked] == [
        {"all lesions", "malignant"}
    ] * 2


def test_images_come_with_the_fold_that_held_them_out(marked: list[map_targets.Marked]) -> None:
    assert [(image.fold, image.path.name) for image in marked] == [(0, "1.png"), (1, "0.png")]


def test_most_draws_so_many_images(run: Path) -> None:
    folds = fold_networks.folds_of(run)
    assert len(map_targets.marked_images(run / "views", folds, most=1)) == 1


def test_a_set_that_was_not_trained_on_is_refused(run: Path) -> None:
    with pytest.raises(ConfigError, match="none of its images"):
        map_targets.marked_images(run / "views", {})


def test_every_image_is_judged_by_the_network_of_its_fold(
    run: Path, marked: list[map_targets.Marked]
) -> None:
    rows, refused = map_truth.judged_set(run, "views", marked)
    assert refused == []
    table = pd.DataFrame(rows)
    first = table[(table["map"] == "malignant") & (table["target"] == "malignant")]
    assert first[["fold", "patient"]].to_numpy().tolist() == [[0, "woman1"], [1, "woman0"]]
    assert "| views | malignant | malignant | 2 | 2 |" in map_truth.page(run, table, [], None)


def test_few_women_get_no_interval() -> None:
    rows = pd.DataFrame({"patient": list("aab"), "hit": [1.0, 0.0, 0.5], "chance": 0.25})
    assert map_truth.Figures(rows).estimate("hit") == "**0.500**"
    assert map_truth.Figures(rows).estimate("hit", over="chance") == "**2.000**"


def test_the_interval_draws_women() -> None:
    rows = pd.DataFrame({"patient": np.repeat(np.arange(20), 2), "hit": np.repeat([0.0, 1.0], 20)})
    by_image = rows.assign(patient=np.arange(40))
    low, few = (map_truth.Figures(some, 200).estimate("hit") for some in (rows, by_image))
    assert float(low.split("(")[1][:5]) < float(few.split("(")[1][:5])


def test_agreement_of_maps() -> None:
    values = np.linspace(0.1, 1, 50, dtype=np.float32).reshape(10, 5)
    one, turned = mirrored_map(values), mirrored_map(1.1 - values)
    assert map_sanity.agreement(one, one) == pytest.approx(1)
    assert map_sanity.agreement(one, turned) == pytest.approx(-1)
    assert map_sanity.agreement(one, mirrored_map(np.ones_like(values))) == 0


def test_the_cascade_ends_in_a_network_that_learned_nothing(recipe: Recipe) -> None:
    torch.manual_seed(7)
    network = new_network(recipe).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    changed = [
        sum(not torch.equal(before[name], value) for name, value in worn.state_dict().items())
        for _, worn in map_sanity.cascade(network, recipe, 0)
    ]
    torch.manual_seed(0)
    new = new_network(recipe).state_dict()
    *_, (last, worn) = map_sanity.cascade(network, recipe, 0)
    assert changed[0] == 0
    assert changed == sorted(set(changed))
    assert last == "stem"
    assert all(torch.equal(new[name], value) for name, value in worn.state_dict().items())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_both_maps_are_followed_down_to_the_stem(
    marked: list[map_targets.Marked], recipe: Recipe, tmp_path: Path
) -> None:
    images, _ = map_sanity.usable(marked, recipe.preprocess)
    torch.manual_seed(7)
    rows = map_sanity.judged(new_network(recipe).eval(), recipe, images, 0)
    assert set(rows["map"]) == {"malignant", "finding"}
    first = rows[rows["step"] == map_sanity.TRAINED]
    assert first["correlation"].to_numpy() == pytest.approx(1)
    assert (rows[rows["step"] == "stem"]["correlation"] < 0.99).all()
    assert map_sanity.table(rows).count("as trained") == 2
    map_sanity_figure.draw(tmp_path / "maps.png", map_sanity.figure_rows(images, rows))
    assert cv2.imread(str(tmp_path / "maps.png")) is not None


def test_ranks_stay_within_the_breast(marked: list[map_targets.Marked]) -> None:
    one = map_sanity.seen(marked[0], PreprocessParams(128, 64))
    logits = np.random.default_rng(0).normal(0, 1000, (8, 4)).astype(np.float32)
    ranked = map_sanity.ranked(logits, one.prepared)
    inside = ranked.values > 0
    assert 0 < inside.sum() <= inside.size
    assert ranked.values.max() == 1
    assert (np.argsort(ranked.values[inside]) == np.argsort(logits[inside])).all()
