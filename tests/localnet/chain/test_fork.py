"""A chain that begins with saved entries: the game goes on, and a bad line is refused by its number."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from stellar_sdk import Asset, Keypair, xdr
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.keccak import keccak256
from kale.networks import LOCAL
from kale.puzzle import farmer_key, message
from kale.storage import block_key, decode_block
from localnet.contracts.farm_view import read_farm
from localnet.genesis import FAUCET
from localnet.ledger import wire
from localnet.ledger.accounts import account_key, new_account, stored_account
from localnet.server import LocalnetNode
from localnet.settings import LocalnetSettings
from localnet.testing import NodeHandle, running_localnet
from poolkit.startup_error import StartupError
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet

KEY = Keypair.from_raw_ed25519_seed(b"fork".ljust(32))
ACCOUNT: Mapping[str, Any] = {
    "key": wire.base64_text(account_key(KEY.raw_public_key())),
    "xdr": wire.base64_text(stored_account(new_account(KEY.raw_public_key(), 10**9, 7), 1).data_xdr),
}


async def save(node: NodeHandle, path: Path) -> Path:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{node.admin_url}/entries", json={}) as response,
    ):
        saved = await response.json()
    return write(path, saved["ledger"], *saved["entries"])


def write(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def work_of(node: NodeHandle, farmer: str, nonce: int) -> xdr.HostFunction:
    """A work with any hash: it counts with the zeros that it has."""
    index = read_farm(node.chain.state, LOCAL).index
    stored = node.chain.state.find(block_key(LOCAL.farm_contract_id, index).to_xdr_bytes())
    assert stored is not None
    assert stored.data.contract_data is not None
    block = decode_block(stored.data.contract_data.val)
    solution = keccak256(message(index, block.entropy, farmer_key(farmer), nonce))
    return calls.work(LOCAL.farm_contract_id, farmer, solution, nonce)


async def test_a_farm_that_is_saved_mid_game_is_played_on(tmp_path: Path) -> None:
    farm = LOCAL.farm_contract_id
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        farmer = await Wallet.funded(node, rpc, kale="1000")
        node.close_ledgers(60)
        assert (await farmer.call(calls.plant(farm, farmer.address, 10**7))).succeeded
        saved_at, entries = node.chain.latest, dict(node.chain.state.entries())
        file = await save(node, tmp_path / "entries.jsonl")
    async with running_localnet(runs_clock=False, fork=file) as node, SorobanServerAsync(node.rpc_url) as rpc:
        latest = node.chain.latest
        assert (latest.sequence, latest.close_time) == (saved_at.sequence, saved_at.close_time)
        assert node.chain.state.entries() == entries
        farmer = Wallet(node, rpc, farmer.key)
        assert await farmer.kale_balance() == 999 * 10**7
        node.close_ledgers(30)
        assert (await farmer.call(work_of(node, farmer.address, 1))).succeeded
        node.close_ledgers(30)
        assert (await farmer.call(calls.plant(farm, farmer.address, 0))).succeeded
        assert read_farm(node.chain.state, LOCAL).index == 2
        harvested = await farmer.call(calls.harvest(farm, farmer.address, 1))
        assert harvested.value.i128 is not None
        assert await farmer.kale_balance() == 1000 * 10**7 + harvested.value.i128.lo.uint64


async def test_what_a_real_node_answers_is_taken_as_it_is(tmp_path: Path) -> None:
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        farmer = await Wallet.funded(node, rpc, kale="1000")
        wanted = [account_key(farmer.key.raw_public_key())]
        wanted += [key for key, entry in node.chain.state.entries().items() if entry.live_until is not None]
        request = {"keys": [wire.base64_text(key) for key in wanted]}
        body = {"jsonrpc": "2.0", "id": 1, "method": "getLedgerEntries", "params": request}
        async with aiohttp.ClientSession() as session, session.post(node.rpc_url, json=body) as response:
            told = (await response.json())["result"]["entries"]
        entries = dict(node.chain.state.entries())
    file = write(tmp_path / "entries.jsonl", *told)
    latest_change = max(entry["lastModifiedLedgerSeq"] for entry in told)
    async with running_localnet(runs_clock=False, start_time=START_TIME, fork=file) as node:
        assert (node.chain.latest.sequence, node.chain.latest.close_time) == (latest_change, START_TIME)
        assert {key: node.chain.state.find(key) for key in wanted} == {key: entries[key] for key in wanted}
        assert node.chain.state.find(account_key(FAUCET.raw_public_key())) is not None


async def test_a_fork_is_kept_in_a_state_file_and_begins_no_second_time(tmp_path: Path) -> None:
    file = write(tmp_path / "entries.jsonl", {"latestLedger": 100, "latestLedgerCloseTime": "5"}, ACCOUNT)
    state = tmp_path / "chain.state"
    async with running_localnet(runs_clock=False, fork=file, state=state) as node:
        node.close_ledgers(3)
    with pytest.raises(StartupError, match="has a chain already; a fork needs a new one"):
        LocalnetNode(LocalnetSettings(port=0, fork=file, state=state))
    async with (
        running_localnet(runs_clock=False, state=state) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        assert (node.chain.latest.sequence, node.chain.latest.close_time) == (103, 20)
        wallet = Wallet(node, rpc, KEY)
        paying = (await wallet.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "1")
        assert (await wallet.apply(paying)).succeeded


async def test_lifetimes_are_as_a_node_tells_them(tmp_path: Path) -> None:
    """Untold: a new entry's; 0: archived, or gone if it is temporary."""
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        farmer = await Wallet.funded(node, rpc)
        await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 0))
        mortal = {
            key: entry for key, entry in node.chain.state.entries().items() if entry.live_until is not None
        }
        lines = [
            {"key": wire.base64_text(key), "xdr": wire.base64_text(entry.data_xdr)}
            for key, entry in mortal.items()
        ]
    ledger = {"latestLedger": 1000, "latestLedgerCloseTime": START_TIME}
    file = write(tmp_path / "untold.jsonl", ledger, *lines)
    async with running_localnet(runs_clock=False, fork=file) as node:
        lifetimes = node.chain.settings.lifetimes
        for key, entry in mortal.items():
            life = lifetimes.min_temporary if entry.is_temporary else lifetimes.min_persistent
            assert (found := node.chain.state.find(key)) is not None
            assert found.live_until == 1000 + life - 1
    file = write(tmp_path / "zero.jsonl", ledger, *({**line, "liveUntilLedgerSeq": 0} for line in lines))
    async with running_localnet(runs_clock=False, fork=file) as node:
        kept = {key for key in mortal if node.chain.state.find(key) is not None}
    assert kept == {key for key, entry in mortal.items() if not entry.is_temporary}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ({**ACCOUNT, "balance": 5}, r"balance: Extra inputs are not permitted \(got 5\)"),
        ({"key": ACCOUNT["key"]}, "xdr: Field required"),
        ({**ACCOUNT, "xdr": "AAAA!"}, "xdr: no base64"),
        ({**ACCOUNT, "key": "?"}, "key: no base64"),
        ({**ACCOUNT, "xdr": "AAAAAA=="}, "xdr: no ledger entry"),
        ({**ACCOUNT, "key": "AAAAAA=="}, "key: it is not the key of the entry in xdr"),
        ({**ACCOUNT, "liveUntilLedgerSeq": 9}, "liveUntilLedgerSeq: ACCOUNT lives for ever"),
        ({**ACCOUNT, "lastModifiedLedgerSeq": -1}, r"lastModifiedLedgerSeq: .* \(got -1\)"),
        ({"latestLedger": 0, "latestLedgerCloseTime": 5}, "latestLedger: Extra inputs|key: Field required"),
        (ACCOUNT, "key: .* is there twice"),
    ],
)
def test_a_line_that_cannot_be_is_refused_by_its_number(tmp_path: Path, line: object, text: str) -> None:
    file = write(tmp_path / "entries.jsonl", ACCOUNT, "", line)
    with pytest.raises(StartupError, match=rf"entries\.jsonl, line 3: {text}"):
        LocalnetNode(LocalnetSettings(port=0, fork=file))


def test_a_ledger_that_cannot_be_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "entries.jsonl", {"latestLedger": 2**31, "latestLedgerCloseTime": 5})
    with pytest.raises(StartupError, match=r"line 1: latestLedger: .* or equal to 2147483647 \(got"):
        LocalnetNode(LocalnetSettings(port=0, fork=file))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"fork file .*none\.jsonl cannot be read"):
        LocalnetNode(LocalnetSettings(port=0, fork=tmp_path / "none.jsonl"))
