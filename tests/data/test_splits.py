from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from mammoscope.data.manifest import Manifest, make_manifest  # noqa: E402
from mammoscope.data.splits import (  # noqa: E402
    by_site,
    groups,
    holdout,
    k_fold,
    leaks,
    official,
)
from mammoscope.errors import ConfigError  # noqa: E402


def manifest(women: int = 20, views: int = 2, **columns: list[str]) -> Manifest:
    rows = [
        {
            "image_path": f"{woman}_{view}.png",
            "dataset": "made",
            "modality": "mammography",
            "patient_id": f"w{woman}",
            "cancer": woman % 2,
            "machine_id": woman % 3,
            "site_id": woman % 2,
        }
        for woman in range(women)
        for view in range(views)
    ]
    return make_manifest(Path("made"), pd.DataFrame(rows).assign(**columns))


@settings(deadline=None, max_examples=20)
@given(st.integers(10, 30), st.integers(1, 4), st.integers(2, 5), st.integers(0, 9))
@pytest.mark.filterwarnings("ignore:The least populated class in y has only:UserWarning")
def test_no_woman_is_in_two_folds(women: int, views: int, folds: int, seed: int) -> None:
    split = k_fold(manifest(women, views), folds, seed, strata=("cancer",))
    assert set(split.images["split"]) <= {str(fold) for fold in range(folds)}
    assert leaks(split).empty


def test_folds_have_their_share_of_cancers() -> None:
    split = k_fold(manifest(60), 3, strata=("cancer",))
    share = split.images.astype({"cancer": int}).groupby("split")["cancer"].mean()
    assert share.to_numpy() == pytest.approx([0.5] * 3, abs=0.02)


def test_women_who_share_a_duplicate_stay_together() -> None:
    given_groups = ["a", "", "a", "b", "b", ""] + [""] * 34
    table = manifest(duplicate_group=given_groups).images
    found = groups(table)
    assert set(found[:6]) == {"w0"}  # w0 and w1 share "a", w1 and w2 share "b"
    assert len(set(found)) == 18


def test_a_holdout_does_not_change_when_women_are_added() -> None:
    few, many = holdout(manifest(20), 0.3), holdout(manifest(60), 0.3)
    known = many.images.set_index("image_path")["split"]
    assert (known[few.images["image_path"]].to_numpy() == few.images["split"]).all()
    assert set(many.images["split"]) == {"train", "test"}
    assert 0.1 < (many.images["split"] == "test").mean() < 0.5


def test_the_rule_and_a_hash_of_the_result_are_written() -> None:
    first, again, other = (k_fold(manifest(), 2, seed) for seed in (0, 0, 1))
    rule = first.images["split_rule"].iloc[0]
    assert rule.startswith("2 folds by patient, stratified on machine_id and cancer, seed 0; sha")
    assert rule == again.images["split_rule"].iloc[0]
    assert rule.split("sha256")[1] != other.images["split_rule"].iloc[0].split("sha256")[1]


def test_one_site_is_one_fold() -> None:
    split = by_site(manifest()).images
    assert (split["split"] == split["site_id"]).all()


def test_a_woman_at_two_sites_is_refused() -> None:
    with pytest.raises(ConfigError, match="20 women or duplicate groups were at two sites"):
        by_site(manifest(site_id=["1", "2"] * 20))


def test_an_official_split_that_leaks_is_refused() -> None:
    with pytest.raises(ConfigError, match="tears 20 women or duplicate groups apart"):
        official(manifest(split=["train", "test"] * 20))


def test_an_official_split_is_kept() -> None:
    sides = ["train"] * 20 + ["test"] * 20
    found = official(manifest(split=sides)).images
    assert found["split"].tolist() == sides
    assert found["split_rule"].str.startswith("official; sha256 ").all()


def test_a_split_image_by_image_leaks_and_the_women_are_counted() -> None:
    torn = leaks(manifest(split=["train", "test"] * 20))
    assert len(torn) == 20
    assert torn["images"].tolist() == [2] * 20
    assert set(torn["sides"]) == {"test, train"}


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0])
def test_an_impossible_fraction_is_named(fraction: float) -> None:
    with pytest.raises(ConfigError, match="test fraction is"):
        holdout(manifest(), fraction)


def test_more_folds_than_women_are_refused() -> None:
    with pytest.raises(ConfigError, match="5 folds of 3 women are not possible"):
        k_fold(manifest(3), 5)


def test_a_column_to_stratify_on_must_be_there() -> None:
    with pytest.raises(ConfigError, match="no column 'vendor'"):
        k_fold(manifest(), 2, strata=("vendor",))


def test_too_many_strata_are_refused() -> None:
    with pytest.raises(ConfigError, match="stratify on fewer columns"):
        k_fold(manifest(10, 1), 3)
