"""A file of companies: `crewcard-xero companies import FILE` sets up those that are not set up yet."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from cli import common, output
from events.snapshot import HostId, ShortText
from events.unreadable import sentences
from store.connections import AnotherKind, AnotherSecret
from worker.connections import apps
from worker.connections.apps import CompanySetup, SetupRefused
from worker.decisions import tables
from worker.decisions.refusals import LoginRefused
from worker.decisions.rights import Effect
from worker.decisions.tables import NoTable
from worker.tools import Tools

_COLUMNS = ("company", "name", "target", "client_id", "client_secret", "scopes")


class CompanyRow(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    company: HostId
    name: ShortText = ""
    target: ShortText = ""
    client_id: ShortText = ""
    client_secret: ShortText = ""
    scopes: ShortText = ""


def import_(file: Path, by: str, *, yes: bool, as_json: bool) -> None:
    """Say what is left to do, ask, do it; ends with 1 when a line had a mistake."""
    tools, mistakes = common.ready(), dict[str, str]()
    wanted = _wanted(file, mistakes)
    givers = {
        place: common.must_be_allowed(tools, by, Effect.COMPANIES, one.company) for place, one in wanted.items()
    }
    planned = {place: steps for place, one in wanted.items() if (steps := _steps(tools, place, one, mistakes))}
    if not as_json:
        for place, steps in planned.items():
            output.say(f"{wanted[place].company}: {', '.join(steps)}")
        _warn(mistakes)
    if planned:
        common.confirm(f"Set up {_companies(len(planned))}?", yes=yes)
    before = set(mistakes)
    done = _set_up(tools, {place: wanted[place] for place in planned}, givers, mistakes)
    same = [one.company for place, one in wanted.items() if place not in planned and place not in mistakes]
    told = f"{_companies(len(done))} set up, {len(same)} were so before."
    more = ["Next, for each: crewcard-xero connect COMPANY"] if done else []
    output.result({"done": done, "before": same, "mistakes": mistakes}, told, *more, as_json=as_json)
    if not as_json:
        _warn({place: said for place, said in mistakes.items() if place not in before})
    raise typer.Exit(1 if mistakes else 0)


def _set_up(
    tools: Tools, planned: Mapping[str, CompanySetup], givers: Mapping[str, str], mistakes: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """What was done, by company; what could not be is among the mistakes, and holds back no other."""
    done = {}
    for place, setup in planned.items():
        try:
            done[setup.company] = apps.set_up(tools, setup, givers[place])
        except (SetupRefused, LoginRefused, AnotherKind) as refused:
            mistakes[place] = str(refused)
        except AnotherSecret:
            mistakes[place] = "Another company uses this app, with another secret."
    return done


def _wanted(file: Path, mistakes: dict[str, str]) -> Mapping[str, CompanySetup]:
    """Each company and the line it stands at; lines that say none, or one again, go to the mistakes."""
    found: dict[str, CompanySetup] = {}
    lines: dict[str, int] = {}
    try:
        for number, said, wrong in _lines(file):
            place = f"{file.name}:{number}"
            try:
                row = CompanyRow.model_validate({} if wrong else said)
            except ValidationError as broken:
                mistakes[place] = wrong or "; ".join(sentences(broken, _COLUMNS))
                continue
            if row.company in lines:
                mistakes[place] = f"{row.company} stands in line {lines[row.company]} already"
                continue
            lines[row.company] = number
            found[place] = CompanySetup(**row.model_dump())
    except NoTable as broken:
        output.fail(f"{file.name}:{broken.line}: {broken}", 2)
    return found


def _lines(file: Path) -> Iterator[tuple[int, Any, str]]:
    """Each line's number, what it says by column, and what is wrong with it as a line. Raises NoTable."""
    decoded = tables.decoded(file.read_bytes())
    if not decoded.text.lstrip().startswith("{"):
        for row in tables.opened(decoded.text, _COLUMNS, ("company",), "companies").rows:
            yield row.line, row.cells, row.ragged
        return
    for number, line in enumerate(decoded.text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line), ""
            except (ValueError, RecursionError):
                yield number, {}, "this line is no JSON"


def _steps(tools: Tools, place: str, wanted: CompanySetup, mistakes: dict[str, str]) -> tuple[str, ...]:
    try:
        return apps.setup_steps(tools, wanted)
    except SetupRefused as refused:
        mistakes[place] = str(refused)
        return ()


def _companies(number: int) -> str:
    return f"{number} {'company' if number == 1 else 'companies'}"


def _warn(mistakes: Mapping[str, str]) -> None:
    for place, mistake in mistakes.items():
        output.warn(f"Not set up: {place}: {mistake}")
