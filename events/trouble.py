"""Trouble with a whole call to the accounting system."""

from typing import Literal

Effect = Literal["not_sent", "limited", "needs_login", "refused", "offline", "unknown"]


class Trouble(Exception):
    """A whole call went wrong.

    `effect` says what became of it: `not_sent`, `limited` (429), `needs_login` and `refused` (in a way that does not
    prove yet that a person must log in) certainly did nothing, `offline` and `unknown` may have. `wait` is
    seconds Xero asks us to wait. `problem` says what a person has to mend before anything goes on, or, of `refused`,
    would have to if it lasts (a code of `events.connections`).
    """

    def __init__(
        self,
        effect: Effect,
        message: str,
        *,
        wait: float | None = None,
        limit: str | None = None,
        status: int | None = None,
        correlation_id: str | None = None,
        problem: str | None = None,
    ) -> None:
        super().__init__(message)
        self.effect = effect
        self.message = message
        self.wait = wait
        self.limit = limit
        self.status = status
        self.correlation_id = correlation_id
        self.problem = problem
