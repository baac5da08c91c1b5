"""The benchmark's planted faults, one of each, are all found."""

from __future__ import annotations

from mammoscope.data.audit import audit
from measuring import audit_faults

NEED_A_LARGER_SET = {"view_mismatch"}


def test_one_of_each_is_found(tmp_path):
    bed = audit_faults.synthetic_bed(tmp_path, women=7, height=96, seed=0)
    audit_faults.plant(bed, 1)
    found = audit(bed.manifest(), progress=False).by_kind()
    missed = [
        name
        for name, paths in bed.planted.items()
        if name not in NEED_A_LARGER_SET
        and not paths <= {p for issue in found.get(name.split(":")[0], []) for p in issue.images}
    ]
    assert missed == []
