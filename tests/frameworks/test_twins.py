from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("timm")

import torch

from mammoscope.frameworks.case import Case, Given, cross_entropy, load_case, save_case
from mammoscope.frameworks.clock import measured
from mammoscope.frameworks.contest import FRAMEWORKS, contest
from mammoscope.frameworks.native import RATES, TorchContestant
from mammoscope.frameworks.prepare import prepare_case, task_of
from mammoscope.frameworks.table import summary
from mammoscope.models.registry import architecture

Found = dict[str, dict[str, Any]]
NAMES = ("pytorch", "keras-tensorflow")


def tiny(network: str, data: Path) -> Case:
    built = architecture(network)
    return Case(
        network,
        *task_of(data),
        size={"resnet50": 64, "plain_cnn": 112}[network],
        batch=4,
        steps=2,
        rate=RATES[network],
        mean=built.mean,
        std=built.std,
        device="cpu",
        threads=2,
        seed=0,
    )


@pytest.fixture(scope="module", params=["resnet50", "plain_cnn"])
def folder(
    request: pytest.FixtureRequest, small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A case's folder."""
    made = tmp_path_factory.mktemp(request.param)
    prepare_case(tiny(request.param, small_data), small_data, made / "cache", made)
    return made


@pytest.fixture(scope="module")
def found(folder: Path) -> Found:
    """What two frameworks did with it; the native one here, which saves a start."""
    needs_keras()
    given = load_case(folder)
    native = measured(lambda one: TorchContestant(one, "fp32"), given, time.time())
    torch.set_flush_denormal(False)
    keras = contest(FRAMEWORKS["keras-tensorflow"], given.case, folder)
    return {"pytorch": {"failed": ""} | native, "keras-tensorflow": keras}


def needs_keras() -> None:
    if find_spec("tensorflow") is None or find_spec("keras") is None:
        pytest.skip("Keras on TensorFlow is not installed; it comes with the extra 'frameworks'")


def test_a_twin_says_the_same_with_the_same_weights(found: Found) -> None:
    assert [one["failed"] for one in found.values()] == ["", ""]
    assert found["keras-tensorflow"]["difference"] < 1e-5


def test_the_losses_of_the_first_steps_agree(found: Found) -> None:
    native, keras = (found[name]["losses"] for name in NAMES)
    np.testing.assert_allclose(keras, native, atol=1e-4)


def test_after_the_epoch_they_still_say_nearly_the_same(found: Found) -> None:
    native, keras = (found[name]["final_loss"] for name in NAMES)
    assert abs(keras - native) < 0.01


def test_weights_without_a_place_are_a_row_with_its_reason(
    small_data: Path, tmp_path: Path
) -> None:
    needs_keras()
    case = tiny("plain_cnn", small_data)
    prepare_case(case, small_data, tmp_path / "cache", tmp_path)
    given = load_case(tmp_path)
    more = {**given.weights, "more.weight": np.zeros(1, np.float32)}
    save_case(tmp_path, Given(case, given.pixels, given.target, more, given.answers))
    run = contest(FRAMEWORKS["keras-tensorflow"], case, tmp_path)
    assert run == {"failed": "The Keras twin has no place for 'more.weight' of the network."}


def test_the_loss_is_the_same_for_one_logit_as_for_two() -> None:
    one = np.array([[2.0], [-1.0]])
    two = np.hstack([np.zeros_like(one), one])
    target = np.array([1, 1])
    assert cross_entropy(one, target) == pytest.approx(cross_entropy(two, target))
    assert cross_entropy(one, target) == pytest.approx(np.log1p(np.exp([-2.0, 1.0])).mean())


def test_other_answers_are_another_network() -> None:
    runs = [
        {"network": "plain_cnn", "framework": "pytorch", "repeat": 0, "failed": "", "difference": 1}
    ]
    (network,) = summary(runs, [FRAMEWORKS["pytorch"]], ["plain_cnn"])["networks"]
    assert "another network's" in network["rows"][0]["failed"]
