"""What is the matter with the database, by what it, its driver or its pool raised."""

from typing import Literal

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

Trouble = Literal["away", "busy", "crowded", "full", "locked", "read_only"]
# SQLSTATE: PostgreSQL's documentation, appendix A.
_TROUBLES: dict[str, Trouble] = {
    "25006": "read_only",  # read_only_sql_transaction: default_transaction_read_only, or a standby
    "25P03": "busy",  # idle_in_transaction_session_timeout
    "25P04": "busy",  # transaction_timeout
    "40001": "locked",  # serialization_failure
    "40P01": "locked",  # deadlock_detected
    "53100": "full",  # disk_full
    "53300": "crowded",  # too_many_connections
    "55P03": "locked",  # lock_not_available
    "57014": "busy",  # query_canceled: statement_timeout, or somebody's hand
}
DATABASE_SAYS: dict[Trouble, str] = {
    "away": "it does not answer",
    "busy": "it takes too long",
    "crowded": "it has no connection free",
    "full": "it has no room left",
    "locked": "somebody holds a lock",
    "read_only": "it is read-only",
}
_SQLITE_TROUBLES: dict[str, Trouble] = {
    "SQLITE_READONLY": "read_only",
    "SQLITE_FULL": "full",
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
}


class NoRoom(Exception):
    """Where the database's file is, nothing can be added, though the database has not met it yet."""


def trouble_of(error: BaseException) -> Trouble | None:
    """What is the matter with the database, by what it or its pool raised; None where it is not to blame.

    `busy`: a statement took too long; `crowded`: no connection is free; `away`: anything else it does not work for.
    """
    if isinstance(error, NoRoom):
        return "full"
    if isinstance(error, PoolTimeout):
        return "crowded"
    if not isinstance(error, DBAPIError):
        return None
    named = getattr(error.orig, "sqlite_errorname", "")
    found = _TROUBLES.get(getattr(error.orig, "sqlstate", None) or "") or next(
        (trouble for name, trouble in _SQLITE_TROUBLES.items() if named.startswith(name)), None
    )
    return found or ("away" if isinstance(error, OperationalError | InterfaceError) else None)
