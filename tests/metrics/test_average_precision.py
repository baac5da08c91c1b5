import contextlib
import io

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mammoscope.errors import ConfigError
from mammoscope.metrics import average_precision as ap
from mammoscope.metrics.marks import Candidates, Lesions

NEAR, FAR = (0, 0, 10, 10), (50, 50, 60, 60)
KINDS = np.array(["calcification", "mass"])


def _coco(candidates, lesions, n_images):
    """(t, kinds) AP by pycocotools; -1 where a kind has no lesion."""
    tools = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    def rows(side, boxes):
        places = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).tolist()
        kinds = np.searchsorted(KINDS, side.kind).tolist()
        return [
            {"image_id": int(i), "bbox": b, "category_id": k, "area": b[2] * b[3]}
            for i, b, k in zip(side.image, places, kinds, strict=True)
        ]

    truth = tools.COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": i} for i in range(n_images)],
        "categories": [{"id": 0}, {"id": 1}],
        "annotations": [
            row | {"id": n + 1, "iscrowd": 0} for n, row in enumerate(rows(lesions, lesions.box))
        ],
    }
    found = rows(candidates, candidates.place)
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        marks = truth.loadRes(
            [row | {"score": s} for row, s in zip(found, candidates.score, strict=True)]
        )
        judge = COCOeval(truth, marks, "bbox")
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, -1].mean(axis=1)


def _random_study(seed):
    random = np.random.default_rng(seed)

    def boxes(n):
        corner = random.integers(0, 12, (n, 2))
        return np.hstack([corner, corner + random.integers(1, 9, (n, 2))])

    m, c, n = random.integers(2, 30), random.integers(1, 120), random.integers(1, 9)
    kind = np.append(KINDS, random.choice(KINDS, m - 2))
    lesions = Lesions(random.integers(0, n, m), boxes(m), kind=kind)
    score = random.random(c).round(random.integers(1, 4))
    marks = Candidates(random.integers(0, n, c), boxes(c), score, random.choice(KINDS, c))
    return marks, lesions, n


@pytest.mark.parametrize("seed", range(60))
def test_ap_equals_pycocotools(seed):
    marks, lesions, n = _random_study(seed)
    found = ap.average_precision(marks, lesions)
    assert np.stack([found[k] for k in KINDS], axis=1) == pytest.approx(
        _coco(marks, lesions, n), abs=1e-12
    )


def test_more_than_100_marks_on_an_image_equal_pycocotools():
    marks, lesions, _ = _random_study(3)
    n = 130
    crowd = Candidates(
        np.zeros(n, int), np.resize(marks.place, (n, 4)), np.arange(n) / n, np.resize(KINDS, n)
    )
    lesions = Lesions(np.zeros(len(lesions.image), int), lesions.box, kind=lesions.kind)
    two = Candidates(
        np.tile(crowd.image, 2), np.tile(crowd.place, (2, 1)), np.tile(crowd.score, 2),
        np.tile(crowd.kind, 2),
    )  # fmt: skip
    found = ap.average_precision(two, lesions)
    assert np.stack([found[k] for k in KINDS], axis=1) == pytest.approx(_coco(two, lesions, 1))


def test_ap_by_hand_and_the_area_under_the_empirical_curve():
    lesions = Lesions([0, 1], [NEAR, NEAR])
    marks = Candidates([0, 0, 1], [NEAR, FAR, NEAR], [0.9, 0.8, 0.7])
    assert ap.average_precision(marks, lesions, 0.5)["lesion"] == pytest.approx(
        [(51 * 1 + 50 * 2 / 3) / 101]
    )
    assert average_precision_score([1, 0, 1], marks.score) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_duplicate_is_a_false_positive():
    lesions = Lesions([0, 1], [NEAR, NEAR])
    marks = Candidates([0, 0, 1], [NEAR, NEAR, NEAR], [0.9, 0.8, 0.7])
    assert ap.average_precision(marks, lesions, 0.5)["lesion"] < 1


def test_nothing_marked_is_0():
    assert ap.average_precision(Candidates([], [], []), Lesions([0], [NEAR]))["lesion"].max() == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_weight_is_so_many_copies_of_the_image(seed):
    marks, lesions, n = _random_study(seed)
    random = np.random.default_rng(seed)
    weight = random.integers(0, 3, n)
    weight[lesions.image[0]] = 1
    score = random.permutation(len(marks.image))  # without ties, whose order copies would change

    def copies(side):
        """Rows of what is on image i, weight[i] times, and the rows of the copied images."""
        found = [(r, 3 * i + k) for r, i in enumerate(side.image) for k in range(weight[i])]
        return np.array(found, int).reshape(-1, 2).T

    (ours, home), (theirs, lesion_home) = copies(marks), copies(lesions)
    once = ap.rank(Candidates(marks.image, marks.place, score), lesions)
    many = ap.rank(
        Candidates(home, marks.place[ours], score[ours]),
        Lesions(lesion_home, lesions.box[theirs]),
    )
    weighted = ap.interpolated_precision(once, weight)
    assert weighted == pytest.approx(ap.interpolated_precision(many), abs=1e-12)


@pytest.mark.parametrize(("call", "says"), [
    (lambda: ap.average_precision(Candidates([0], [NEAR], [1]), Lesions([], [])), "no lesion"),
    (lambda: ap.average_precision(Candidates([0], [(1, 2)], [1]), Lesions([0], [NEAR])), "points"),
    (lambda: ap.average_precision(
        Candidates([0], [NEAR], [1], ["mass"]), Lesions([0], [NEAR])), "both or none"),
    (lambda: ap.average_precision(
        Candidates([0], [NEAR], [1], ["cyst"]), Lesions([0], [NEAR], kind=["mass"])), "'cyst'"),
    (lambda: ap.average_precision(Candidates([], [], []), Lesions([0], [NEAR]), 0), "0, 1"),
    (lambda: ap.interpolated_precision(
        ap.rank(Candidates([], [], []), Lesions([1], [NEAR])), [1]), "2 or more"),
])  # fmt: skip
def test_undefined_precision_is_refused(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
