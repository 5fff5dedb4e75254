"""Answers of the machines in front of a venue, which know nothing of its protocol."""

from aiohttp import web

_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
    520: "Web Server Returned an Unknown Error",
}


def page(status: int, retry_after: int | None = None) -> web.Response:
    """An HTML error page."""
    title = f"{status} {_REASONS.get(status, 'Error')}"
    text = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
