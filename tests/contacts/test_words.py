"""Every reason for which a contact is refused reads well, with real names in it, aloud to a bookkeeper."""

import re

import pytest

from events.contacts import ContactProblem

FACTS = {
    "client": "Crane & Co",
    "company": "Harbour Crew",
    "name": "ACME Ltd",
    "organisation": "Harbour Crew Ltd",
    "ours": "!AbC1",
    "page": "an invoice",
    "pasted": "ask Anna",
    "site": "example.com",
    "theirs": "!Zz9",
    "winner": "ACME Holdings",
    "winner_id": "5b96e86b-418e-48e8-8949-308c14aec278",
}


@pytest.mark.parametrize("problem", ContactProblem, ids=lambda problem: problem.code)
@pytest.mark.parametrize("facts", [FACTS, {}, {**FACTS, "company": "x" * 300}], ids=["known", "unknown", "long"])
def test_what_is_said_is_a_sentence_without_code_or_jargon(problem, facts):
    for said in (problem.message(facts), problem.remedy(facts)):
        assert not re.search(r"[{}_]|None|null|guid|uuid|http|json", said, re.IGNORECASE), said
    assert 0 < len(problem.message(facts)) <= 300
    assert problem.message(FACTS).endswith(".")
    assert problem.value.who in ("admin", "bookkeeper", "nobody")
    assert problem.value.title
