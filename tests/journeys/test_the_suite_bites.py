"""The suite bites: each safety taken out turns a named test red."""

import uuid
from types import SimpleNamespace

import pytest

from tests.journeys import test_promise_1_never_twice as promise_1
from tests.journeys import test_promise_2_never_lost as promise_2
from tests.rooms import test_store
from worker.export import freezing, recovery
from worker.export.recovery import LookedUp

RED = (AssertionError, KeyError)


def test_without_the_look_up_a_lost_reply_turns_red(on_sqlite, monkeypatch):
    monkeypatch.setattr(recovery, "ask", lambda *_: LookedUp())
    with pytest.raises(RED):
        promise_1.test_a_reply_lost_after_xero_committed_is_adopted_not_sent_again(on_sqlite)


def test_with_the_old_key_used_again_a_call_that_never_arrived_turns_red(on_sqlite, monkeypatch):
    monkeypatch.setattr(freezing, "uuid", SimpleNamespace(uuid4=lambda: uuid.UUID(int=7)))
    with pytest.raises(RED):
        promise_1.test_a_call_that_never_arrived_is_sent_again_with_a_new_key(on_sqlite)


def test_without_the_fence_a_late_worker_turns_red(on_sqlite, monkeypatch):
    from sqlmodel import col, update

    from store import batches
    from store.tables import Batch

    def unfenced(work, hold, _from_state, **changes):
        return bool(work.session.exec(update(Batch).where(col(Batch.id) == hold.batch_id).values(**changes)).rowcount)

    monkeypatch.setattr(batches, "move", unfenced)
    with pytest.raises(RED):
        promise_2.test_a_late_worker_writes_nothing(on_sqlite)
    with pytest.raises(RED):
        test_store.test_a_fence_lets_nobody_through_with_an_old_token_or_state(on_sqlite)


def test_with_the_mark_ignored_adoption_turns_red(on_sqlite, monkeypatch):
    monkeypatch.setattr(recovery, "is_ours", lambda *_args, **_kwargs: False)
    with pytest.raises(RED):
        promise_1.test_a_reply_lost_after_xero_committed_is_adopted_not_sent_again(on_sqlite)


def test_with_everything_taken_for_ours_somebody_elses_invoice_turns_red(on_sqlite, monkeypatch):
    monkeypatch.setattr(recovery, "is_ours", lambda *_args, **_kwargs: True)
    with pytest.raises(RED):
        promise_1.test_a_number_that_somebody_used_in_xero_is_never_overwritten(on_sqlite)
