"""What is kept is said of every table, and what is said is so: a new table without a row fails here."""

from sqlmodel import SQLModel

from events.erased import ERASED, without_texts
from events.examples import document
from events.outgoing import OUTGOING
from reference import retention_page
from store import pruning
from store.kept_data import KEPT
from store.tables import Export
from worker import pruner
from worker.settings import Settings

# Events that are about no client: they are never erased.
OTHERS = ("audit.checked", "company.settings", "database.restored", "webhook.tested", "xero.connection")


def test_every_table_has_one_row():
    named = [one.table.__tablename__ for one in KEPT]
    assert sorted(named) == sorted(SQLModel.metadata.tables)


def test_a_table_of_companies_goes_with_its_company_or_says_what_becomes_of_it():
    for one in KEPT:
        columns = one.table.__table__.c
        assert one.removed != "company" or "company" in columns, one.table
        assert all((one.removed, one.erased, one.readers, one.what)), one.table
        if "company" in columns and one.removed != "company":
            assert one.table is Export or len(one.removed) > 3, one.table


def test_how_long_is_said_by_the_rule_of_the_pruner_or_in_words():
    rules = {one.pruned for one in KEPT if one.pruned}
    assert rules - {"events_out"} == set(pruning.RULES)
    assert [one.table for one in KEPT if not one.pruned and not one.kept] == []
    assert set(pruner.SHORT_LIVED) <= set(pruning.RULES)
    assert "RETENTION_DAYS" in retention_page.how_long(next(one for one in KEPT if one.pruned == "batches"))
    assert Settings.model_fields["retention_days"].description


def texts(value):
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def test_an_erased_event_is_as_valid_as_before_and_no_sentence_of_it_is_left():
    for type_, model in OUTGOING.items():
        if type_.startswith(OTHERS):
            continue
        data = document(type_)["data"]
        bare = without_texts(data)
        model.model_validate(bare)
        assert [text for text in texts(bare) if " " in text and text != ERASED] == [], type_
        assert {
            name: bare[name] for name in ("company", "invoice", "number", "reason", "marker") if name in data
        } == {name: data[name] for name in ("company", "invoice", "number", "reason", "marker") if name in data}
        assert without_texts(bare) == bare
