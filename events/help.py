"""What a person reads about a failure."""

from dataclasses import dataclass
from typing import Literal

Who = Literal["clerk", "admin", "bookkeeper", "support", "nobody"]


@dataclass(frozen=True)
class Help:
    """What a person reads: `message` in one or two sentences, `who` can mend it, `how`.

    `by_itself` is true where the exporter tries again without anybody.
    """

    title: str
    message: str
    who: Who
    how: str
    by_itself: bool = False
