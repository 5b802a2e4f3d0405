"""Write every generated page: `python -m reference`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from reference import (
    catalogue_page,
    commands_page,
    events_page,
    failure_page,
    glossary,
    http_page,
    metrics_page,
    retention_page,
    settings_page,
)
from simulator import catalogue

ROOT = Path(__file__).parents[1]
PAGES: Mapping[str, Callable[[], str]] = {
    ".env.example": settings_page.example,
    "docs/failures.md": failure_page.page,
    "docs/operations/retention.md": retention_page.text,
    "docs/reference/commands.md": commands_page.text,
    "docs/reference/event-catalogue.md": catalogue_page.text,
    "docs/reference/events.md": events_page.text,
    "docs/reference/glossary.md": glossary.text,
    "docs/reference/http.md": http_page.text,
    "docs/reference/metrics.md": metrics_page.text,
    "docs/reference/settings.md": settings_page.text,
    "docs/simulator-messages.md": catalogue.page,
}


def main() -> None:
    """Write all of them."""
    for place, text in PAGES.items():
        (ROOT / place).write_text(text())


if __name__ == "__main__":
    main()
