"""When a company has too much waiting to take more; pure. A person's single send is let in a little longer."""

_SINGLE_SHARE = 0.1
_SHORTEST, _LONGEST = 10.0, 3600.0
_INVOICES_PER_MINUTE = 3000  # 60 calls of 50 (facts §1.3)


class TooMuch(Exception):
    """The company has `pending` invoices waiting, where `most` are taken; ask again after `wait` seconds."""

    def __init__(self, company: str, pending: int, most: int, wait: int) -> None:
        super().__init__(
            f"data.invoices: {company} has {pending:,} invoices waiting, and more than {most:,} are not taken at a "
            f"time; nothing of this event was filed, send it again in {wait} seconds"
        )
        self.wait = wait


def objection(company: str, pending: int, most: int, *, single: bool) -> TooMuch | None:
    """Why no more is taken now, or None."""
    allowed = most * (1 + _SINGLE_SHARE) if single else most
    if pending < allowed:
        return None
    minutes = (pending - allowed + 1) / _INVOICES_PER_MINUTE
    return TooMuch(company, pending, most, int(min(_LONGEST, max(_SHORTEST, minutes * 60))))
