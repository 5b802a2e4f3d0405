"""The contracts, written: `python -m web.contracts` (`make contracts`); `--keep` keeps them as the release's."""

import json
import shutil
import sys
from pathlib import Path

from events import asyncapi, schemas
from web import openapi
from web.main import HOST_ROUTERS

DOCS = Path(__file__).parents[1] / "docs"
KEPT = DOCS / "contracts" / "v1"


def written() -> dict[str, str]:
    """Every file of the contracts, by its path in docs/."""
    import yaml  # noqa: PLC0415  # a developer's tool, not there in production

    files = {"openapi.json": _json(openapi.document(HOST_ROUTERS))}
    about = asyncapi.document(openapi.version())
    files["asyncapi.yaml"] = yaml.safe_dump(about, sort_keys=False, allow_unicode=True, width=118)
    for direction in ("in", "out"):
        for name in schemas.events_of(direction):
            files[f"schemas/{name}.json"] = _json(schemas.of_event(name, direction))
    return files


def write() -> None:
    """Write them all; what is no longer made goes."""
    shutil.rmtree(DOCS / "schemas", ignore_errors=True)
    (DOCS / "schemas").mkdir()
    for name, text in written().items():
        (DOCS / name).write_text(text)


def keep_release() -> None:
    """From now on these are what a change is compared with."""
    shutil.rmtree(KEPT, ignore_errors=True)
    shutil.copytree(DOCS / "schemas", KEPT / "schemas")
    shutil.copy(DOCS / "openapi.json", KEPT / "openapi.json")


def _json(document: schemas.Json) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    write()
    if "--keep" in sys.argv[1:]:
        keep_release()
