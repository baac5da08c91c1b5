from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mammoscope.train import memory  # noqa: E402

MIB = 2**20
CPU = torch.device("cpu")


def test_what_was_held_since_is_told_after_it_is_freed() -> None:
    peak = memory.peak_from_now(CPU)
    before = peak()
    if before is None:
        pytest.skip("this system does not tell the highest resident memory")
    held = np.ones(64 * MIB, np.uint8)
    held_mib = len(held) / MIB
    del held
    after = peak()
    assert after is not None
    assert after > before + 0.8 * held_mib


def test_what_was_held_before_does_not_count() -> None:
    first = memory.peak_from_now(CPU)
    held = np.ones(256 * MIB, np.uint8)
    high = first()
    if high is None:
        pytest.skip("this system does not tell the highest resident memory")
    del held
    later = memory.peak_from_now(CPU)()
    assert later is not None
    assert later < high - 200


def test_without_a_new_start_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_FORGET", tmp_path / "none" / "clear_refs")
    assert memory.peak_from_now(CPU)() is None


def test_a_system_that_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    assert memory.resident_peak_mib() is None
    (tmp_path / "status").write_text("Name:\tpython\n", encoding="ascii")
    assert memory.resident_peak_mib() is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu_tensors_count() -> None:
    peak = memory.peak_from_now(torch.device("cuda"))
    before = peak()
    held = torch.ones(64 * MIB, dtype=torch.uint8, device="cuda")
    after = peak()
    del held
    assert after == pytest.approx((before or 0) + 64, abs=2)
