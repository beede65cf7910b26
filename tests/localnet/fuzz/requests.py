"""Requests of every kind: sound ones, sound ones with something changed, JSON of no sense, and no JSON."""

import base64
import json
from random import Random
from typing import Any, Final

from stellar_sdk import scval, xdr

from kale.networks import LOCAL
from localnet.rpc.events import MAX_EVENTS
from localnet.rpc.methods import METHOD_NAMES
from tests.localnet.fuzz.envelopes import RandomEnvelopes
from tests.localnet.fuzz.world import World

#: Text that json.dumps would not write; put in after it.
LITERAL: Final = "@literal"
LITERALS = (
    "NaN",
    "Infinity",
    "1e400",
    "-0",
    "01",
    "1.0",
    "1e2",
    "9" * 400,
    "9" * 5000,
    "[" * 300 + "]" * 300,
    "[" * 20_000,
    '{"a":' * 500 + "1" + "}" * 500,
    '"\\ud800"',
    '"\\u0000"',
    '"\x01"',
    '"\\x"',
    "tru",
    "",
)
TEXTS = (
    "",
    "a",
    "*",
    "**",
    "contract",
    "system",
    "diagnostic",
    "json",
    "base64",
    "xml",
    "AAAA",
    "%",
    "é",
    "1-1",
)
NUMBERS = (0, 1, 2, 5, 200, 201, 10_000, 10_001, -1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, 1.5)
BROKEN_TEXT = (
    b"\xff",
    b"\x00",
    b"\xed\xa0\x80",
    b"\xc3",
    b'"',
    b"{",
    b"}",
    b"[",
    b",",
    b"\\",
    b"\xef\xbb\xbf",
)


