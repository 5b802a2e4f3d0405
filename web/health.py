"""Is it alive, is it ready: `/healthz` for the process, `/readyz` for what it needs."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import text

from store import migrate
from worker.tools import Tools

router = APIRouter()


@router.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
def ready(request: Request) -> Response:
    """Database and Redis answer; without Redis the doors still accept, so that alone is no refusal."""
    tools: Tools = request.app.state.tools
    found = {"database": _database(tools), "redis": _redis(tools)}
    return JSONResponse(found, 200 if found["database"] == "ok" else 503)


def _database(tools: Tools) -> str:
    try:
        with tools.store.read() as work:
            at = work.session.connection().execute(text("SELECT version_num FROM alembic_version")).scalar()
    except Exception as lost:
        return f"not reachable ({type(lost).__name__})"
    return "ok" if at == migrate.newest() else "not migrated: run crewcard-xero migrate"


def _redis(tools: Tools) -> str:
    try:
        tools.redis.ping()
    except Exception as lost:
        return f"not reachable ({type(lost).__name__})"
    return "ok"
