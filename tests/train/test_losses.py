from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from mammoscope.models.networks import Outputs  # noqa: E402
from mammoscope.train.config import Optimiser, Recipe, Task  # noqa: E402
from mammoscope.train.losses import RARE, Examples, log_shares, losses, total  # noqa: E402

RECIPE = Recipe(name="tiny", task=Task(density_weight=0.3, map_weight=2.0))
FOCAL = replace(RECIPE, optimiser=Optimiser(loss="focal"))


def outputs(n: int, classes: int = 1) -> Outputs:
    generator = torch.Generator().manual_seed(1)
    shapes = ((n, classes), (n, 4), (n, 2, 2))
    return Outputs(*(torch.randn(s, generator=generator, requires_grad=True) for s in shapes))


def examples(classes: list[list[float]], known: int = 0) -> Examples:
    """The first `known` have a density and a lesion map."""
    n = len(classes)
    density, lesion_map = torch.zeros(n, 4), torch.full((n, 2, 2, 2), -1.0)
    density[:known, 2] = 1
    lesion_map[:known, 0], lesion_map[:known, 1] = 0.25, 0.75
    weight = torch.ones(n)
    return Examples(
        torch.zeros(n, 1, 64, 64),
        torch.tensor(classes),
        density,
        lesion_map,
        weight,
        torch.arange(n),
    )


def test_two_classes_are_binary_cross_entropy() -> None:
    said = outputs(2)
    found = losses(said, examples([[1.0, 0.0], [0.0, 1.0]]), RECIPE)["classes"]
    wanted = functional.binary_cross_entropy_with_logits(
        said.logits[:, 0], torch.tensor([0.0, 1.0])
    )
    torch.testing.assert_close(found, wanted)


def test_more_classes_are_cross_entropy() -> None:
    said = outputs(2, 3)
    found = losses(said, examples([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), RECIPE)["classes"]
    torch.testing.assert_close(found, functional.cross_entropy(said.logits, torch.tensor([2, 0])))


def test_a_mixture_costs_its_shares() -> None:
    said = Outputs(outputs(1, 3).logits, None, None)
    parts = [losses(said, examples([one]), RECIPE)["classes"] for one in ([1.0, 0, 0], [0, 1.0, 0])]
    mixture = losses(said, examples([[0.25, 0.75, 0.0]]), RECIPE)["classes"]
    torch.testing.assert_close(mixture, 0.25 * parts[0] + 0.75 * parts[1])


def test_the_focal_loss_forgets_what_is_known_well() -> None:
    sure = Outputs(torch.tensor([[4.0]]), None, None)
    truth = examples([[0.0, 1.0]])
    plain, focal = (losses(sure, truth, one)["classes"].item() for one in (RECIPE, FOCAL))
    chance = torch.sigmoid(torch.tensor(4.0)).item()
    assert focal == pytest.approx((1 - chance) ** 2 * plain)


def test_a_weight_of_nought_takes_an_image_out() -> None:
    said = outputs(2)
    truth = examples([[1.0, 0.0], [0.0, 1.0]])._replace(weight=torch.tensor([1.0, 0.0]))
    losses(said, truth, RECIPE)["classes"].backward()
    assert said.logits.grad is not None
    assert (said.logits.grad[0] != 0).all()
    assert (said.logits.grad[1] == 0).all()


@pytest.mark.parametrize("name", ["density", "lesion_map"])
def test_what_is_unknown_is_masked(name: str) -> None:
    said = outputs(3)
    named = losses(said, examples([[1.0, 0.0]] * 3, known=2), RECIPE)
    named["map" if name == "lesion_map" else name].backward()
    gradient = getattr(said, name).grad
    assert (gradient[:2] != 0).all()
    assert (gradient[2] == 0).all()


def test_where_nothing_is_known_nothing_is_lost() -> None:
    named = losses(outputs(2), examples([[1.0, 0.0]] * 2), RECIPE)
    assert named["density"].item() == named["map"].item() == 0


def test_known_density_and_map_are_means_over_what_is_known() -> None:
    said = outputs(3)
    named = losses(said, examples([[1.0, 0.0]] * 3, known=2), RECIPE)
    assert said.density is not None
    assert said.lesion_map is not None
    torch.testing.assert_close(
        named["density"], functional.cross_entropy(said.density[:2], torch.tensor([2, 2]))
    )
    wanted = functional.binary_cross_entropy_with_logits(
        said.lesion_map[:2], torch.full((2, 2, 2), 0.25)
    )
    torch.testing.assert_close(named["map"], wanted)


def test_each_fine_map_learns_its_own_truth() -> None:
    said = outputs(3)
    malignant, found = said.lesion_map, torch.randn(3, 2, 2)
    named = losses(said._replace(finding_map=found), examples([[1.0, 0.0]] * 3, known=2), RECIPE)
    rare = torch.tensor(RARE)
    for name, maps, share in (("map", malignant, 0.75), ("findings", found, 0.25)):
        assert maps is not None
        wanted = functional.binary_cross_entropy_with_logits(
            maps[:2], torch.full((2, 2, 2), share), pos_weight=rare
        )
        torch.testing.assert_close(named[name], wanted)
    assert total(named, RECIPE) > total({k: v for k, v in named.items() if k != "findings"}, RECIPE)


def test_an_image_without_a_class_teaches_none() -> None:
    said = outputs(3)
    both = losses(said, examples([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), RECIPE)["classes"]
    known = losses(
        Outputs(said.logits[:2], None, None), examples([[1.0, 0.0], [0.0, 1.0]]), RECIPE
    )["classes"]
    torch.testing.assert_close(both, known)


def test_the_total_has_the_recipes_weights() -> None:
    named = {"classes": torch.tensor(1.0), "density": torch.tensor(1.0), "map": torch.tensor(1.0)}
    assert total(named, RECIPE).item() == pytest.approx(3.3)


@pytest.mark.parametrize("classes", [1, 3])
def test_log_shares_are_probabilities(classes: int) -> None:
    shares = log_shares(torch.randn(5, classes) * 50).exp().sum(1)
    torch.testing.assert_close(shares, torch.ones(5))
