"""The engine while nodes fail and lag, and answers and transactions are lost: each intent comes true once."""

import asyncio
from collections import Counter

from stellar_sdk import InvokeHostFunction

from backend_svc.store import transactions
from backend_svc.store.database import Database
from backend_svc.store.records import Farmer, Purpose
from backend_svc.transactions import Intent, TransactionOutcome
from kale import calls
from localnet.faults.fault_file import parse_faults
from poolkit.errors import RpcUnavailable
from tests.backend_svc.local_chain import LocalChain, running_local_chain
from tests.backend_svc.people import some_id

KALE = 10**7
FARMERS = 6

# One of three requests goes wrong, of the sent transactions half: by counts, so each rule is sure to strike.
HARSH = """
seed = 5
[[fault]]
kind = "status"
status = 429
every = 11
[[fault]]
kind = "status"
status = 503
every = 13
[[fault]]
kind = "garbage"
every = 12
[[fault]]
kind = "truncated"
every = 14
[[fault]]
kind = "connection_refused"
every = 10
wall_seconds = 0.02
[[fault]]
kind = "answer_lost"
methods = ["sendTransaction"]
every = 3
[[fault]]
kind = "transaction_dropped"
every = 4
[[fault]]
kind = "try_again_later"
every = 3
[[fault]]
kind = "stall"
ledgers = 2
every = 5
[[fault]]
kind = "burst"
ledgers = 3
every = 4
[[fault]]
kind = "repeat_close_time"
every = 3
"""


async def test_each_intent_comes_true_once(database: Database) -> None:
    async with running_local_chain(database, lag_ledgers=(0, 2)) as chain:
        await chain.open_next_block()
        farmers = [await chain.new_farmer(10 * KALE) for _ in range(FARMERS)]
        first = chain.node.chain.latest.sequence + 1
        chain.node.faults.add(parse_faults(HARSH, "test", nodes=2))
        outcomes = await asyncio.gather(*(plant_once(chain, farmer) for farmer in farmers))
        rules = chain.node.faults.rules()
        chain.node.faults.clear()
        assert all(outcome.confirmed for outcome in outcomes)
        assert all(rule.strikes for rule in rules), rules
        assert await database.run(transactions.all_in_flight) == []
        assert Counter(planted_hashes(chain, first)) == Counter(outcome.hash for outcome in outcomes)
        for farmer in farmers:
            line = await chain.farm.find_trustline(farmer.public_key)
            assert line is not None
            assert line.balance_stroops == 9 * KALE


async def plant_once(chain: LocalChain, farmer: Farmer) -> TransactionOutcome:
    """One intent, tried anew as often as nothing came of it."""
    plant = calls.plant(chain.contract, farmer.public_key, KALE)
    intent = Intent(Purpose.PLANT, some_id(), farmer.id, farmer.public_key, InvokeHostFunction(plant))
    while True:
        try:
            outcome = await chain.engine.execute(intent)
        except RpcUnavailable:
            continue  # before anything was stored
        if outcome.confirmed:
            return outcome


def planted_hashes(chain: LocalChain, first: int) -> list[bytes]:
    """Of the calls that succeeded; one that met the next block's boundary may have failed before."""
    history = chain.node.chain.history
    ledgers = history.busy_ledgers(first, history.latest.sequence + 1)
    applied = [transaction for ledger in ledgers for transaction in ledger.transactions]
    return [transaction.hash for transaction in applied if transaction.succeeded]
