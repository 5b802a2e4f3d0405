"""One's own sessions: listed, and ended."""

from collections.abc import Sequence

from store import audit, users
from store.tables import UserSession
from store.users import Whose
from worker.tools import Tools
from worker.users import signing_in
from worker.users.signing_in import SignInPlace


def of_user(tools: Tools, user: str) -> Sequence[UserSession]:
    """The user's sessions that go on, the one used last first."""
    with tools.store.read() as work:
        return users.sessions_of(work, user, signing_in.idle_seconds(tools))


def end(tools: Tools, whose: Whose, session: str, place: SignInPlace) -> int:
    """End this session of the user's own, or all but theirs where none is named; gives how many."""
    with tools.store.write() as work:
        if session:
            ended = users.end_one(work, whose.user.id, session)
        else:
            ended = users.end_others(work, whose.user.id, whose.session.id)
        if ended:
            said = {"which": "one" if session else "all others", "address": place.address}
            audit.note(work, whose.user.id, "sessions ended", "", said, ended, "")
    return ended
