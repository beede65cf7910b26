"""10,000 envelopes: whatever is sent, the node answers, goes on, and loses no money."""

from collections import Counter
from random import Random
from typing import Any

from stellar_sdk import xdr
from stellar_sdk.xdr import TransactionResultCode
from structlog.testing import capture_logs

from localnet.chain.closed_ledger import ClosedLedger
from tests.localnet.fuzz.envelopes import RandomEnvelopes
from tests.localnet.fuzz.world import FARMERS, World

SEED = 20_261_126
ENVELOPES = 10_000
RENEWED_AFTER = 5 * FARMERS
SIMULATED = 0.2
DECODED = 0.1
SUCCESSES = (TransactionResultCode.txSUCCESS, TransactionResultCode.txFEE_BUMP_INNER_SUCCESS)


def test_no_envelope_breaks_the_node() -> None:
    print(f"seed {SEED}")
    randomness = Random(SEED)
    world = World(randomness)
    envelopes = RandomEnvelopes(world, randomness)
    outcomes: Counter[str] = Counter()
    with capture_logs() as logs:
        for number in range(ENVELOPES):
            envelope = envelopes.make(world.farmers[number % FARMERS])
            outcomes[outcome(world.send(envelope))] += 1
            if randomness.random() < SIMULATED:
                check_simulation(world.simulate(envelope))
            if number % FARMERS == FARMERS - 1:
                world.close_ledger()
                check_ledger(world, world.chain.latest, randomness)
            if number % RENEWED_AFTER == RENEWED_AFTER - 1:
                world.renew(4)
                world.check()
    world.check()
    print(outcomes)
    assert logs == []
    assert outcomes["PENDING"] > ENVELOPES / 10


def outcome(answer: Any) -> str:
    """The status of a submission, with the result's code where there is one."""
    if "error" in answer:
        assert answer["error"]["code"] == -32602
        return str(answer["error"]["message"])
    result = answer["result"]
    if result["status"] != "ERROR":
        return str(result["status"])
    return f"ERROR {xdr.TransactionResult.from_xdr(result['errorResultXdr']).result.code.name}"


def check_simulation(answer: Any) -> None:
    result = answer["result"]
    assert ("error" in result) != ("transactionData" in result)
    if "transactionData" in result:
        xdr.SorobanTransactionData.from_xdr(result["transactionData"])


def check_ledger(world: World, ledger: ClosedLedger, randomness: Random) -> None:
    """What was applied has a result of its own; some are read in full, in both formats."""
    for applied in ledger.transactions:
        code = xdr.TransactionResult.from_xdr_bytes(applied.result).result.code
        assert applied.succeeded == (code in SUCCESSES)
        if randomness.random() < DECODED:
            xdr.TransactionMeta.from_xdr_bytes(applied.meta)
            found = world.call("getTransaction", hash=applied.hash.hex(), xdrFormat="json")["result"]
            assert found["status"] == ("SUCCESS" if applied.succeeded else "FAILED")
