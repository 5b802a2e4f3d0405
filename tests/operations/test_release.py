"""A release, cut in a copy of this tree: what it writes, commits and tags, and what it refuses."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reference import release

ROOT = Path(__file__).parents[2]
NEXT = "77.0.1"


def git(folder, *words):
    words = ["git", "-C", folder, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", *words]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def tree(tmp_path):
    """The working tree as a repository of its own, committed on main."""
    files = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, files):
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "config", "user.name", "Ann")
    git(tmp_path, "config", "user.email", "ann@example.com")
    say_in_the_changelog(tmp_path, "- Something is better.\n")
    return tmp_path


def say_in_the_changelog(tree, sentence):
    changelog = tree / "CHANGELOG.md"
    before, title, _ = changelog.read_text().partition(release.UNRELEASED)
    changelog.write_text(f"{before}{title}\n{sentence}\n## 0.0.1 (2026-01-01)\n\n- Older.\n")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "as it is")


def cut(tree, *words):
    command = [sys.executable, "-m", "reference.release", *words]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_a_release_is_one_commit_and_one_tag_with_the_version_everywhere(tree):
    done = cut(tree, NEXT)
    assert done.returncode == 0, done.stderr
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "log", "-1", "--format=%s") == f"Release {NEXT}\n"
    assert git(tree, "rev-list", "--count", "HEAD") == "2\n"
    assert "- Something is better." in git(tree, "tag", "--list", f"v{NEXT}", "--format=%(contents)")
    assert "Older" not in git(tree, "tag", "--list", f"v{NEXT}", "--format=%(contents)")
    for place, said in release.PLACES.items():
        assert said.format(NEXT) in (tree / place).read_text(), place
        assert said.format(release.present_version()) not in (tree / place).read_text(), place
    changelog = (tree / "CHANGELOG.md").read_text()
    assert changelog.index(release.UNRELEASED) < changelog.index(f"## {NEXT} (20") < changelog.index("Something is")
    assert (tree / "docs/contracts/v1/openapi.json").read_text() == (tree / "docs/openapi.json").read_text()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "name it like 0.2.0"),
        (("1.0",), "name it like 0.2.0"),
        (("0.0.9",), "0.0.9 is not newer than what there is"),
    ],
)
def test_a_version_that_is_none_or_none_to_come_is_refused(tree, words, why):
    refused(tree, cut(tree, *words), why)


def test_a_tag_is_never_given_twice(tree):
    git(tree, "tag", f"v{NEXT}")
    refused(tree, cut(tree, NEXT), f"{NEXT} is not newer")


def test_what_is_not_committed_is_no_part_of_a_release(tree):
    (tree / "README.md").write_text("half done")
    refused(tree, cut(tree, NEXT), "something is not committed", changed=True)


def test_another_branch_than_main_is_refused(tree):
    git(tree, "switch", "--quiet", "--create", "mine")
    refused(tree, cut(tree, NEXT), "releases are cut on main")


def test_a_release_of_which_the_changelog_says_nothing_is_refused(tree):
    say_in_the_changelog(tree, "")
    refused(tree, cut(tree, NEXT), "CHANGELOG.md says nothing")


def test_a_place_where_the_version_is_missing_stops_it_before_anything_is_written(tree):
    compose = tree / "compose.yaml"
    compose.write_text(
        compose.read_text().replace(f"crewcard-xero:{release.present_version()}", "crewcard-xero:latest")
    )
    git(tree, "commit", "--quiet", "--all", "--message", "latest")
    refused(tree, cut(tree, NEXT), "compose.yaml: version")


def refused(tree, done, why, *, changed=False):
    assert (done.returncode, done.stdout) == (1, "")
    assert "No release: " in done.stderr
    assert why in done.stderr
    assert bool(git(tree, "status", "--porcelain")) is changed
    assert git(tree, "log", "-1", "--format=%s") != f"Release {NEXT}\n"