class RandomRequests:
    """Makes request bodies for a world."""

    def __init__(self, world: World, randomness: Random) -> None:
        self._world = world
        self._randomness = randomness
        envelopes = RandomEnvelopes(world, randomness)
        self._envelopes = [
            base64.b64encode(envelopes.make(source)).decode() for source in world.farmers for _ in range(4)
        ]
        self._keys = [base64.b64encode(key).decode() for key in world.chain.state.entries()][:300]

    def make(self) -> bytes:
        randomness = self._randomness
        request: Any = self._request()
        for _ in range(randomness.choice((0, 1, 1, 1, 2, 4))):
            if randomness.random() < 0.15:
                request = self._changed(request)
            elif isinstance(request, dict) and "params" in request:
                request = {**request, "params": self._changed(request["params"])}
        if randomness.random() < 0.05:
            request = [request, *(self._request() for _ in range(randomness.randint(0, 3)))]
        text = json.dumps(request)
        if randomness.random() < 0.1:
            text = text.replace(f'"{LITERAL}"', randomness.choice(LITERALS), 1)
        body = text.encode("utf-8", errors="replace")
        return self._broken(body) if randomness.random() < 0.1 else body

    def _request(self) -> dict[str, Any]:
        method = self._randomness.choice(METHOD_NAMES)
        return {
            "jsonrpc": "2.0",
            "id": self._randomness.choice((1, "a", 0, LITERAL)),
            "method": method,
            "params": self._params(method),
        }

    def _params(self, method: str) -> Any:
        randomness, chain = self._randomness, self._world.chain
        ledger = chain.latest.sequence - randomness.randint(-1, 210)
        pagination = randomness.choice(
            (
                None,
                {},
                {"limit": randomness.choice((1, 2, 200, MAX_EVENTS))},
                {"cursor": str(ledger << 32), "limit": 10},
                {"cursor": f"{ledger << 32:019d}-0000000000"},
                {"cursor": str(ledger)},
            )
        )
        xdr_format = randomness.choices((None, "base64", "json", "xml"), (70, 10, 15, 5))[0]
        paged = {"startLedger": ledger if pagination is None or "cursor" not in pagination else 0}
        made: dict[str, Any] = {
            "getLedgerEntries": {"keys": randomness.sample(self._keys, randomness.randint(0, 5))},
            "getTransaction": {"hash": self._hash()},
            "getTransactions": {**paged, "pagination": pagination},
            "getLedgers": {**paged, "pagination": pagination},
            "getEvents": {**paged, "pagination": pagination, "filters": self._filters()},
            "sendTransaction": {"transaction": randomness.choice(self._envelopes)},
            "simulateTransaction": {
                "transaction": randomness.choice(self._envelopes),
                "authMode": randomness.choice((None, "", "enforce", "record", "record_allow_nonroot")),
                "resourceConfig": {"instructionLeeway": randomness.choice((0, 10**6, 2**32, 2**64 - 1))},
                "useUpgradedAuth": True,
            },
        }
        params = made.get(method, {})
        return {**params, "xdrFormat": xdr_format} if randomness.random() < 0.5 else params

    def _hash(self) -> str:
        history = self._world.chain.history
        ledger = history.ledger(self._randomness.randint(history.oldest.sequence, history.latest.sequence))
        if not ledger.transactions:
            return self._randomness.randbytes(32).hex()
        return self._randomness.choice(ledger.transactions).hash.hex()

    def _filters(self) -> list[Any]:
        segments = ("*", "**", scval.to_symbol("fee").to_xdr(), xdr.SCVal(xdr.SCValType.SCV_VOID).to_xdr())
        topics = [
            [self._randomness.choice(segments) for _ in range(self._randomness.randint(1, 5))]
            for _ in range(self._randomness.randint(0, 2))
        ]
        return [
            {
                "type": self._randomness.choice(("contract", "system", "", "contract,system")),
                "contractIds": self._randomness.choice(([], [LOCAL.asset_contract_id])),
                "topics": topics,
            }
            for _ in range(self._randomness.randint(0, 2))
        ]

    # What is changed

    def _changed(self, node: Any) -> Any:
        """The same with one thing changed, anywhere in the tree."""
        randomness = self._randomness
        if isinstance(node, dict) and node and randomness.random() < 0.8:
            name = randomness.choice(list(node))
            how = randomness.randrange(8)
            changed = dict(node)
            if how == 0:
                del changed[name]
            elif how == 1:
                changed[name.upper()] = changed.pop(name)
            elif how == 2:
                changed[randomness.choice(TEXTS)] = self._anything(3)
            else:
                changed[name] = self._changed(node[name])
            return changed
        if isinstance(node, list) and node and randomness.random() < 0.8:
            place = randomness.randrange(len(node))
            if randomness.random() < 0.2:
                return node * randomness.choice((0, 2, 50))
            return [*node[:place], self._changed(node[place]), *node[place + 1 :]]
        if isinstance(node, str) and node and randomness.random() < 0.5:
            place = randomness.randrange(len(node))
            return randomness.choice((node[:place], node + node, node[:place] + "A" + node[place + 1 :]))
        return self._anything(3)

    def _anything(self, depth: int) -> Any:
        randomness = self._randomness
        kind = randomness.randrange(8 if depth else 6)
        if kind == 6:
            return [self._anything(depth - 1) for _ in range(randomness.randint(0, 4))]
        if kind == 7:
            return {
                randomness.choice(TEXTS): self._anything(depth - 1) for _ in range(randomness.randint(0, 3))
            }
        return randomness.choice(
            (
                None,
                randomness.random() < 0.5,
                randomness.choice(NUMBERS),
                randomness.choice(TEXTS),
                LITERAL,
                base64.b64encode(randomness.randbytes(randomness.randint(0, 60))).decode(),
            )
        )

    def _broken(self, body: bytes) -> bytes:
        place = self._randomness.randrange(len(body) + 1)
        how = self._randomness.randrange(3)
        if how == 0:
            return body[:place]
        if how == 1:
            return body[:place] + self._randomness.choice(BROKEN_TEXT) + body[place:]
        return body[:place] + self._randomness.randbytes(1) + body[place + 1 :]
