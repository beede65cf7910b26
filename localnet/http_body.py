"""Requests' bodies, for handlers below aiohttp's routing."""

from typing import Final

from aiohttp import HttpVersion11, hdrs, web

#: What `web.BaseRequest` reads at most.
MAX_READ_BYTES: Final = 1024 * 1024

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


async def read_body(request: web.BaseRequest, max_bytes: int) -> bytes:
    """The whole body, at most `max_bytes` of MAX_READ_BYTES. Raises web.HTTPRequestEntityTooLarge.

    Mostly it has come with the headers, and there is nothing to wait for.
    """
    if hdrs.EXPECT in request.headers:
        await invite_body(request)
    content = request.content
    body = content.read_nowait() if content.is_eof() else await request.read()
    if len(body) > max_bytes:
        raise web.HTTPRequestEntityTooLarge(max_bytes, len(body))
    return body


async def invite_body(request: web.BaseRequest) -> None:
    """Tells a client that waits to be asked to send its body. Raises web.HTTPExpectationFailed."""
    expected = request.headers.get(hdrs.EXPECT, "")
    if not expected or request.version != HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise web.HTTPExpectationFailed(text=f"Unknown Expect: {expected}")
    await request.writer.write(_CONTINUE)
    request.writer.output_size = 0
