"""A release, cut: `make release VERSION=0.2.0`, after `check` and `test`. It sends nothing anywhere.

The version is written wherever it stands, the changelog's “Unreleased” becomes that version's, today's contracts are
kept as those that a host may rely on, all that is one commit, and the tag `v0.2.0` carries the changelog's sentences.
"""

import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from reference import contracts

ROOT = Path(__file__).parents[1]
UNRELEASED = "## Unreleased\n"
# Where the version stands, with what stands before and after it.
PLACES: dict[str, str] = {
    "pyproject.toml": '\nversion = "{}"\n',
    "compose.yaml": "crewcard-xero:{}}}",
    "Dockerfile": "(crewcard-xero:{})",
    "deploy/kubernetes/base/web.yaml": "image: crewcard-xero:{}\n",
    "deploy/kubernetes/base/worker.yaml": "image: crewcard-xero:{}\n",
    "deploy/kubernetes/base/clock.yaml": "image: crewcard-xero:{}\n",
    "deploy/kubernetes/migrate/migrate.yaml": "image: crewcard-xero:{}\n",
    "deploy/kubernetes/overlays/production/kustomization.yaml": "newTag: {}}}",
    "docs/asyncapi.yaml": "\n  version: {}\n",
    "docs/openapi.json": '"version": "{}"\n',
}


class Refused(Exception):
    """No release is cut, and nothing was changed; says what to do."""


def present_version() -> str:
    """The version of pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def cut(version: str) -> None:
    """Write, commit and tag the release. Raises Refused before anything is written."""
    before = present_version()
    sentences = _sentences_of_the_release(version, before)
    texts = {place: (ROOT / place).read_text() for place in PLACES}
    if missing := [place for place, said in PLACES.items() if said.format(before) not in texts[place]]:
        raise Refused(f"{', '.join(missing)}: version {before} does not stand where PLACES says")
    for place, said in PLACES.items():
        (ROOT / place).write_text(texts[place].replace(said.format(before), said.format(version)))
    changelog = ROOT / "CHANGELOG.md"
    titled = f"{UNRELEASED}\n## {version} ({datetime.now(UTC):%Y-%m-%d})\n"
    changelog.write_text(changelog.read_text().replace(UNRELEASED, titled, 1))
    contracts.keep_release()
    _git("add", "--all")
    _git("commit", "--quiet", "--message", f"Release {version}")
    _git("tag", "--annotate", f"v{version}", "--cleanup=whitespace", "--message", f"{version}\n\n{sentences}")


def _sentences_of_the_release(version: str, before: str) -> str:
    """What the changelog says of it; raises Refused where a release cannot be cut now."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise Refused(f"name it like 0.2.0: make release VERSION=0.2.0 (the present one is {before})")
    if _number(version) < _number(before) or f"v{version}" in _git("tag", "--list").split():
        raise Refused(f"{version} is not newer than what there is ({before}, and the tags of `git tag`)")
    if _git("rev-parse", "--abbrev-ref", "HEAD").strip() != "main":
        raise Refused("releases are cut on main: git switch main")
    if _git("status", "--porcelain"):
        raise Refused("something is not committed: git status")
    _, _, after = (ROOT / "CHANGELOG.md").read_text().partition(UNRELEASED)
    sentences = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not sentences:
        raise Refused("CHANGELOG.md says nothing under “Unreleased”")
    return sentences


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)  # noqa: S603, S607  # a developer's tool
    if done.returncode:
        raise Refused(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout


def main() -> None:
    """The command: the version is its one word."""
    version = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        cut(version)
    except Refused as refused:
        sys.exit(f"No release: {refused}")
    sys.stdout.write(
        f"Release {version} is committed and tagged v{version} here. Next:\n"
        "  git push --follow-tags\n"
        f"  docker build --build-arg BUILD_ID=$(git rev-parse --short HEAD) --tag crewcard-xero:{version} .\n"
    )


if __name__ == "__main__":
    main()
