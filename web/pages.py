"""Pages for people, rendered here: no scripts, nothing from elsewhere, never kept by a browser."""

from pathlib import Path
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from web.console.rendering import static

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["static"] = static
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def page(template: str, status: int = 200, goes_on_to: str = "", **facts: object) -> HTMLResponse:
    """A rendered page. Its form may be answered by a redirect to `goes_on_to`.

    Browsers hold every further redirect against the policy too (CSP form-action), and those of Xero or of a host are
    not ours to know: over https any site is let through.
    """
    parts = urlsplit(goes_on_to)
    further = " https:" if parts.scheme == "https" else f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    policy = {"content-security-policy": _POLICY.replace("form-action 'self'", f"form-action 'self'{further}")}
    html = _TEMPLATES.get_template(f"{template}.html").render(**facts)
    return HTMLResponse(html, status, headers=_HEADERS | policy)
