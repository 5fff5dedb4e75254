"""The built page: one document for every address of it, and assets whose names change with their content."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DIST = Path(__file__).with_name("front") / "dist"

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NOT_BUILT = (
    "<!doctype html><title>Candlewick</title><p>The page is not built yet: run <code>make setup</code>."
)


def document(folder: Path = DIST) -> Response:
    """The page itself, always asked for anew: it names the assets of its build."""
    index = folder / "index.html"
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, 503, {"Retry-After": "60"})
    return FileResponse(index, headers={"Cache-Control": "no-cache"})


def file(path: str, folder: Path = DIST) -> Response:
    """A file of the build.

    Raises:
        HTTPException: there is none, or it lies elsewhere.
    """
    try:
        found = (folder / path).resolve()
        is_ours = found.is_relative_to(folder.resolve()) and found.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds what no name may
        is_ours = False
    if not is_ours:
        raise HTTPException(404, f"there is no {path[:100]}")
    lasts = path.startswith("assets/")
    kept = "public, max-age=31536000, immutable" if lasts else "no-cache"
    return FileResponse(found, headers={"Cache-Control": kept})


class SecurityHeaders:
    """ASGI middleware: what a browser may do with every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def adorned(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self._app(scope, receive, adorned if scope["type"] == "http" else send)
