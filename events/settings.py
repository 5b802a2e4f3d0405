"""What a company chooses about its exports."""

from typing import Annotated, Literal

from pydantic import Field

from events.snapshot import Snapshot, Text


class CompanySettings(Snapshot):
    """Defaults for lines that name no account or tax, the status invoices arrive in, days until due."""

    default_account_code: Annotated[Text, Field(max_length=10)] | None = None
    default_tax_type: Annotated[Text, Field(max_length=50)] | None = None
    invoice_status: Literal["DRAFT", "SUBMITTED", "AUTHORISED"] = "AUTHORISED"
    days_until_due: Annotated[int, Field(ge=0, le=365)] | None = None
    contact_ids_editable: bool = False
