from __future__ import annotations

import numpy as np
import pytest

from mammoscope.train.stacked import Stacked

PARTS = [
    np.arange(6 * count, dtype=np.uint8).reshape(count, 2, 3) + np.uint8(50 * number)
    for number, count in enumerate((2, 5, 1))
]


def test_rows_are_those_of_the_parts_one_after_the_other() -> None:
    stacked, joined = Stacked(PARTS), np.concatenate(PARTS)
    assert stacked.shape == joined.shape
    assert len(stacked) == len(joined)
    for row, picture in enumerate(joined):
        assert (stacked[row] == picture).all()


def test_several_rows_at_once_are_copied_out() -> None:
    rows = np.array([7, 0, 3])
    assert (Stacked(PARTS)[rows] == np.concatenate(PARTS)[rows]).all()


def test_stacks_can_be_stacked() -> None:
    nested = Stacked([Stacked(PARTS[:2]), PARTS[2]])
    assert nested[7].tolist() == PARTS[2][0].tolist()


def test_a_row_beyond_the_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Stacked(PARTS)[8]
