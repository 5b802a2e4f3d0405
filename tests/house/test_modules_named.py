"""A module that a page or a docstring names is there: whoever follows the name arrives."""

import re
from pathlib import Path

from tests.house.test_citations import ROOT, tracked

_MODULE = re.compile(
    r"(?<![\w./])(?:worker|store|events|xero_adapter|web|cli|simulator|tests|benchmarks)(?:/[\w-]+)+(?:\.\w+)?"
)
_LEFT_OUT = ("CHANGELOG.md", "docs/contracts/", "docs/decisions/", "requirements")


def is_there(named: str) -> bool:
    place = ROOT / named
    stem = place.with_suffix("") if place.suffix else place
    return place.exists() or Path(f"{place}.py").exists() or Path(f"{stem}.py").exists()


def test_every_module_that_is_named_exists():
    gone = []
    for name in tracked():
        if not name.endswith((".md", ".py", ".yml", ".yaml", ".toml")) or name.startswith(_LEFT_OUT):
            continue
        text = (ROOT / name).read_text()
        gone += [f"{name}: {named}" for named in _MODULE.findall(text) if not is_there(named)]
    assert sorted(set(gone)) == []
