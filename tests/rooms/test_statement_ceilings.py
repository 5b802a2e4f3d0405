"""What a click and a turn ask of PostgreSQL, in statements: a ceiling that may only go down."""

import contextlib

import pytest
from sqlalchemy import event

from tests import machines
from tests.builders import an_invoice, invoices
from worker.export import rescuer

# Lower them when there are fewer; who needs more finds what can be written together instead. A slow machine asks some
# things once more (5 statements, once, of one turn), so there is room in them; `make bench-check` counts exactly.
A_CLICK = 45
A_TURN_OF_FIFTY = 29
A_SWEEP_WITH_NOTHING_DUE = 15


@pytest.fixture
def on_postgres(make_installation, kept_postgres):
    machines.empty(kept_postgres)
    made = make_installation(kept_postgres)
    made.company()
    return made


@contextlib.contextmanager
def counted(installation):
    """The statements that are executed meanwhile; those that begin and end transactions are no part of them."""
    found = []

    @event.listens_for(installation.store.engine, "before_cursor_execute")
    def count(_connection, _cursor, statement, *_):
        found.append(statement)

    yield found
    event.remove(installation.store.engine, "before_cursor_execute", count)


def click(installation, number):
    installation.ask(an_invoice(f"c{number}"), request=f"click-{number}", mode="single")
    installation.run()
    installation.relay()


def test_a_click_from_the_door_to_the_feed(on_postgres):
    click(on_postgres, 1)  # what is asked once per process and company
    on_postgres.later(600)  # nothing that was just noted is fresh any more
    with counted(on_postgres) as found:
        click(on_postgres, 2)
    assert len(found) <= A_CLICK, len(found)


def test_a_turn_of_fifty(on_postgres):
    click(on_postgres, 1)
    on_postgres.ask(*invoices(50), request="bulk")
    on_postgres.later(600)
    with counted(on_postgres) as found:
        on_postgres.run()
    assert len(found) <= A_TURN_OF_FIFTY, len(found)


def test_a_sweep_with_nothing_due(on_postgres):
    click(on_postgres, 1)
    rescuer.sweep(on_postgres.tools, "clock")
    with counted(on_postgres) as found:
        rescuer.sweep(on_postgres.tools, "clock")
    assert len(found) <= A_SWEEP_WITH_NOTHING_DUE, len(found)
