"""The web server, with one thing more than usual: a handler can cut the connection off."""

from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CuttableProtocol(HttpToolsProtocol):
    """Puts the connection's transport into the scope, so that a fault can drop it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope["transport"] = self.transport
            await inner(scope, receive, send)

        self.app = with_transport


def config(app: Any, host: str, port: int) -> uvicorn.Config:
    """How the simulator is served."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=CuttableProtocol,
        interface="asgi3",
        lifespan="off",
        ws="none",
        proxy_headers=False,
        log_level="error",
        access_log=False,
    )
