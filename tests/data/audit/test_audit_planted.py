"""The benchmark's planted faults, one of each, are all found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mammoscope.data.audit import audit

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not part of this source archive", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

from audit_faults import plant, synthetic_bed  # noqa: E402

NEED_A_LARGER_SET = {"view_mismatch"}


def test_one_of_each_is_found(tmp_path):
    bed = synthetic_bed(tmp_path, women=7, height=96, seed=0)
    plant(bed, 1)
    found = audit(bed.manifest(), progress=False).by_kind()
    missed = [
        name
        for name, paths in bed.planted.items()
        if name not in NEED_A_LARGER_SET
        and not paths <= {p for issue in found.get(name.split(":")[0], []) for p in issue.images}
    ]
    assert missed == []
