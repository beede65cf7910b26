"""A chain that is kept goes on where it was and loses nothing that was seen; what is damaged is refused."""

import dataclasses
import json
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from stellar_sdk import Asset
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.networks import LOCAL
from localnet.chain.state_file import SavedChain, StateFile
from localnet.genesis import FAUCET
from localnet.ledger.events import Event
from localnet.network_settings import MAINNET_SETTINGS
from localnet.server import LocalnetNode
from localnet.settings import LocalnetSettings
from localnet.testing import NodeHandle, running_localnet
from localnet.transactions.application import AppliedTransaction
from poolkit.startup_error import StartupError
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet


def settings(state: Path, **changed: Any) -> LocalnetSettings:
    return LocalnetSettings(port=0, start_time=START_TIME, state=state, **changed)


async def everything(node: NodeHandle) -> list[Any]:
    """What the RPC tells of the whole past."""
    methods = {
        "getLatestLedger": {},
        "getLedgers": {"startLedger": 1, "pagination": {"limit": 200}},
        "getTransactions": {"startLedger": 1, "pagination": {"limit": 200}},
        "getEvents": {"startLedger": 1, "pagination": {"limit": 10_000}},
        "getFeeStats": {},
    }
    answers = []
    async with aiohttp.ClientSession() as session:
        for method, params in methods.items():
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            async with session.post(node.rpc_url, json=request) as response:
                answers.append((await response.json())["result"])
    return answers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a few transactions of all kinds, among them one that failed."""
    path = tmp_path_factory.mktemp("kept") / "chain.state"
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME, state=path) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        farmer = await Wallet.funded(node, rpc, kale="1000")
        node.close_ledgers(60)
        await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10**7))
        failing = (await farmer.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "100000")
        assert not (await farmer.apply(failing)).succeeded
    return path


@pytest.fixture
def played(kept: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(kept, tmp_path / "chain.state"))


async def test_a_kept_chain_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "chain.state"
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME, state=path) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        farmer = await Wallet.funded(node, rpc, kale="1000")
        node.close_ledgers(60)
        plant = await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10**7))
        told = await everything(node)
        entries = {key: entry.data_xdr for key, entry in node.chain.state.entries().items()}
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME + 10**6, state=path) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        assert await everything(node) == told
        assert {key: entry.data_xdr for key, entry in node.chain.state.entries().items()} == entries
        again = Wallet(node, rpc, farmer.key)
        assert (await again.outcome(plant.response.transaction_hash)).succeeded
        before = node.chain.latest
        node.close_ledgers()
        assert node.chain.latest.close_time == before.close_time + 5
        assert node.chain.latest.previous_hash == before.hash
        node.close_ledgers(60)
        await again.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10**7))
        assert node.chain.latest.transactions[0].succeeded


async def test_what_was_included_cannot_be_sent_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "chain.state"
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME, state=path) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        wallet = await Wallet.funded(node, rpc)
        payment = (await wallet.builder()).append_payment_op(wallet.address, Asset.native(), "1")
        envelope = wallet.signed(payment)
        await wallet.include(envelope)
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME, state=path) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        assert (await rpc.send_transaction(envelope)).status.value == "TRY_AGAIN_LATER"


async def test_expired_entries_and_old_ledgers_leave_the_file(tmp_path: Path) -> None:
    path = tmp_path / "chain.state"
    lifetimes = dataclasses.replace(MAINNET_SETTINGS.lifetimes, min_temporary=16)
    short = dataclasses.replace(MAINNET_SETTINGS, lifetimes=lifetimes)
    async with (
        running_localnet(
            runs_clock=False, start_time=START_TIME, state=path, retention_ledgers=10, network_settings=short
        ) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        farmer = await Wallet.funded(node, rpc, kale="1000")
        await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 0))
        node.close_ledgers(30)
        kept = set(node.chain.state.entries())
        oldest = node.chain.history.oldest.sequence
    file = StateFile(path)
    saved = file.load(LOCAL, short)
    file.close()
    assert set(saved.entries) == kept
    assert (saved.ledgers[0].sequence, len(saved.ledgers)) == (oldest, 10)
    assert not any(entry.is_temporary for entry in saved.entries.values())


async def test_a_cut_log_is_the_chain_up_to_a_ledger(tmp_path: Path) -> None:
    """As after a crash of the machine: wherever the log ends, no ledger is there in part."""
    path = tmp_path / "chain.state"
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME, state=path) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        await Wallet.funded(node, rpc, kale="1000")
        log = path.with_name(path.name + "-wal")
        hashes = {ledger.sequence: ledger.hash for ledger in ledgers_of(node)}
        reached = set()
        for part in range(1, 41):
            copy = tmp_path / f"cut-{part}"
            shutil.copy(path, copy)
            content = log.read_bytes()
            copy.with_name(copy.name + "-wal").write_bytes(content[: len(content) * part // 40])
            file = StateFile(copy)
            if not file.is_new:
                saved = file.load(LOCAL, MAINNET_SETTINGS)
                assert [ledger.hash for ledger in saved.ledgers] == [
                    hashes[sequence] for sequence in range(1, len(saved.ledgers) + 1)
                ]
                reached.add(len(saved.ledgers))
            file.close()
    assert reached == set(hashes)


def ledgers_of(node: NodeHandle) -> list[Any]:
    history = node.chain.history
    return [history.ledger(number) for number in range(1, history.latest.sequence + 1)]


def flip(path: Path, statement: str) -> None:
    """Changes one byte of what a row keeps, as a bad disk would."""
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (
            "UPDATE ledgers SET content = CAST(replace(content, 'hash', 'hush') AS BLOB)",
            "ledger 1 is damaged",
        ),
        ("DELETE FROM ledgers WHERE sequence = 3", "ledger 4 does not follow ledger 2"),
        ("UPDATE ledgers SET content = 'text'", "ledger 1 is damaged"),
        ("UPDATE entries SET live_until = 'text'", "the entry "),
        ("DELETE FROM ledgers", "it has no ledger"),
        ("UPDATE entries SET live_until = live_until + 1 WHERE live_until IS NOT NULL", "the entry "),
        ("UPDATE entries SET entry = substr(entry, 1, 20)", "the entry "),
    ],
)
async def test_a_damaged_file_is_refused(played: Path, damage: str, text: str) -> None:
    flip(played, damage)
    with pytest.raises(StartupError, match=f"is broken: {text}"):
        LocalnetNode(settings(played))


async def test_overwritten_pages_are_refused(played: Path) -> None:
    content = bytearray(played.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xa5" * 64
    played.write_bytes(content)
    with pytest.raises(StartupError, match=r"state file .* (is broken|cannot be (read|opened))"):
        LocalnetNode(settings(played))


def named(transaction: list[Any]) -> dict[str, Any]:
    """A saved transaction with the names of its fields, and so its events."""
    fields = dict(zip(AppliedTransaction._fields, transaction, strict=True))
    for name in ("fee_event", "refund_event"):
        if fields[name] is not None:
            fields[name] = dict(zip(Event._fields, fields[name], strict=True))
    fields["operation_events"] = [
        [dict(zip(Event._fields, event, strict=True)) for event in events]
        for events in fields["operation_events"]
    ]
    return fields


def test_ledgers_that_were_kept_with_the_names_of_all_fields_are_still_read(played: Path) -> None:
    def load() -> SavedChain:
        file = StateFile(played)
        try:
            return file.load(LOCAL, MAINNET_SETTINGS)
        finally:
            file.close()

    saved = load()
    database = sqlite3.connect(played)
    rows = database.execute("SELECT sequence, CAST(content AS BLOB) FROM ledgers").fetchall()
    for sequence, content in rows:
        described = json.loads(content)
        described["ledger"]["transactions"] = list(map(named, described["ledger"]["transactions"]))
        changed = json.dumps(described).encode()
        row = (changed, zlib.crc32(changed), sequence)
        database.execute("UPDATE ledgers SET content = ?, checksum = ? WHERE sequence = ?", row)
    database.commit()
    database.close()
    assert any(ledger.transactions for ledger in saved.ledgers)
    assert load() == saved


async def test_a_file_belongs_to_one_process(tmp_path: Path) -> None:
    path = tmp_path / "chain.state"
    async with running_localnet(runs_clock=False, state=path):
        with pytest.raises(StartupError, match=r"chain\.state is in use by another process"):
            LocalnetNode(settings(path))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (
            {"network": dataclasses.replace(LOCAL, passphrase="Another ; 2026")},
            'network.passphrase is "KALE Local Network ; 2026" there, and "Another ; 2026" here',
        ),
        (
            {"network_settings": dataclasses.replace(MAINNET_SETTINGS, base_fee_stroops=200)},
            "settings.base_fee_stroops is 100 there, and 200 here",
        ),
    ],
)
async def test_another_network_is_refused(played: Path, changed: dict[str, Any], text: str) -> None:
    with pytest.raises(StartupError, match=f"is of another network: {text}"):
        LocalnetNode(settings(played, **changed))


def text_file(path: Path) -> None:
    path.write_text("notes\n" * 1000)


def other_database(path: Path) -> None:
    flip(path, "CREATE TABLE notes (text)")


def other_version(path: Path) -> None:
    StateFile(path).close()
    flip(path, "CREATE TABLE ledgers (sequence)")
    flip(path, "PRAGMA application_id = 1262570565")
    flip(path, "PRAGMA user_version = 9")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (text_file, "cannot be opened: file is not a database"),
        (other_database, "is no state file of a localnet"),
        (other_version, "is of another version of the localnet"),
        (Path.mkdir, "cannot be opened: unable to open database file"),
    ],
)
def test_a_file_of_somebody_else_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], text: str
) -> None:
    path = tmp_path / "file"
    make(path)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(StartupError, match=text):
        StateFile(path)
    assert path.is_dir() or path.read_bytes() == before


async def test_a_node_that_cannot_keep_a_ledger_says_so_and_ends(tmp_path: Path) -> None:
    node = LocalnetNode(settings(tmp_path / "chain.state"), runs_clock=False)
    assert node.state_file is not None
    problem = r"chain\.state cannot be written"
    async with node:
        node.state_file.close()
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{node.admin_url}/clock/step", json={}) as response,
        ):
            assert response.status == 500
            assert re.search(problem, (await response.json())["error"])
        with pytest.raises(StartupError, match=problem):
            await node.run_forever()
