"""The JSON-RPC transport to Stellar RPC nodes: one call, one endpoint, and the choice among several.

All failover, deadlines and circuit breaking to the chain is here; how often a whole round over the
endpoints is repeated is `poolkit.retry.rpc_rounds`.
"""

import json
from asyncio import timeout
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from stellar_sdk.client.aiohttp_client import AiohttpClient
from stellar_sdk.exceptions import ConnectionError as HttpError

from kalepool.v1.errors_pb2 import Reason
from poolkit.breaker import BreakerState, CircuitBreaker
from poolkit.errors import PoolError, RpcUnavailable
from poolkit.logs import get_logger
from poolkit.rpc_answers import Json, MalformedAnswer, integer
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)
T = TypeVar("T")
FailureListener = Callable[[str], None]

# A node this far behind the best one still answers, but is asked last.
STALE_AFTER_LEDGERS = 3
# JSON-RPC codes with which a node says that the request is wrong: no other node would answer better.
# The server's own faults (-32603 and the implementation's range) are for another node.
REFUSAL_CODES = frozenset({-32700, -32600, -32601, -32602})


class RpcRefused(PoolError):
    """The node understood the request and refuses it: asking again, or elsewhere, does not help.

    `code` is the JSON-RPC error code, `message` the node's text, e.g. "startLedger must be within
    the ledger range: 5 - 90".
    """

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(
            Reason.REASON_INTERNAL,
            f"{method} was refused by the Stellar RPC node: {message} ({code})",
            metadata={"rpc_code": str(code)},
        )
        self.method = method
        self.rpc_code = code
        self.rpc_message = message


class EndpointFailure(Exception):
    """This endpoint gave no usable answer; the text says why, without the address."""


@dataclass(frozen=True)
class EndpointStatus:
    """How an endpoint does: for health answers and status pages. `name` holds no credentials.

    `latest_close_time` is the close time of `latest_ledger`, None while only its number is known;
    `answer_age_wall_seconds` is None before the first answer; `last_error` while the last call failed.
    """

    name: str
    breaker: BreakerState
    latest_ledger: int
    latest_close_time: int | None
    answer_age_wall_seconds: float | None
    lag_ledgers: int
    last_error: str | None


@dataclass(frozen=True)
class Answered(Generic[T]):
    """A parsed answer; `failed_before`: other endpoints were tried in vain before this one."""

    value: T
    failed_before: bool


class RpcEndpoint:
    """One node: its address, its breaker and the latest ledger it has shown.

    `answered_at`: monotonic wall seconds of its last answer.
    """

    def __init__(self, url: str, breaker: CircuitBreaker) -> None:
        self.url = url
        self.name = endpoint_name(url)
        self.breaker = breaker
        self.latest_ledger = 0
        self.latest_close_time: int | None = None
        self.answered_at: float | None = None
        self.last_error: str | None = None

    def __repr__(self) -> str:
        return f"<RpcEndpoint {self.name} ledger={self.latest_ledger} {self.breaker.state.value}>"


