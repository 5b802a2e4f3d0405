"""The events of a company's settings: a change is asked for, and answered once."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from events.people import Person
from events.settings import CompanySettings, SettingsPatch
from events.snapshot import Event, Id, Incoming


def _said(patch: SettingsPatch) -> SettingsPatch:
    if not patch.model_fields_set:
        raise PydanticCustomError("nothing_named", "must name a setting")
    return patch


class CompanySettingsChanged(Incoming):
    """In: an admin changed these settings; they count once `company.settings.updated` says so."""

    TYPE: ClassVar[str] = "company.settings.changed"

    settings: Annotated[SettingsPatch, AfterValidator(_said)]
    requested_by: Person


class CompanySettingsUpdated(Event):
    """Out: the company's settings from now on, and which of them were changed."""

    TYPE: ClassVar[str] = "company.settings.updated"

    company: Id
    settings: CompanySettings
    changed: tuple[str, ...]
    changed_by: str
    changed_at: datetime


class CompanySettingsRejected(Event):
    """Out: nothing was changed; each problem is a sentence with the choices there are."""

    TYPE: ClassVar[str] = "company.settings.rejected"

    company: Id
    problems: tuple[str, ...]
