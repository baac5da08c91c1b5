from __future__ import annotations

from mammoscope.train.league_left_out import reasons

DOWNLOAD = (
    "ImageNet weights of {0} cannot be downloaded here; fetch https://example.org/{0}.pth "
    "elsewhere and put it at ~/{0}.pth, or give its path as weights."
)


def rows(*told: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "why": why} for name, why in told]


def test_sentences_that_differ_in_a_name_are_told_once() -> None:
    (one,) = reasons(rows(*((n, DOWNLOAD.format(n)) for n in ("alexnet", "vgg16"))))
    assert one.sentence == (
        "ImageNet weights of … cannot be downloaded here; fetch … elsewhere and put it at …, "
        "or give its path as weights."
    )
    assert one.of["vgg16"] == ["vgg16", "https://example.org/vgg16.pth", "~/vgg16.pth"]


def test_the_same_sentence_needs_no_gaps() -> None:
    (one,) = reasons(rows(("a", "It is too large."), ("b", "It is too large.")))
    assert (one.sentence, one.of) == ("It is too large.", {"a": [], "b": []})


def test_other_reasons_stand_apart_in_their_order() -> None:
    told = rows(("a", DOWNLOAD.format("a")), ("b", "Memory ran out."), ("c", DOWNLOAD.format("c")))
    first, second = reasons(told)
    assert list(first.of) == ["a", "c"]
    assert (second.sentence, list(second.of)) == ("Memory ran out.", ["b"])


def test_nothing_left_out_gives_no_reason() -> None:
    assert reasons([]) == []
