"""What an order to erase or to remove is asked before, and why it is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LONGEST_WHY = 255


class ErasureRefused(Exception):
    """Nothing is erased; the text says why, and what to do first."""


@dataclass(frozen=True)
class ErasurePreview:
    """What would go: counts by what it is, and `objections`, sentences that each say what to do first."""

    counts: Mapping[str, int]
    objections: Sequence[str] = ()

    def must_be_free(self) -> None:
        """Raises ErasureRefused with all that is objected to."""
        if self.objections:
            raise ErasureRefused(" ".join(self.objections))


def reason_given(why: str) -> str:
    """The reason, in a length that is kept. Raises ErasureRefused where there is none."""
    if not why.strip():
        raise ErasureRefused("Say why: the reason is kept in the audit.")
    return why.strip()[:LONGEST_WHY]


def letters_first(numbers: Sequence[int]) -> list[str]:
    """Why open unreadable messages come first."""
    if not numbers:
        return []
    some = ", ".join(str(one) for one in numbers[:5])
    more = f" and {len(numbers) - 5} more" if numbers[5:] else ""
    return [f"Unreadable messages may be about it: {some}{more}. Mend and replay them, or discard them, first."]
