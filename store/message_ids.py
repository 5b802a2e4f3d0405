"""Ids of signed requests that may be carried out once: in the database, so that no restart of Redis forgets them."""

import hashlib

from store import statements
from store.tables import MessageId
from store.unit_of_work import Work

# A signature is good five minutes before and after its time; the rest is for clocks that differ.
REMEMBERED_SECONDS = 3600.0


def is_new(work: Work, key_id: str, message_id: str) -> bool:
    """Note that this key came with this id; False where it had before. Of several at once one alone is new."""
    row = {
        "key_id": key_id,
        "fingerprint": hashlib.sha256(message_id.encode()).hexdigest(),
        "ends_at": work.after(REMEMBERED_SECONDS),
    }
    return bool(statements.insert_new_keys(work, MessageId, [row], "key_id", "fingerprint"))
