"""Whoever follows a citation arrives: `facts §6.2 #11`, `exactly-once §c`, `ADR 3` name what is in the repository."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    "facts": "docs/xero/facts.md",
    "libraries": "docs/explanation/libraries.md",
    "exactly-once": "docs/explanation/exactly-once.md",
}
_NAMED = {**{name: name for name in PAGES}, **{place: name for name, place in PAGES.items()}}
_SIGN = re.compile(r"(?:(?P<standard>RFC )?(?P<page>[\w./-]+) )?§(?P<section>\d+(?:\.\d+)*|[a-z](?![\w.]))?")
_ROWS = re.compile(r" #\d+(?:(?:-|, | and )#?\d+(?![\d.]|-\d))*| [A-H](?: and [A-H])?(?!\w)")
_PLACEHOLDER = re.compile(r"x\.y|[`\"'{\\]")  # `facts §x.y` in a sentence about citations, a pattern in a test
_DECISION = re.compile(r"\bADR (\d+)|\b[Dd]ecision (\d+)|\bdecisions/(\d{4})")
_PAGE = re.compile(r"[\w./-]*\w\.md\b")
_LOCKS = {f"requirements{kind}.txt" for kind in ("", "-dev", "-embedded", "-otel")}
_LEFT_OUT = {"tests/house/test_citations.py", *_LOCKS}
_TEXTS = (
    ".py",
    ".md",
    ".yml",
    ".yaml",
    ".toml",
    ".html",
    ".json",
    ".sh",
    ".php",
    ".example",
    ".lua",
    ".css",
    ".js",
    "",
)


@cache
def tracked() -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(listed.stdout.splitlines())


@cache
def sections(name: str) -> dict[str, set[str]]:
    """The sections of a page, and the numbers or letters of the rows and points of each."""
    found: dict[str, set[str]] = {}
    rows: set[str] = set()
    for line in (ROOT / PAGES[name]).read_text().splitlines():
        heading = re.match(r"#{2,} (?:(\d+(?:\.\d+)*|[a-z])\.? )?", line)
        if heading:
            rows = found.setdefault(heading[1], set()) if heading[1] else set()
        elif row := re.match(r"\| (\d+|[A-H]) \||(\d+)\. ", line):
            rows.add(row[1] or row[2])
    return found


def dead(text: str) -> Iterator[tuple[int, str]]:
    """Each citation that leads nowhere, with its line."""
    for number, line in enumerate(text.splitlines(), 1):
        page = "facts"
        for sign in _SIGN.finditer(line):
            if sign["standard"]:
                continue
            page = _NAMED.get(sign["page"] or "", page)
            rows = _ROWS.match(line, sign.end())
            cited = line[sign.start() : rows.end() if rows else sign.end()].strip()
            if sign["section"] is None:
                arrives = _PLACEHOLDER.match(line, sign.end()) is not None
            else:
                steps = sign["section"].isalpha()
                arrives = _is_there("exactly-once" if steps else page, sign["section"], rows[0] if rows else "")
            if not arrives or ((sign["page"] or "").endswith(".md") and sign["page"] not in _NAMED):
                yield number, cited
        for decision in _DECISION.finditer(line):
            prefix = f"docs/decisions/{int(decision[1] or decision[2] or decision[3]):04}-"
            if not any(path.startswith(prefix) for path in tracked()):
                yield number, decision[0]


def _is_there(page: str, section: str, rows: str) -> bool:
    known = sections(page)
    if section not in known:
        above, _, point = section.rpartition(".")
        return not rows and point in known.get(above, ())
    named = set(re.findall(r"\d+|[A-H]", rows))
    spans = re.findall(r"(\d+)-#?(\d+)", rows)
    named |= {str(one) for first, last in spans for one in range(int(first), int(last) + 1)}
    return named <= known[section]


def texts() -> Iterator[tuple[str, str]]:
    for name in tracked():
        path = ROOT / name
        if name not in _LEFT_OUT and path.suffix in _TEXTS and path.is_file():
            yield name, path.read_text(errors="replace")


def test_every_citation_leads_to_a_section_and_a_row_that_exist():
    assert [f"{name}:{line}: {cited}" for name, text in texts() for line, cited in dead(text)] == []


def test_every_page_that_code_names_is_in_the_repository():
    names = {Path(name).name for name in tracked() if name.endswith(".md")}
    lost = [
        f"{name}:{number}: {page}"
        for name, text in texts()
        if name.endswith(".py")
        for number, line in enumerate(text.splitlines(), 1)
        for page in _PAGE.findall(line)
        if not ((ROOT / page).exists() if page.startswith("docs/") else Path(page).name in names)
    ]
    assert lost == []


def test_pages_outside_the_repository_are_not_cited():
    outside = re.compile(
        r"\b(?:DESIGN|LIBRARIES|QUEUE[S])(?:\.md)?(?= §|[,)])|(?<!docs/)(?<!\()(?<!\.\./)\bxero/facts\.md"
    )
    lost = [
        f"{name}:{number}: {found[0]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := outside.search(line)) and not name.startswith("mkdocs")
    ]
    assert lost == []


def test_the_pages_have_their_sections():
    assert {"0", "1.1", "6.2", "9.3", "13"} <= sections("facts").keys()
    assert sections("facts")["6.2"] == {str(number) for number in range(1, 54)}
    assert sections("facts")["6.1"] == set("ABCDEFGH")
    assert set("abcdefghijkl") <= sections("exactly-once").keys()
    assert "3" in sections("libraries")


@pytest.mark.parametrize(
    "line",
    [
        "(facts §6.2 #1, §11.8, #2)", "(facts §6.2 #34-#39)", "(§6.2 #47-49)", "(docs/xero/facts.md §8, rounding)",
        "(facts §6.1 C and D)", "(facts §6.1 A)", "(RFC 9112 §9.6)", "(RFC 6265bis §4.1.3.2)", "`facts §x.y`",
        "(exactly-once §e, §f)", "(exactly-once §g, facts §2.2)", "(libraries §3)", "see ADR 3 and decision 11",
        "docs/decisions/0003-401-and-403-are-definite.md",
    ],
)  # fmt: skip
def test_these_arrive(line):
    assert list(dead(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "(facts §6.3)", "(facts §6.2 #54)", "(facts §6.2 #1, #99)", "(facts §6.2 #50-#60)", "(facts §14)", "(§99.1)",
        "(docs/xero/facts.md §3.9)", "(facts §6.2 A)", "(docs/explanation/fairness.md §2)", "(facts §11.12)",
        "(facts §9.1 #1)", "(libraries §10)",
        "(exactly-once §z)", "(libraries §40)", "(facts § 3.2)", "(facts §rounding)", "see ADR 99", "decision 77",
        "docs/decisions/0099-what-is-not-there.md", "(facts §5, libraries §77)",
    ],
)  # fmt: skip
def test_these_do_not(line):
    assert len(list(dead(f"\n{line}"))) == 1


def test_a_dead_citation_is_told_with_its_line():
    assert list(dead("one\ntwo (facts §6.2 #54)\n")) == [(2, "facts §6.2 #54")]
