"""Publish a file of invoices: python publish.py COMPANY REQUEST FILE [INVOICE ID]."""

import json
import os
import sys
from pathlib import Path

from events.invoice import Invoice
from events.publisher import NotAccepted, NotReached, Publisher
from events.snapshot import Person


def main(company: str, request: str, file: str, only: str = "") -> None:
    """Send them, and say what the door answered."""
    publisher = Publisher(
        os.environ["CREWCARD_XERO_URL"], os.environ["CREWCARD_XERO_KEY"], os.environ["CREWCARD_XERO_SECRET"]
    )
    found = [Invoice.model_validate(one) for one in json.loads(Path(file).read_text())]
    invoices = [one for one in found if only in ("", one.id)]
    try:
        accepted = publisher.export(company, request, invoices, requested_by=Person(id="anna"))
    except (NotAccepted, NotReached) as refused:
        sys.exit(str(refused))
    print(f"{sum(one.invoices for one in accepted)} on their way")


if __name__ == "__main__":
    main(*sys.argv[1:])
