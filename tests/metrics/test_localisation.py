import numpy as np
import pytest

from mammoscope.errors import ConfigError
from mammoscope.metrics import localisation as loc

BOX, CIRCLE = (2, 3, 6, 5), (10, 10, 2)


@pytest.mark.parametrize(
    ("point", "inside"), [((2, 3), True), ((6, 5), True), ((4, 5.1), False), ((1.9, 4), False)]
)
def test_point_in_box(point, inside):
    assert loc.in_boxes(point, [BOX]).tolist() == [inside]


@pytest.mark.parametrize(
    ("point", "inside"), [((10, 10), True), ((12, 10), True), ((11.5, 11.5), False)]
)
def test_point_in_circle(point, inside):
    assert loc.in_circles(point, [CIRCLE]).tolist() == [inside]


def test_points_and_shapes_make_a_table():
    found = loc.in_boxes([(3, 4), (8, 8), (9, 9)], [BOX, (7, 7, 9, 9)])
    assert found.tolist() == [[True, False], [False, True], [False, True]]


def test_any_shape_is_a_hit():
    assert loc.hits_target((10, 9), [BOX], [CIRCLE])
    assert not loc.hits_target((7, 7), [BOX], [CIRCLE])
    assert not loc.hits_target((7, 7))


def test_chance_is_the_share_of_the_region_under_the_shapes():
    region = np.zeros((20, 20), bool)
    region[:, :10] = True  # 200 pixels; of the box 2 rows x 4 columns are in it
    assert loc.chance_level(region, [BOX]) == pytest.approx(8 / 200)
    assert loc.chance_level(region, [(5, 0, 15, 20)]) == pytest.approx(0.5)


def test_overlapping_shapes_count_once():
    region = np.ones((20, 20), bool)
    assert loc.chance_level(region, [BOX, BOX]) == loc.chance_level(region, [BOX])


def test_chance_of_a_circle_is_its_area():
    found = loc.chance_level(np.ones((400, 400)), circles=[(200, 200, 100)])
    assert found == pytest.approx(np.pi * 100**2 / 400**2, rel=2e-3)


def test_random_points_hit_at_the_chance_level():
    random, region = np.random.default_rng(0), np.ones((50, 40), bool)
    points = random.random((20_000, 2)) * (40, 50)
    hits = [loc.in_boxes(points, [BOX]), loc.in_circles(points, [CIRCLE])]
    rate = np.concatenate(hits, axis=1).any(axis=1).mean()
    assert rate == pytest.approx(loc.chance_level(region, [BOX], [CIRCLE]), abs=0.002)


def test_hit_rate_counts():
    found = loc.hit_rate([True, False, True, True])
    assert (found.value, found.hits, found.n) == (0.75, 3, 4)
    assert found.low < 0.75 < found.high


def test_energy_is_the_share_of_the_mass_in_the_mask():
    values = [[1, 2], [3, 4]]
    assert loc.energy_in_mask(values, [[0, 1], [0, 1]]) == pytest.approx(0.6)
    assert loc.energy_in_mask(values, np.zeros((2, 2))) == 0


def test_overlapping_masks_count_once():
    masks = [[[1, 0], [0, 0]], [[1, 1], [0, 0]]]
    assert loc.energy_in_mask(np.ones((2, 2)), masks) == pytest.approx(0.5)
    assert loc.energy_in_mask(np.ones((2, 2)), np.zeros((0, 2, 2))) == 0


@pytest.mark.parametrize("call", [
    lambda: loc.hit_rate([]),
    lambda: loc.chance_level(np.zeros((4, 4))),
    lambda: loc.in_boxes((1, 2), [(1, 2, 3)]),
    lambda: loc.in_circles((1, np.nan), [CIRCLE]),
    lambda: loc.energy_in_mask(np.zeros((4, 4)), np.ones((4, 4))),
    lambda: loc.energy_in_mask([[1, -1]], [[1, 1]]),
    lambda: loc.energy_in_mask([[1, np.nan]], [[1, 1]]),
    lambda: loc.energy_in_mask([[1, 2]], [[1], [1]]),
])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ConfigError):
        call()
