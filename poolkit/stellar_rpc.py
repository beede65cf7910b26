"""The one client of Stellar RPC: what our services ask a node, typed.

The SDK's SorobanServerAsync is not used: its models hide the close time in getHealth, which is the
cheapest way to the latest ledger (getLatestLedger carries the whole close meta), and each answer
would be validated twice. Its HTTP client is used.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from stellar_sdk import xdr

from poolkit import rpc_answers as answers
from poolkit.retry import rpc_rounds
from poolkit.rpc_answers import (
    Entries,
    EventFilter,
    EventPage,
    FeeStats,
    Json,
    LedgerHead,
    NetworkInfo,
    NodeHealth,
    SendOutcome,
    Simulation,
    TransactionLookup,
    TransactionPage,
)
from poolkit.rpc_endpoints import Answered, EndpointStatus, FailureListener, RpcEndpoints
from poolkit.wall_clock import SystemWallClock, WallClock

T = TypeVar("T")

# The node's own limit on keys in one getLedgerEntries.
MOST_KEYS_A_CALL = 200
MOST_EVENTS_A_PAGE = 10_000
MOST_TRANSACTIONS_A_PAGE = 200


@dataclass
class CallCounts:
    """Calls under way, and all since the start; a call that is repeated in rounds counts once."""

    running: int = 0
    total: int = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One call more for the length of the block."""
        self.running += 1
        self.total += 1
        try:
            yield
        finally:
            self.running -= 1


class LedgerSource(Protocol):
    """Where a LedgerFollower reads ledgers from."""

    async def latest_ledger(self) -> LedgerHead:
        """Raises RpcUnavailable if no node answers."""
        ...


