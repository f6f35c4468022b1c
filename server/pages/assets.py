"""What lies under `static`, served from memory: pages, styles, scripts and pictures.

A browser asks each time whether its copy is still right, and is told 304. No page runs a script
or shows a style that is not a file of ours, nor asks another host for anything.
"""

from __future__ import annotations

import gzip
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",  # the WebSocket of the same host too
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


class Asset:
    """A body that does not change, packed once."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self.body = body
        self.packed = gzip.compress(body, mtime=0)
        self.media_type = media_type
        self.tag = sha256(body).hexdigest()[:32]

    def answer(self, request: Request) -> Response:
        takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
        tag = f'"{self.tag}-gzip"' if takes_gzip else f'"{self.tag}"'
        headers = {**HEADERS, "ETag": tag}
        if knows(request, tag):
            return Response(status_code=304, headers=headers)
        if takes_gzip:
            headers["Content-Encoding"] = "gzip"
        body = self.packed if takes_gzip else self.body
        return Response(body, media_type=self.media_type, headers=headers)


class Assets:
    """`page` answers with one file; the routes give all of them, and the client."""

    def __init__(self) -> None:
        files = [path for path in STATIC.rglob("*") if path.is_file()]
        self.all = {path.relative_to(STATIC).as_posix(): read(path) for path in files}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/client.js", self.client),
            Route("/static/{name:path}", self.file),
        ]

    async def client(self, request: Request) -> Response:
        """The browser client, as one ES module, for pages of other hosts too."""
        response = self.page(request, "client.js")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    async def file(self, request: Request) -> Response:
        return self.page(request, request.path_params["name"])

    def page(self, request: Request, name: str) -> Response:
        """The file under `static` that has this name; 404 when there is none."""
        asset = self.all.get(name)
        if asset is None:
            return PlainTextResponse("There is no such page.\n", 404, HEADERS)
        return asset.answer(request)


def read(path: Path) -> Asset:
    return Asset(path.read_bytes(), MEDIA_TYPES[path.suffix])


def knows(request: Request, etag: str) -> bool:
    """Whether the browser has this very content (RFC 9110, 13.1.2)."""
    had = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    return "*" in had or etag in [each.removeprefix("W/") for each in had]
