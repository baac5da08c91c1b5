from __future__ import annotations

from typing import Any

import pytest

from evaluation_example import evaluation
from mammoscope.evaluate import checklists, evidence


def by_number(items: tuple[checklists.Item, ...]) -> dict[str, checklists.Item]:
    return {item.number: item for item in items}


def empty() -> dict[str, Any]:
    """A run that shows nothing: no figures, no recipe."""
    run = {**evaluation()["run"], "recipe": None}
    return evaluation(
        run=run, sections={}, curves={}, counts=[], comparisons=[], confusions=[], subgroups=[],
        misses=[], notes=[],
    )  # fmt: skip


def test_claim_has_44_items_in_order() -> None:
    assert [item.number for item in checklists.claim(evaluation())] == [
        str(number) for number in range(1, 45)
    ]


def test_tripod_has_27_items_in_52_parts() -> None:
    items = checklists.tripod(evaluation())
    assert len(items) == 52
    assert {int(item.number.rstrip("abcdefg")) for item in items} == set(range(1, 28))


def test_no_two_items_ask_for_the_same() -> None:
    for items in (checklists.claim(evaluation()), checklists.tripod(evaluation())):
        assert len({item.asks for item in items}) == len(items)


def test_the_runs_own_manifest_fills_what_it_names() -> None:
    claim = by_number(checklists.claim(evaluation()))
    assert claim["20"].answer == "Partition level: patient."
    assert claim["7"].answer == "Data: a made-up set of 640 women."
    assert claim["7"].state == "filled"


def test_a_part_is_no_whole_and_says_what_lacks() -> None:
    item = by_number(checklists.claim(evaluation()))["23"]
    assert "Torch: 2.9.0" in item.answer
    assert (item.state, item.lacks) == ("in part", "what the model itself was made with")


@pytest.mark.parametrize("number", ["1", "4", "11", "14", "33", "44"])
def test_what_the_run_does_not_show_is_unfilled(number: str) -> None:
    item = by_number(checklists.claim(evaluation()))[number]
    assert (item.state, item.answer, item.lacks) == ("unfilled", "", "")


def test_an_empty_run_fills_nothing() -> None:
    for items in (checklists.claim(empty()), checklists.tripod(empty())):
        assert [item.number for item in items if item.state == "filled"] == []


def test_no_interval_claims_no_precision() -> None:
    report = evaluation(comparisons=[])
    for part in report["sections"].values():
        for figure in part["estimates"]:
            figure["low"] = figure["high"] = None
    claim = by_number(checklists.claim(report))
    assert claim["29"].state == claim["38"].state == "unfilled"


def test_cancers_among_the_missing_are_told() -> None:
    assert "1 of them with cancer" in by_number(checklists.tripod(evaluation()))["11"].answer


def test_nested_manifests_are_read_and_long_values_cut() -> None:
    run = {**evaluation()["run"], "recipe": {"study": {"ethics": "approved " * 100}}}
    answer = evidence.gather(evaluation(run=run))["ethics"]
    assert answer.startswith("Ethics: approved")
    assert len(answer) < 260


def test_every_name_a_manifest_may_use_serves_an_item() -> None:
    run = {**empty()["run"], "recipe": {names[0]: "said" for names in evidence.NAMES.values()}}
    report = {**empty(), "run": run}
    answers = " ".join(
        item.answer for item in (*checklists.claim(report), *checklists.tripod(report))
    )
    for names in evidence.NAMES.values():
        assert f"{names[0].replace('_', ' ').capitalize()}: said." in answers
