"""The first page of the morning: what needs a person, and how things go."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import alerts
from store.overview import overview
from web.console import rendering
from web.console.visitor import Looking
from worker.tools import Tools

router = APIRouter()


@router.get("")
def look(request: Request, visitor: Looking) -> Response:
    """The installation at a glance."""
    tools: Tools = request.app.state.tools
    with tools.store.read() as work:
        return rendering.page(
            request, visitor, "overview", work.now, glance=overview(work), alerts=alerts.newest(work, most=10)
        )
