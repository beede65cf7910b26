"""The HTTP side: JSON-RPC by POST on any path, the friendbot on its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import hdrs, web

from localnet.faults.requests import RequestFaults
from localnet.friendbot import Friendbot, FriendbotFailure, FriendbotRefusal
from localnet.http_body import invite_body, read_body
from localnet.json_answer import ANY_ORIGIN, JSON, JSON_HEADERS, json_answer
from localnet.ledger.wire import base64_text
from localnet.rpc.jsonrpc import Dispatcher, UnreadableRequest

FRIENDBOT_PATH: Final = "/friendbot"
MAX_BODY_BYTES: Final = 512 * 1024

_CHARSETS: Final = ("utf-8", "utf8")
_PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True)
class _Problem:
    """A kind of refusal by the friendbot."""

    status: int
    name: str
    title: str


_BAD_REQUEST: Final = _Problem(400, "bad_request", "Bad Request")
_NOT_FOUND: Final = _Problem(404, "not_found", "Resource Missing")
_SERVER_ERROR: Final = _Problem(500, "server_error", "Internal Server Error")
_BAD_FORM: Final = "Request parameters are not escaped or incorrectly formatted."
_NO_SUCH_PATH: Final = (
    "The resource at the url requested was not found.  This usually occurs for one of two reasons:  The url "
    "requested is not valid, or no data in our database could be found with the parameters provided."
)


class HttpHandlers:
    """Requests to answers; no state of its own."""

    def __init__(self, dispatcher: Dispatcher, friendbot: Friendbot, faults: RequestFaults) -> None:
        self._dispatcher = dispatcher
        self._friendbot = friendbot
        self._faults = faults

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if not path.startswith(FRIENDBOT_PATH):
            return await self._serve_rpc(request)
        if path == FRIENDBOT_PATH and request.method in ("GET", "POST"):
            return await self._fund(request)
        if path.startswith(f"{FRIENDBOT_PATH}/"):  # the friendbot has one path
            return _problem(_NOT_FOUND, _NO_SUCH_PATH)
        return await self._serve_rpc(request)

    async def _serve_rpc(self, request: web.BaseRequest) -> web.StreamResponse:
        """What comes before JSON-RPC is answered in plain text, as by the Go library below stellar-rpc."""
        if request.method != "POST":
            return web.Response(status=204 if request.method == "OPTIONS" else 405, headers=ANY_ORIGIN)
        if request.headers.get(hdrs.CONTENT_TYPE) != JSON:  # most name it so and no more
            if request.content_type != JSON:
                return _plain(415, "content-type must be application/json")
            if (request.charset or "utf-8") not in _CHARSETS:
                return _plain(415, "invalid content-type charset")
        try:
            body = await read_body(request, MAX_BODY_BYTES)
        except web.HTTPRequestEntityTooLarge:
            return _plain(500, "http: request body too large")
        if self._faults.are_there:
            return await self._faults.serve(request, body, self._answer)
        answer = self._dispatch(body)
        return json_answer(request, answer) if isinstance(answer, bytes) else answer

    def _answer(self, body: bytes) -> web.Response:
        answer = self._dispatch(body)
        return web.Response(body=answer, headers=JSON_HEADERS) if isinstance(answer, bytes) else answer

    def _dispatch(self, body: bytes) -> bytes | web.Response:
        """The methods' answer in JSON, or what is answered without them."""
        try:
            answer = self._dispatcher.serve(body)
        except UnreadableRequest as error:
            return _plain(500, str(error))
        return web.Response(status=204, headers=ANY_ORIGIN) if answer is None else answer

    async def _fund(self, request: web.BaseRequest) -> web.Response:
        try:
            await invite_body(request)
            form = await request.post()
        except (ValueError, web.HTTPException):
            return _problem(_BAD_REQUEST, _BAD_FORM)
        address = str(request.query.get("addr") or form.get("addr") or "")
        try:
            funding = await self._friendbot.fund(address)
        except FriendbotRefusal as refusal:
            return _problem(_BAD_REQUEST, refusal.detail, _extras(refusal))
        except FriendbotFailure as failure:
            return _problem(_SERVER_ERROR, str(failure))
        body = {
            "successful": True,
            "hash": funding.hash.hex(),
            "envelope_xdr": base64_text(funding.envelope),
        }
        return web.json_response(body, headers=ANY_ORIGIN)


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=ANY_ORIGIN)


def _extras(refusal: FriendbotRefusal) -> dict[str, Any]:
    if refusal.invalid_field is None:
        return {}
    return {"invalid_field": refusal.invalid_field, "reason": refusal.reason}


def _problem(kind: _Problem, detail: str, extras: Mapping[str, Any] | None = None) -> web.Response:
    """RFC 7807, as the real friendbot answers; extras only where there are any."""
    body: dict[str, Any] = {
        "type": f"https://stellar.org/friendbot-errors/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
    }
    if extras:
        body["extras"] = extras
    return web.Response(status=kind.status, text=json.dumps(body), content_type=_PROBLEM, headers=ANY_ORIGIN)
