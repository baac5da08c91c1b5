from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.models.networks import LesionMapNet  # noqa: E402
from mammoscope.train.dataset import TrainingSet, augmentation  # noqa: E402
from mammoscope.train.frozen import frozen_features  # noqa: E402


@pytest.fixture(scope="module")
def network() -> LesionMapNet:
    torch.manual_seed(0)
    return LesionMapNet()


@pytest.fixture
def data() -> TrainingSet:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 64, 32), dtype=np.uint8)
    table = pd.DataFrame({"cancer": [0] * 20})
    return TrainingSet(pixels, table, table.iloc[:0], augmentation())


def test_features_are_what_the_early_stages_make(
    network: LesionMapNet, data: TrainingSet, tmp_path: Path
) -> None:
    plain = TrainingSet(data.pixels, data.rows, data.excluded, lambda picture: picture / 255)
    found = frozen_features(network, 2, plain, 0, tmp_path)
    with torch.inference_mode():
        wanted = network.eval().early(torch.from_numpy(data.pixels)[:, None] / 255, 2)
    assert found.shape == tuple(wanted.shape)
    assert np.asarray(found, np.float32) == pytest.approx(wanted.numpy(), rel=1e-2, abs=1e-3)


def test_the_same_seed_gives_the_same_file_and_another_seed_another(
    network: LesionMapNet, data: TrainingSet, tmp_path: Path
) -> None:
    first = frozen_features(network, 2, data, 1, tmp_path)
    assert (frozen_features(network, 2, data, 1, tmp_path) == first).all()
    assert len(list(tmp_path.iterdir())) == 1
    assert (frozen_features(network, 2, data, 2, tmp_path) != first).any()


def test_other_frozen_weights_give_another_file(
    network: LesionMapNet, data: TrainingSet, tmp_path: Path
) -> None:
    frozen_features(network, 2, data, 1, tmp_path)
    frozen_features(LesionMapNet(), 2, data, 1, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
