"""Names: one meaning each, the field's words; a word of our own stands in the glossary."""

import ast
import re
import subprocess
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from reference.glossary import GLOSSARY

ROOT = Path(__file__).parents[2]
ROOMS = ("cli", "events", "store", "web", "worker", "xero_adapter")
FILES = subprocess.run(
    ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split()
SERVICE = [name for name in FILES if name.partition("/")[0] in ROOMS]
# These say of what, and are read with it: `Lane.of(key)`, `Reason.of(code)`, `store.read()`, `output.say(line)`.
BARE = {"look", "read", "of", "told", "give", "listed", "say", "some", "one", "go", "keep", "add_all"}
MOST_BARE = 5
# Words of our own that the glossary must explain, and words that went: nobody has to learn them.
OURS = """adopt breaker doorbell drift duty feed fence freeze guard hold lane lease mark marker outbox pace parked
permit picture probe pruner reconciler relay replay rescuer ring settle stamp sweep tend thaw turn uncertain"""
GONE = """beside glance standing_still clockwork desk likeness foretelling foreseeing stumbled giving knock
stretch manner carrying_out pointing behind keeping judging asking coming placing filing requesting
letters measures stories backlog forgotten doors_out regrouping parking tickets overwriting exporter
sending delivering posting wire looking planning overall"""


@cache
def tree(name):
    return ast.parse((ROOT / name).read_text())


def definitions(kinds):
    for name in SERVICE:
        for node in ast.walk(tree(name)):
            if isinstance(node, kinds):
                yield name, node.name


def test_no_two_classes_have_one_name():
    where = defaultdict(list)
    for file, name in definitions(ast.ClassDef):
        where[name.lstrip("_")].append(file)
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


def test_functions_say_what_they_do():
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    bare = Counter(f"{file} {name}" for file, name in definitions(functions) if name.lstrip("_") in BARE)
    assert sum(bare.values()) <= MOST_BARE, sorted(bare)


@pytest.mark.parametrize("word", OURS.split())
def test_a_word_of_ours_is_in_the_glossary(word):
    assert word in {term.word for term in GLOSSARY}


def test_no_module_is_called_by_a_word_that_went():
    gone = set(GONE.split())
    assert [name for name in SERVICE if Path(name).stem in gone] == []


def test_log_lines_end_in_words_that_are_searched_for():
    odd = re.compile(r'"[a-z_]+\.(stumbled|met_trouble|turned_away|apart|parted)"')
    assert [name for name in SERVICE if odd.search((ROOT / name).read_text())] == []


def test_the_glossary_has_each_word_once_in_order_and_explains_it():
    words = [term.word for term in GLOSSARY]
    assert words == sorted(set(words), key=str.casefold)
    assert [term.word for term in GLOSSARY if not re.fullmatch(r"[A-Z].{15,}\.", term.sentence)] == []
