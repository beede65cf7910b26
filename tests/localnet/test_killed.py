"""A localnet with a state file that is killed while transactions flow: nothing that was seen is lost."""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stellar_sdk import Account, Asset, Keypair, TransactionBuilder
from stellar_sdk.exceptions import BaseRequestError
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale.networks import LOCAL
from localnet.genesis import FAUCET, FRIENDBOT_MINIONS

PROGRAM = (
    "import sys; from pathlib import Path; from localnet.main import run; "
    "from localnet.settings import LocalnetSettings; "
    "sys.exit(run(LocalnetSettings(port=0, speed=250, state=Path(sys.argv[1]))))"
)
KILLS = 2
PAYMENTS = 12
PAYERS = FRIENDBOT_MINIONS[:4]


@dataclass
class Seen:
    """What clients were told: a ledger's hash by its sequence, and the transactions that are in one."""

    ledgers: dict[int, str] = field(default_factory=dict)
    transactions: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def killed_localnet(state: Path) -> AsyncIterator[str]:
    """A process with this state; SIGKILL ends it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(state), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = ""
        while not url:
            line = (await process.stdout.readline()).decode()
            assert line, "the process has ended"
            url = line.split()[1] if line.startswith("  rpc") else ""
        yield url
    finally:
        process.kill()
        assert await process.wait() == -signal.SIGKILL


async def watch_ledgers(url: str, seen: Seen) -> None:
    async with SorobanServerAsync(url) as rpc:
        while True:
            latest = await rpc.get_latest_ledger()
            assert seen.ledgers.setdefault(latest.sequence, latest.id) == latest.id


async def pay_forever(url: str, payer: Keypair, seen: Seen) -> None:
    async with SorobanServerAsync(url) as rpc:
        account = await rpc.load_account(payer.public_key)
        while True:
            await pay(rpc, account, payer, seen)


async def pay(rpc: SorobanServerAsync, account: Account, payer: Keypair, seen: Seen) -> None:
    builder = TransactionBuilder(account, LOCAL.passphrase).add_time_bounds(0, 0)
    envelope = builder.append_payment_op(FAUCET.public_key, Asset.native(), "1").build()
    envelope.sign(payer)
    sent = await rpc.send_transaction(envelope)
    assert sent.status.value == "PENDING"
    while True:
        found = await rpc.get_transaction(sent.hash)
        if found.ledger:
            assert found.status.value == "SUCCESS"
            seen.transactions[sent.hash] = found.ledger
            return


async def check(url: str, seen: Seen) -> None:
    """The chain has all that was seen, where it was seen."""
    async with SorobanServerAsync(url) as rpc:
        for transaction_hash, ledger in seen.transactions.items():
            assert (await rpc.get_transaction(transaction_hash)).ledger == ledger
        told = await rpc.get_ledgers(start_ledger=1, limit=200)
        hashes = {ledger.sequence: ledger.hash for ledger in told.ledgers}
        while max(hashes) < told.latest_ledger:
            told = await rpc.get_ledgers(cursor=told.cursor, limit=200)
            hashes |= {ledger.sequence: ledger.hash for ledger in told.ledgers}
    assert seen.ledgers.items() <= hashes.items()


async def test_a_killed_chain_has_everything_that_was_seen(tmp_path: Path) -> None:
    state, seen = tmp_path / "chain.state", Seen()
    moments = random.Random(20_26)
    for _ in range(KILLS):
        before = len(seen.transactions)
        async with killed_localnet(state) as url:
            await check(url, seen)
            clients = [asyncio.create_task(watch_ledgers(url, seen))]
            clients += [asyncio.create_task(pay_forever(url, payer, seen)) for payer in PAYERS]
            while len(seen.transactions) < before + PAYMENTS:
                await asyncio.sleep(0.01)
            await asyncio.sleep(moments.uniform(0, 0.05))
        ended = await asyncio.gather(*clients, return_exceptions=True)
        assert all(isinstance(error, BaseRequestError) for error in ended), ended
    async with killed_localnet(state) as url:
        await check(url, seen)
    assert len(seen.transactions) >= KILLS * PAYMENTS
