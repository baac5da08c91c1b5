from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from mammoscope.errors import WeightsError
from mammoscope.infer import Predictor
from mammoscope.infer.predictor import BATCH
from mammoscope.io import read_exam
from mammoscope.types import Exam, ExamReport, Laterality, Mammogram, Unreadable
from pictures import breast
from weights_example import predictor

DEMO = Path(str(resources.files("mammoscope.data"))) / "demo"


def drawn(side: Laterality = "L", view: str = "CC", named: bool = True) -> Mammogram:
    picture = breast(side).astype(np.uint16) * np.uint16(257)
    return Mammogram(picture, f"{side}{view}.png", side if named else None, view)


def judged(*images: Mammogram, unreadable: tuple[Unreadable, ...] = ()) -> ExamReport:
    return predictor()(Exam("exam", images, unreadable))


@pytest.fixture(scope="module")
def demo() -> ExamReport:
    return predictor()(read_exam(DEMO))


def test_the_demo_exam_is_judged_whole(demo: ExamReport) -> None:
    assert [(i.laterality, i.view) for i in demo.images] == [
        ("R", "CC"),
        ("L", "CC"),
        ("R", "MLO"),
        ("L", "MLO"),
    ]
    assert all(image.refused is None for image in demo.images)
    assert set(demo.breasts) == {"L", "R"}


def test_every_malignancy_is_a_probability(demo: ExamReport) -> None:
    values = [part.malignancy for part in (demo, *demo.images, *demo.breasts.values())]
    assert all(value is not None and 0 <= value <= 1 for value in values)


def test_every_density_sums_to_one(demo: ExamReport) -> None:
    densities = [part.density for part in (demo, *demo.images, *demo.breasts.values())]
    for density in densities:
        assert density is not None
        assert sum(density.probabilities) == pytest.approx(1)


def test_the_exam_is_its_higher_breast(demo: ExamReport) -> None:
    assert demo.malignancy == max(b.malignancy or 0 for b in demo.breasts.values())


def test_a_breast_lies_between_its_views(demo: ExamReport) -> None:
    for side, part in demo.breasts.items():
        views = [i.malignancy for i in demo.images if i.laterality == side]
        assert min(views) <= part.malignancy <= max(views)  # type: ignore[type-var, operator]


def test_the_exam_is_as_sure_as_its_higher_breast(demo: ExamReport) -> None:
    higher = max(demo.breasts.values(), key=lambda part: part.malignancy or 0)
    assert demo.malignancy_interval == higher.malignancy_interval
    assert demo.sure is higher.sure
    assert demo.not_sure == predictor().weights.not_sure
    low, high = demo.malignancy_interval or (1.0, 0.0)
    assert low < (demo.malignancy or 0) < high


def test_the_flag_follows_the_operating_point(demo: ExamReport) -> None:
    exam = read_exam(DEMO)
    at = replace(demo.operating_point, threshold=float(demo.malignancy or 0))
    above = replace(at, threshold=at.threshold + 1e-4)
    assert replace(predictor(), operating_point=at)(exam).flag is True
    assert replace(predictor(), operating_point=above)(exam).flag is False


def test_the_lesion_map_lies_on_the_breast(demo: ExamReport) -> None:
    for image in demo.images:
        assert image.lesion_map is not None
        height, width = image.lesion_map.values.shape
        box = image.lesion_map.geometry.box_to_source((0, 0, width, height))
        assert box == pytest.approx(image.breast_px)


def test_the_report_says_who_spoke(demo: ExamReport) -> None:
    assert demo.model.sha256 == predictor().weights.card["sha256"]
    assert "f32" in demo.model.runtime
    assert demo.operating_points == predictor().weights.operating_points


def test_findings_of_the_standard_views_are_placed(demo: ExamReport) -> None:
    sure = replace(demo.operating_point, threshold=1e-3)
    report = replace(predictor(), operating_point=sure)(read_exam(DEMO))
    positions = [found.position for image in report.images for found in image.findings]
    assert positions
    assert all(position is not None for position in positions)
    assert report.malignancy == pytest.approx(demo.malignancy, abs=1e-6)


def test_a_spot_view_has_no_nipple() -> None:
    spot, plain = judged(replace(drawn(), view_modifiers=("spot",)), drawn("R")).images
    assert spot.nipple is None
    assert plain.nipple is not None


def test_judging_twice_gives_the_same(demo: ExamReport) -> None:
    assert predictor()(read_exam(DEMO)).malignancy == pytest.approx(demo.malignancy, abs=1e-6)


def test_one_image_makes_an_exam() -> None:
    report = judged(drawn())
    assert report.malignancy == pytest.approx(report.images[0].malignancy)
    assert list(report.breasts) == ["L"]


def test_two_views_of_two_breasts_make_two_breasts() -> None:
    assert set(judged(drawn("L"), drawn("R")).breasts) == {"L", "R"}


def test_repeats_count_with_their_breast() -> None:
    five = (drawn("R"), drawn("L"), drawn("R", "MLO"), drawn("L", "MLO"), drawn("L", "ML"))
    report = judged(*five)
    assert len(report.images) == 5
    assert set(report.breasts) == {"L", "R"}


def test_more_images_than_a_batch_are_all_judged_in_order() -> None:
    images = [replace(drawn(), path=f"{i}.png") for i in range(BATCH + 1)]
    report = judged(*images)
    assert [image.path for image in report.images] == [image.path for image in images]
    assert all(image.malignancy is not None for image in report.images)


def test_an_exam_with_nothing_judged_has_no_answer() -> None:
    report = judged(unreadable=(Unreadable("a.dcm", "a.dcm: is empty; send it again."),))
    assert (report.malignancy, report.density, report.flag) == (None, None, None)
    assert report.malignancy_interval is report.sure is None
    assert report.breasts == {}
    assert [image.refused for image in report.images] == ["a.dcm: is empty; send it again."]


def test_an_unreadable_file_stays_in_the_report(tmp_path: Path) -> None:
    for name in ("demo_L-CC.png", "demo_L-MLO.png"):
        (tmp_path / name).write_bytes((DEMO / name).read_bytes())
    (tmp_path / "demo_R-CC.png").write_bytes(b"")
    report = predictor()(read_exam(tmp_path))
    refused = [image for image in report.images if image.refused]
    assert [Path(image.path).name for image in refused] == ["demo_R-CC.png"]
    assert len(report.images) == 3
    assert list(report.breasts) == ["L"]


def test_an_image_of_an_unknown_breast_counts_in_the_exam_alone() -> None:
    report = judged(drawn("L", named=False))
    assert report.breasts == {}
    assert report.malignancy == report.images[0].malignancy
    assert report.malignancy_interval == report.images[0].malignancy_interval
    assert report.sure is not None
    assert report.density == report.images[0].density


def test_the_mirror_image_of_a_breast_is_judged_alike() -> None:
    left, right = judged(drawn("L"), drawn("R")).images
    assert left.malignancy == pytest.approx(right.malignancy, abs=0.05)


def test_an_unknown_operating_point_is_named_with_the_known_ones() -> None:
    last = predictor().weights.operating_points[-1].name
    with pytest.raises(WeightsError, match=rf"'best'; choose one of .*{last}"):
        Predictor.load(operating_point="best")


def test_an_operating_point_is_chosen_by_name() -> None:
    last = predictor().weights.operating_points[-1]
    chosen = Predictor.load(runtime="onnxruntime", operating_point=last.name)
    assert chosen.operating_point == last
