"""The HTTP side of the admin endpoint: JSON by POST, for programs on this machine and not for web pages."""

import json

from aiohttp import web

from localnet.admin.requests import AdminError, Result, Routes
from localnet.http_body import MAX_READ_BYTES, read_body
from localnet.json_answer import JSON
from poolkit.startup_error import StartupError


class AdminHandlers:
    """Requests to answers by the routes; no state of its own."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def serve(self, request: web.BaseRequest) -> web.Response:
        try:
            return _response(200, await self._answer(request))
        except AdminError as error:
            return _response(error.status, {"error": str(error), **error.details})
        except StartupError as error:  # the process ends of it: a ledger could not be kept
            return _response(500, {"error": str(error)})

    async def _answer(self, request: web.BaseRequest) -> Result:
        # A browser names the page's origin in every POST; no page has business here, whatever its host name.
        if "Origin" in request.headers:
            raise AdminError(403, "requests of web pages are not served")
        if request.method != "POST":
            raise AdminError(405, f"{request.method} is not served, only POST")
        if request.content_type != JSON:
            raise AdminError(415, f"content type is {request.content_type}, must be {JSON}")
        route = self._routes.get(request.path)
        if route is None:
            raise AdminError(404, f"{request.path} is unknown; known are {', '.join(sorted(self._routes))}")
        try:
            body = await read_body(request, MAX_READ_BYTES)
        except web.HTTPRequestEntityTooLarge:
            raise AdminError(413, f"the body is too long, at most {MAX_READ_BYTES} bytes are read") from None
        return await route.answer(body)


def _response(status: int, body: Result) -> web.Response:
    encoded = json.dumps(body, separators=(",", ":")).encode("ascii")
    return web.Response(status=status, body=encoded, content_type=JSON)
