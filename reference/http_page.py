"""Every address of the web process: what it does, what it takes, what it answers."""

import inspect
from typing import Any

from fastapi import FastAPI

from reference.markdown import code, page
from web.main import ROUTERS

_ABOUT = """
Addresses under `/v1` are for hosts: each call carries the id of its key in `x-crewcard-key` and a signature over
method, path with query and the exact body, in the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`
([how](../doors.md#2-a-signature)). A refusal is problem+json (RFC 9457) with
`title`, `status` and `problems`: sentences, each of which names the field it is about.
"""


def text() -> str:
    """The page."""
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    paths = app.openapi()["paths"]
    calls = [(path, method, call) for path in sorted(paths) for method, call in sorted(paths[path].items())]
    return page("HTTP", _ABOUT, *(_section(*one) for one in calls))


def _section(path: str, method: str, call: dict[str, Any]) -> str:
    said = inspect.cleandoc(call.get("description", ""))
    asked = [code(one["name"]) for one in call.get("parameters", ()) if one["in"] == "query"]
    query = f"\n\nAsked with: {', '.join(asked)}." if asked else ""
    return f"## {method.upper()} {path}\n\n{said}{query}"