class StellarRpc:
    """Asks one of several Stellar RPC nodes.

    Every method raises RpcUnavailable after `rounds` rounds over all nodes without an answer, each
    node's call limited to `call_wall_seconds`, and RpcRefused if a node refuses the request as such.
    Cancelling is safe at any time. Use as `async with`, or `close` at the end.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        call_wall_seconds: float = 10.0,
        rounds: int = 3,
        wall_clock: WallClock | None = None,
    ) -> None:
        if not urls:
            raise ValueError("RPC_URL must name at least one Stellar RPC endpoint")
        self._wall_clock = wall_clock or SystemWallClock()
        self._endpoints = RpcEndpoints(urls, call_wall_seconds=call_wall_seconds, wall_clock=wall_clock)
        self._rounds = rounds
        self._counts = CallCounts()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Calls under way fail."""
        await self._endpoints.close()

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """How each endpoint does, in the order of the settings."""
        return self._endpoints.status()

    def on_failure(self, listener: FailureListener) -> None:
        """Have the text of each failed call told at once: an outage shows long before RpcUnavailable."""
        self._endpoints.on_failure(listener)

    @property
    def counts(self) -> CallCounts:
        """The calls so far, without those of `latest_ledger`: its callers poll."""
        return self._counts

    async def health(self) -> NodeHealth:
        """The window of ledgers that the node holds. A node that lags over 30 s answers with an error."""
        return await self._call("getHealth", None, answers.parse_health)

    async def latest_ledger(self) -> LedgerHead:
        """The latest closed ledger, by the cheapest method. One round only: its callers poll."""
        answered = await self._endpoints.call("getHealth", None, answers.parse_health)
        return answered.value.latest

    async def network(self) -> NetworkInfo:
        """Passphrase, protocol and friendbot of the node's network."""
        return await self._call("getNetwork", None, answers.parse_network)

    async def fee_stats(self) -> FeeStats:
        """What recent transactions paid for inclusion."""
        return await self._call("getFeeStats", None, answers.parse_fee_stats)

    async def entries(self, keys: Iterable[xdr.LedgerKey]) -> Entries:
        """The entries under these keys, any number of them; missing ones are left out.

        Beyond 200 keys the answer comes from several calls: `latest_ledger` is then the oldest of
        theirs, and entries may be from later ledgers. Raises ValueError without keys.
        """
        wanted = list(dict.fromkeys(key.to_xdr() for key in keys))
        if not wanted:
            raise ValueError("entries() needs at least one key")
        parts = [
            await self._call(
                "getLedgerEntries", {"keys": wanted[first : first + MOST_KEYS_A_CALL]}, answers.parse_entries
            )
            for first in range(0, len(wanted), MOST_KEYS_A_CALL)
        ]
        return Entries(
            latest_ledger=min(part.latest_ledger for part in parts),
            by_key={key: entry for part in parts for key, entry in part.by_key.items()},
        )

    async def simulate(self, envelope_xdr: str, *, auth_mode: str | None = None) -> Simulation:
        """Run a transaction with one Soroban operation at the latest ledger.

        A contract's failure is a Simulation with `error`, not an exception. `auth_mode`: enforce,
        record or record_allow_nonroot; None lets the node choose (enforce if the operation has auth).
        """
        params: dict[str, Any] = {"transaction": envelope_xdr, "useUpgradedAuth": True}
        if auth_mode is not None:
            params["authMode"] = auth_mode
        return await self._call("simulateTransaction", params, answers.parse_simulation)

    async def send(self, envelope_xdr: str) -> SendOutcome:
        """Hand an envelope to the network; the caller has stored it before.

        Repeating the same envelope does nothing twice, so this fails over like a read; see
        SendOutcome.after_unknown. After RpcUnavailable the envelope may be in the network.
        """
        params = {"transaction": envelope_xdr}
        unknown = False
        with self._counts.counted():
            async for attempt in rpc_rounds(self._rounds, self._wall_clock):
                with attempt:
                    unknown = unknown or attempt.retry_state.attempt_number > 1
                    answered = await self._endpoints.call("sendTransaction", params, answers.parse_send)
        return replace(answered.value, after_unknown=unknown or answered.failed_before)

    async def transaction(self, hash_hex: str) -> TransactionLookup:
        """Look a transaction up by its outer or inner hash (64 hex digits)."""
        return await self._call("getTransaction", {"hash": hash_hex}, answers.parse_transaction)

    async def transactions(
        self, *, start_ledger: int | None = None, cursor: str | None = None
    ) -> TransactionPage:
        """A page of all transactions of the network, from `start_ledger` on or strictly after `cursor`.

        Raises ValueError unless exactly one of them is given; RpcRefused if the start is outside the
        node's window.
        """
        if (start_ledger is None) == (cursor is None):
            raise ValueError("transactions() needs either start_ledger or cursor")
        params: dict[str, Any] = {"pagination": {"limit": MOST_TRANSACTIONS_A_PAGE}}
        if cursor is not None:
            params["pagination"]["cursor"] = cursor
        else:
            params["startLedger"] = start_ledger
        return await self._call("getTransactions", params, answers.parse_transactions)

    async def events(
        self,
        *,
        start_ledger: int | None = None,
        end_ledger: int | None = None,
        cursor: str | None = None,
        filters: Sequence[EventFilter] = (),
        limit: int = 1_000,
    ) -> EventPage:
        """Contract events from `start_ledger` up to but without `end_ledger`, or strictly after `cursor`.

        Raises ValueError unless exactly one of start and cursor is given; RpcRefused if the start
        is outside the node's window (its text names the window).
        """
        if (start_ledger is None) == (cursor is None):
            raise ValueError("events() needs either start_ledger or cursor")
        params: dict[str, Any] = {
            "filters": [_filter(each) for each in filters],
            "pagination": {"limit": min(limit, MOST_EVENTS_A_PAGE)},
        }
        if cursor is not None:
            params["pagination"]["cursor"] = cursor
        else:
            params["startLedger"] = start_ledger
            if end_ledger is not None:
                params["endLedger"] = end_ledger
        return await self._call("getEvents", params, answers.parse_events)

    async def _call(self, method: str, params: Json | None, parse: Callable[[Json], T]) -> T:
        answered: Answered[T]
        with self._counts.counted():
            async for attempt in rpc_rounds(self._rounds, self._wall_clock):
                with attempt:
                    answered = await self._endpoints.call(method, params, parse)
        return answered.value

    def __repr__(self) -> str:
        return f"<StellarRpc {', '.join(status.name for status in self.endpoints())}>"


def _filter(wanted: EventFilter) -> dict[str, Any]:
    parts: dict[str, Any] = {"type": "contract"}
    if wanted.contract_ids:
        parts["contractIds"] = list(wanted.contract_ids)
    if wanted.topics:
        parts["topics"] = [list(topic) for topic in wanted.topics]
    return parts
