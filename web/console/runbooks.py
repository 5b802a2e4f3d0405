"""Runbooks: what to look at and what to do about an alert, as the docs have it, on a page that needs no network."""

import re
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markdown_it import MarkdownIt
from markupsafe import Markup

from web.console import rendering
from web.console.visitor import Looking, Missing

FOLDER = Path(__file__).parents[2] / "docs/operations/runbooks"
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)([^)]+)\)")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
router = APIRouter()


@router.get("/runbooks/{alert}")
def runbook_page(request: Request, visitor: Looking, alert: str) -> Response:
    """What to do about this alert. Raises Missing where there is none of that name."""
    pages = {page.stem: page for page in FOLDER.glob("*.md")}
    if alert not in pages:
        raise Missing(f"There is no runbook “{alert}”.")
    title, _, text = pages[alert].read_text("utf-8").partition("\n")
    shown = _MARKDOWN.render(_LINK.sub(lambda link: _within(link, pages), text))
    return rendering.page(request, visitor, "runbook", title=title.removeprefix("# "), text=Markup(shown))  # noqa: S704  # ours


def _within(link: re.Match[str], pages: dict[str, Path]) -> str:
    """A link to another runbook leads to its page; other pages of the docs are not here, and are named."""
    name = Path(link[2]).stem
    return f"[{link[1]}](/console/runbooks/{name})" if name in pages else f"{link[1]} (docs: {name})"