def endpoint_name(url: str) -> str:
    """Scheme, host and port: hosted nodes carry the customer's key in path, query or user info."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


class RpcEndpoints:
    """Calls the best endpoint that answers.

    Order: nodes whose breaker admits calls and that keep up, then laggards, each in the order of
    the settings. One HTTP session serves all calls and keeps its connections.
    """

    def __init__(
        self, urls: Sequence[str], *, call_wall_seconds: float, wall_clock: WallClock | None = None
    ) -> None:
        self._endpoints = [RpcEndpoint(url, _breaker(url, wall_clock)) for url in urls]
        self._call_wall_seconds = call_wall_seconds
        self._wall_clock = wall_clock or SystemWallClock()
        self._failure_listeners: list[FailureListener] = []
        self._http = AiohttpClient(pool_size=100, post_timeout=call_wall_seconds)
        self._request_ids = count(1)

    async def close(self) -> None:
        await self._http.close()

    def on_failure(self, listener: FailureListener) -> None:
        """Have each call that an endpoint fails told at once, also if another attempt mends it."""
        self._failure_listeners.append(listener)

    def status(self) -> tuple[EndpointStatus, ...]:
        best, now = self._best_ledger(), self._wall_clock.monotonic()
        return tuple(
            EndpointStatus(
                name=endpoint.name,
                breaker=endpoint.breaker.state,
                latest_ledger=endpoint.latest_ledger,
                latest_close_time=endpoint.latest_close_time,
                answer_age_wall_seconds=None if endpoint.answered_at is None else now - endpoint.answered_at,
                lag_ledgers=best - endpoint.latest_ledger if endpoint.latest_ledger else 0,
                last_error=endpoint.last_error,
            )
            for endpoint in self._endpoints
        )

    async def call(self, method: str, params: Json | None, parse: Callable[[Json], T]) -> Answered[T]:
        """One round: the first usable answer.

        Raises RpcRefused if a node refuses the request, RpcUnavailable if none answers.
        """
        failures: list[str] = []
        for endpoint in self._preferred():
            if not endpoint.breaker.admit():
                continue
            try:
                answer = await self._ask(endpoint, method, params)
                value = parse(answer)
                self._note_answer(endpoint, answer)
            except RpcRefused:
                endpoint.breaker.succeeded()
                raise
            except (EndpointFailure, MalformedAnswer) as failure:
                self._note_failure(endpoint, method, failure)
                failures.append(f"{endpoint.name}: {failure}")
                continue
            return Answered(value, failed_before=bool(failures))
        raise self._unavailable(method, failures)

    def _unavailable(self, method: str, failures: list[str]) -> RpcUnavailable:
        pause = min(endpoint.breaker.wall_seconds_until_probe() for endpoint in self._endpoints)
        text = "; ".join(failures) or "all endpoints failed just before and are left alone for a moment"
        return RpcUnavailable(
            f"no Stellar RPC endpoint answered {method}: {text}",
            metadata={"asked": str(len(failures))},
            retry_after=pause or None,
        )

    def _preferred(self) -> list[RpcEndpoint]:
        best = self._best_ledger()
        return sorted(
            self._endpoints,
            key=lambda e: (
                e.breaker.state is not BreakerState.CLOSED,
                0 < e.latest_ledger < best - STALE_AFTER_LEDGERS,
            ),
        )

    def _best_ledger(self) -> int:
        return max(endpoint.latest_ledger for endpoint in self._endpoints)

    def _note_answer(self, endpoint: RpcEndpoint, answer: Json) -> None:
        endpoint.breaker.succeeded()
        endpoint.last_error = None
        endpoint.answered_at = self._wall_clock.monotonic()
        latest = answer.get("latestLedger")
        if not isinstance(latest, int):
            return
        if "latestLedgerCloseTime" in answer:
            endpoint.latest_close_time = integer(answer, "latestLedgerCloseTime")
        elif latest != endpoint.latest_ledger:
            endpoint.latest_close_time = None
        endpoint.latest_ledger = latest

    def _note_failure(self, endpoint: RpcEndpoint, method: str, failure: Exception) -> None:
        endpoint.last_error = f"{method}: {failure}"
        endpoint.breaker.failed()
        for listener in self._failure_listeners:
            listener(f"{endpoint.name} did not answer {endpoint.last_error}")

    async def _ask(self, endpoint: RpcEndpoint, method: str, params: Json | None) -> Json:
        request_id = next(self._request_ids)
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        try:
            async with timeout(self._call_wall_seconds):
                response = await self._http.post(endpoint.url, json_data=request)
        except TimeoutError:
            raise EndpointFailure(f"no answer within {self._call_wall_seconds:g} s") from None
        except HttpError as error:
            cause = error.__cause__ or error
            raise EndpointFailure(f"connection failed ({type(cause).__name__})") from error
        except UnicodeDecodeError as error:
            raise EndpointFailure("the answer is not text") from error
        if response.status_code != 200:
            raise EndpointFailure(f"HTTP status {response.status_code}")
        return _result(method, request_id, response.text)


def _result(method: str, request_id: int, body: str) -> Json:
    """The `result` of a JSON-RPC answer. Raises RpcRefused or EndpointFailure."""
    try:
        answer: Any = json.loads(body)
    except ValueError as error:
        raise EndpointFailure("the answer is not JSON") from error
    if not isinstance(answer, dict) or answer.get("id") != request_id:
        raise EndpointFailure("the answer is not a JSON-RPC answer to this request")
    refusal = answer.get("error")
    if isinstance(refusal, dict):
        code, text = refusal.get("code"), refusal.get("message")
        if isinstance(code, int) and code in REFUSAL_CODES:
            raise RpcRefused(method, code, str(text))
        raise EndpointFailure(f"JSON-RPC error {code}: {text}")
    result = answer.get("result")
    if not isinstance(result, dict):
        raise EndpointFailure("the answer has no result")
    return result


def _breaker(url: str, wall_clock: WallClock | None) -> CircuitBreaker:
    return CircuitBreaker(endpoint_name(url), wall_clock=wall_clock, on_change=_log_breaker)


def _log_breaker(breaker: CircuitBreaker) -> None:
    if breaker.state is BreakerState.OPEN:
        log.warning("Stellar RPC endpoint is left alone", endpoint=breaker.name)
    elif breaker.state is BreakerState.CLOSED:
        log.info("Stellar RPC endpoint answers again", endpoint=breaker.name)
