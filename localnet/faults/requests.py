"""Faults of one RPC node's requests and submissions, carried out."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Set
from http import HTTPStatus
from typing import Final

from aiohttp import web

from localnet.chain.chain_view import ChainView, SubmissionFault
from localnet.faults.faults import Faults
from localnet.faults.rule import FaultKind, FaultRule, Scope

Answer = Callable[[bytes], web.Response]
"""A request's body to the answer of a node that is well."""

_GARBAGE: Final = b"\xff\xfe<html>\x00 this is no JSON"

_Effect = Callable[[FaultRule, web.BaseRequest, bytes, Answer], Awaitable[web.StreamResponse]]


class RequestFaults:
    """Stands before a node's methods and, when a rule strikes, in their way."""

    def __init__(
        self, faults: Faults, node: int, view: ChainView, refuse_connections: Callable[[float], None]
    ) -> None:
        """`refuse_connections` closes the node's port for so many wall seconds."""
        self._faults = faults
        self._node = node
        self._view = view
        self._refuse_connections = refuse_connections
        self._effects: dict[FaultKind, _Effect] = {
            FaultKind.CONNECTION_REFUSED: self._refuse,
            FaultKind.STATUS: _answer_status,
            FaultKind.GARBAGE: _answer_garbage,
            FaultKind.TRUNCATED: _cut_answer,
            FaultKind.SLOW: _answer_late,
            FaultKind.ANSWER_LOST: _lose_answer,
        }
        view.submission_fault = self._submission_fault

    def __repr__(self) -> str:
        return f"RequestFaults(node {self._node}, {self._faults!r})"

    @property
    def are_there(self) -> bool:
        """Whether requests have to pass through `serve`."""
        return self._faults.has(Scope.REQUEST)

    async def serve(self, request: web.BaseRequest, body: bytes, answer: Answer) -> web.StreamResponse:
        ledger = self._view.network_ledger
        rule = self._faults.strike_request(self._node, _methods_of(body), ledger)
        if rule is None:
            return answer(body)
        return await self._effects[rule.kind](rule, request, body, answer)

    def _submission_fault(self) -> SubmissionFault | None:
        if not self._faults.has(Scope.SUBMISSION):
            return None
        rule = self._faults.strike_submission(self._node, self._view.network_ledger)
        return None if rule is None else _SUBMISSION_FAULTS[rule.kind]

    async def _refuse(
        self, rule: FaultRule, request: web.BaseRequest, body: bytes, answer: Answer
    ) -> web.StreamResponse:
        if rule.wall_seconds:
            self._refuse_connections(rule.wall_seconds)
        return _without_answer(request)


_SUBMISSION_FAULTS: Final = {
    FaultKind.TRANSACTION_DROPPED: SubmissionFault.DROPPED,
    FaultKind.TRY_AGAIN_LATER: SubmissionFault.TRY_AGAIN_LATER,
}


async def _answer_status(
    rule: FaultRule, request: web.BaseRequest, body: bytes, answer: Answer
) -> web.StreamResponse:
    return web.Response(status=rule.status, text=f"{HTTPStatus(rule.status).phrase}\n")


async def _answer_garbage(
    rule: FaultRule, request: web.BaseRequest, body: bytes, answer: Answer
) -> web.StreamResponse:
    return web.Response(body=_GARBAGE, content_type="application/json")


async def _answer_late(
    rule: FaultRule, request: web.BaseRequest, body: bytes, answer: Answer
) -> web.StreamResponse:
    answered = answer(body)
    await asyncio.sleep(rule.wall_seconds)
    return answered


async def _lose_answer(
    rule: FaultRule, request: web.BaseRequest, body: bytes, answer: Answer
) -> web.StreamResponse:
    answer(body)
    return _without_answer(request)


async def _cut_answer(
    rule: FaultRule, request: web.BaseRequest, body: bytes, answer: Answer
) -> web.StreamResponse:
    """The whole length in the header, half of the body behind it."""
    whole = answer(body)
    content = whole.body if isinstance(whole.body, bytes) else b""
    cut = web.StreamResponse(status=whole.status, headers=whole.headers)
    cut.content_length = max(len(content), 1)
    await cut.prepare(request)
    await cut.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return cut


def _without_answer(request: web.BaseRequest) -> web.StreamResponse:
    """Ends the connection; the response that aiohttp wants goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _methods_of(body: bytes) -> Set[str]:
    """The methods that a body calls; none for what is no JSON-RPC."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    calls = decoded if isinstance(decoded, list) else [decoded]
    methods = (call.get("method") for call in calls if isinstance(call, dict))
    return frozenset(method for method in methods if isinstance(method, str))
