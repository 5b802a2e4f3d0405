"""What is too long for its place ends with a whole sentence and the count of the rest."""

import pytest

from events import wording

TEN = [f"Sentence {number}." for number in range(10)]


@pytest.mark.parametrize(
    ("sentences", "most", "between", "told"),
    [
        ([], 100, " ", ""),
        (TEN[:2], 100, " ", "Sentence 0. Sentence 1."),
        (TEN, 36, " ", "Sentence 0. Sentence 1. And 8 more."),
        (TEN, 36, "; ", "Sentence 0.; Sentence 1.; and 8 more"),
        (TEN, 119, " ", " ".join(TEN)),
        (TEN, 118, " ", " ".join([*TEN[:8], "And 2 more."])),
        (["A very long one."], 8, " ", "A very…"),
        (["A very long one.", "Another."], 20, " ", "A very… And 1 more."),
    ],
)
def test_whole_sentences_are_told_and_the_rest_counted(sentences, most, between, told):
    assert wording.whole(sentences, most, between) == told
    assert len(told) <= most
