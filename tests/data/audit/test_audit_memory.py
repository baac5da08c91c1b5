from __future__ import annotations

import os

import numpy as np
import pytest

from audit_example import audited, breast, kinds, manifest, table, write
from mammoscope.anatomy import to_uint8
from mammoscope.data.audit import audit
from mammoscope.data.audit.look import Look, MaskLook, look_at
from mammoscope.data.audit.memory import FILE_NAME, Memory


def test_a_look_comes_back_as_it_was(tmp_path):
    write(tmp_path / "a.png", to_uint8(breast(3)))
    look = look_at(tmp_path / "a.png")
    with Memory(tmp_path / FILE_NAME) as memory:
        memory.keep("a.png", (1, 2), look)
        memory.keep("m.png", (1, 2), MaskLook("", 3, 4, 5))
    with Memory(tmp_path / FILE_NAME) as memory:
        again = memory.image("a.png", (1, 2))
        assert memory.mask("m.png", (1, 2)) == MaskLook("", 3, 4, 5)
        assert memory.image("a.png", (1, 3)) is None
    for name in Look.__dataclass_fields__:
        assert np.array_equal(getattr(again, name), getattr(look, name))


def test_only_a_file_that_changed_is_read_again(tmp_path):
    images = table(tmp_path)
    assert kinds(audited(tmp_path, images)) == {}
    for name, keep_time in (("1.png", True), ("2.png", False)):
        path = tmp_path / name
        before = path.stat()
        path.write_bytes(bytes(before.st_size))
        if keep_time:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert kinds(audited(tmp_path, images)) == {"unreadable": [("2.png",)]}


@pytest.mark.parametrize("spoil", ["folder", "text"])
def test_a_memory_that_cannot_be_used_is_told_and_the_audit_goes_on(tmp_path, spoil):
    images = table(tmp_path)
    cache = tmp_path / "cache"
    cache.mkdir() if spoil == "folder" else cache.write_text("no database " * 100)
    found = audit(manifest(tmp_path, images), cache=cache, progress=False)
    assert not found.issues
    assert "cannot be used" in found.notes[0]
    assert spoil == "folder" or cache.read_text().startswith("no database")
