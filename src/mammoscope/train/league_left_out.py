"""Why competitors are not in a league: what was said of each, told once for those alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALIKE = 0.75
"""Share of words in the same places that makes two sentences of one kind."""
_GAP = "…"


@dataclass(frozen=True)
class Reason:
    """One reason for several competitors.

    Attributes:
        sentence: with a gap for each word in which they differ.
        of: by a competitor's name, the words of its gaps in their order.
    """

    sentence: str
    of: dict[str, list[str]]


def reasons(not_trained: Sequence[Mapping[str, str]]) -> list[Reason]:
    """Group the sentences that differ in a name or an address only, the first one first.

    Args:
        not_trained: each with "name" and "why".
    """
    groups: list[list[tuple[str, list[str]]]] = []
    for row in not_trained:
        words = row["why"].split()
        group = next((one for one in groups if _alike(one[0][1], words)), None)
        if group is None:
            groups.append(group := [])
        group.append((row["name"], words))
    return [_reason(group) for group in groups]


def _alike(a: Sequence[str], b: Sequence[str]) -> bool:
    same = sum(x == y for x, y in zip(a, b, strict=False))
    return len(a) == len(b) and same >= ALIKE * len(a)


def _reason(group: Sequence[tuple[str, list[str]]]) -> Reason:
    places = list(zip(*(words for _, words in group), strict=True))
    gaps = [n for n, words in enumerate(places) if len(set(words)) > 1]
    sentence = [_gap(words[0]) if n in gaps else words[0] for n, words in enumerate(places)]
    of = {name: [words[n].rstrip(",;.") for n in gaps] for name, words in group}
    return Reason(" ".join(sentence), of)


def _gap(word: str) -> str:
    return _GAP + word[len(word.rstrip(",;.")) :]
