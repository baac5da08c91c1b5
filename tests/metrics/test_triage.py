import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics import roc, triage
from mammoscope.metrics.prevalence import prevalence_weights

# Ten women, two with cancer (scores 0.9 and 0.35); the readers recalled 0.9, 0.7 and 0.1.
TRUTH = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]
SCORE = [0.9, 0.8, 0.7, 0.4, 0.35, 0.3, 0.2, 0.15, 0.1, 0.05]
CALLS = [1, 0, 1, 0, 0, 0, 0, 0, 1, 0]
shares = st.integers(0, 100).map(lambda k: k / 100)


@st.composite
def cases(draw):
    n = draw(st.integers(4, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.r_[0, 1, random.integers(0, 2, n - 2)]
    return truth, random.integers(0, 9, n) / 8, random.integers(0, 2, n)


def test_rule_out_lowest_by_hand():
    found = triage.rule_out_lowest(TRUTH, SCORE, 0.6)
    assert (found.threshold, found.workload_saved, found.flagged) == (0.4, 0.6, 0.4)
    assert (found.cancers_missed, found.cancers_missed_share) == (1, 0.5)
    assert found.cancers_missed_per_1000 == pytest.approx(100)
    assert found.recall_before is found.recall_after is None


def test_a_cancer_the_readers_had_not_recalled_is_not_missed_anew():
    found = triage.rule_out_lowest(TRUTH, SCORE, 0.6, CALLS)
    assert (found.cancers_missed, found.cancers_gained) == (0, 0)
    assert (found.recall_before, found.recall_after) == (0.3, 0.2)


def test_rule_out_at_sensitivity_by_hand():
    all_stay = triage.rule_out_at_sensitivity(TRUTH, SCORE, 0.99)
    assert (all_stay.threshold, all_stay.workload_saved, all_stay.cancers_missed) == (0.35, 0.5, 0)
    half_stay = triage.rule_out_at_sensitivity(TRUTH, SCORE, 0.5)
    assert (half_stay.threshold, half_stay.workload_saved) == (0.9, 0.9)
    assert half_stay.cancers_missed_per_1000 == pytest.approx(100)


def test_flag_top_by_hand():
    found = triage.flag_top(TRUTH, SCORE, 0.5, CALLS)
    assert (found.cancers_gained, found.cancers_gained_share) == (1, 0.5)
    assert (found.recall_before, found.recall_after, found.workload_saved) == (0.3, 0.6, 0)
    assert triage.flag_top(TRUTH, SCORE, 0.1).cancers_gained_per_1000 == pytest.approx(100)


def test_prevalence_reweights_rates_and_leaves_counts():
    # One cancer in 100: each of the two stands for 5 in 1,000, each other for 990 / 8.
    found = triage.rule_out_at_sensitivity(TRUTH, SCORE, 0.5, CALLS, prevalence=0.01)
    assert found.workload_saved == pytest.approx(0.005 + 0.99)
    assert found.recall_before == pytest.approx(0.005 + 0.99 * 2 / 8)
    below = triage.rule_out_below(TRUTH, SCORE, 0.5, prevalence=0.01)
    assert below.cancers_missed_per_1000 == pytest.approx(5)
    assert below.cancers_missed == 1


def test_second_reader_with_arbiter_by_hand():
    # The model calls the first three; it and the first reader differ on 0.8 and 0.1, to be decided.
    second, arbiter = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    found = triage.replace_second_reader(TRUTH, SCORE, 0.5, CALLS, second, arbiter)
    # Before 20 readings and arbitration of 0.7 and 0.1; after 10 and arbitration of two others.
    assert found.workload_saved == pytest.approx(1 - 12 / 22)
    assert (found.recall_before, found.recall_after) == (0.1, 0.3)
    assert (found.cancers_missed, found.cancers_gained) == (0, 0)


def test_second_reader_by_consensus_rule():
    either = triage.replace_second_reader(TRUTH, SCORE, 0.35, CALLS)
    assert (either.workload_saved, either.cancers_gained, either.recall_after) == (0.5, 1, 0.6)
    both = triage.replace_second_reader(TRUTH, SCORE, 0.35, CALLS, consensus="both")
    assert (both.cancers_missed, both.recall_before, both.recall_after) == (0, 0.3, 0.2)


@given(cases())
def test_a_model_that_repeats_the_second_reader_changes_nothing_but_the_work(data):
    truth, _, second = data
    first = second[::-1]
    found = triage.replace_second_reader(truth, second, 0.5, first, second, arbiter=truth)
    assert found.cancers_missed == found.cancers_gained == 0
    assert found.recall_before == found.recall_after
    assert found.workload_saved > 0


@given(cases(), shares)
def test_no_more_than_the_share_is_ruled_out_or_flagged(data, share):
    truth, score, calls = data
    weight = prevalence_weights(truth, 0.05)
    out = triage.rule_out_lowest(truth, score, share, calls, weight=weight)
    top = triage.flag_top(truth, score, share, calls, weight=weight)
    assert out.workload_saved <= share + 1e-9
    assert top.flagged <= share + 1e-9
    higher = np.unique(score)[np.unique(score) > out.threshold]
    if len(higher):  # the next threshold would rule out too many
        assert triage.rule_out_below(truth, score, higher[0], weight=weight).workload_saved > share


@given(cases(), shares)
def test_rule_out_keeps_the_sensitivity_at_the_threshold_of_the_roc(data, target):
    truth, score, _ = data
    found = triage.rule_out_at_sensitivity(truth, score, target)
    assert found.threshold == roc.threshold_at_sensitivity(truth, score, target)
    assert found.cancers_missed_share <= 1 - target + 1e-9


@given(cases(), shares)
def test_a_stated_prevalence_is_a_weighting_of_the_classes(data, share):
    truth, score, calls = data
    weight = prevalence_weights(truth, 0.01)
    a = triage.rule_out_lowest(truth, score, share, calls, prevalence=0.01)
    b = triage.rule_out_lowest(truth, score, share, calls, weight=weight)
    assert (a.threshold, a.recall_after) == (b.threshold, pytest.approx(b.recall_after))


def test_constant_scores_rule_out_none_until_all():
    assert triage.rule_out_lowest([1, 0, 0], [2, 2, 2], 0.9).workload_saved == 0
    assert triage.rule_out_lowest([1, 0, 0], [2, 2, 2], 1).workload_saved == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: triage.rule_out_lowest(TRUTH, SCORE, 60),
        lambda: triage.flag_top(TRUTH, SCORE, -0.1),
        lambda: triage.rule_out_at_sensitivity(TRUTH, SCORE, 99),
        lambda: triage.rule_out_below([0, 0], [1, 2], 1),
        lambda: triage.rule_out_below(TRUTH, SCORE, np.nan),
        lambda: triage.rule_out_below([1, 1], [1, 2], 1, prevalence=0.1),
        lambda: triage.rule_out_below([1, 0], [1, 2], 1, calls=[1]),
        lambda: triage.rule_out_below([1, 0], [1, 2], 1, calls=[1, 2]),
        lambda: triage.rule_out_below([1, 0], [1, 2], 1, weight=[0, 1]),
        lambda: triage.replace_second_reader(TRUTH, SCORE, 0.5, CALLS, consensus="third"),
    ],
)
def test_impossible_triage_is_refused(call):
    with pytest.raises(ConfigError):
        call()


@given(cases(), st.lists(shares, min_size=1, max_size=5), st.sampled_from([None, 0.1]))
def test_many_shares_at_once_are_what_each_alone_gives(data, wanted, prevalence):
    truth, score, _ = data
    found = triage.missed_among_lowest(truth, score, wanted, prevalence)
    alone = [triage.rule_out_lowest(truth, score, s, prevalence=prevalence) for s in wanted]
    assert found == pytest.approx([one.cancers_missed_share for one in alone])
