from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

resource = pytest.importorskip("resource")
torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.train.checkpoint import save_weights, stored  # noqa: E402


@contextmanager
def small_disk() -> Iterator[None]:
    """No file may grow beyond a thousand bytes meanwhile, as on a disk with no more room.

    No fixture, which would hold for what pytest writes of a test too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_weights_on_a_full_disk_leave_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"earlier")
    refused = pytest.raises(ConfigError, match=r"weights\.safetensors: the file cannot be written")
    with refused, small_disk():
        save_weights(path, torch.nn.Linear(100, 100))
    assert [(file, file.read_bytes()) for file in tmp_path.iterdir()] == [(path, b"earlier")]


def test_a_checkpoint_on_a_full_disk_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"checkpoint\.pt: .*perhaps the disk is full"),
        small_disk(),
        stored(tmp_path / "checkpoint.pt") as draft,
    ):
        torch.save(torch.zeros(1000), draft)
    assert not list(tmp_path.iterdir())
