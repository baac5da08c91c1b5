from __future__ import annotations

import cv2
import numpy as np
import pytest

from audit_example import breast
from mammoscope.anatomy import to_uint8
from mammoscope.data.audit.duplicates import ALIKE
from mammoscope.data.audit.fingerprint import TURNS, detail, fingerprints, likeness, turned
from mammoscope.data.audit.look import _thumb

FIRST, SECOND = np.array([0]), np.array([1])


def encoded(pixels):
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 50])
    return cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)


def alike(a, b, turn=(False, False)):
    return float(likeness(detail(np.stack([a, b])), FIRST, SECOND, *turn)[0])


@pytest.mark.parametrize("turn", TURNS)
def test_the_print_of_a_turned_picture_follows_from_the_print(turn):
    mirrored, inverted = turn
    thumb = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    copy = thumb[:, ::-1] if mirrored else thumb
    copy = ~copy if inverted else copy
    prints = fingerprints(detail(np.stack([thumb, copy])))
    assert turned(prints[:1], mirrored, inverted)[0] == prints[1]
    assert alike(thumb, copy, turn) == pytest.approx(1, abs=0.001)


def test_a_small_encoded_copy_is_alike():
    pixels = to_uint8(breast(0))
    copy = encoded(cv2.resize(pixels, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA))
    thumbs = np.stack([_thumb(pixels), _thumb(copy)])
    prints = fingerprints(detail(thumbs))
    assert np.bitwise_count(prints[0] ^ prints[1]) <= 3
    assert alike(*thumbs) > ALIKE["mammography"]


def test_two_breasts_of_one_woman_are_not_alike():
    left, right = (_thumb(breast(place)) for place in (0, 1))
    assert max(alike(left, right, turn) for turn in TURNS) < ALIKE["mammography"]


def test_a_picture_without_detail_is_like_nothing():
    flat = np.full((32, 32), 80, np.uint8)
    assert alike(flat, flat) == pytest.approx(0, abs=1e-6)
