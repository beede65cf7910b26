"""The friendbot's answers, and that they come after inclusion."""

import asyncio
from typing import Any

import aiohttp
import pytest
from stellar_sdk import Asset, Keypair, StrKey
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale.networks import LOCAL
from localnet.genesis import FAUCET
from localnet.ledger.accounts import find_account
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.wallet import Wallet

FAST = 500.0


async def ask(node: NodeHandle, address: str | None, method: str = "GET") -> tuple[int, Any]:
    params = {} if address is None else {"addr": address}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, node.friendbot_url, params=params) as response,
    ):
        return response.status, await response.json(content_type=None)


def xlm_stroops(node: NodeHandle, key: Keypair) -> int:
    account = find_account(node.chain.state, key.raw_public_key())
    return 0 if account is None else account.balance.int64


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_new_account_has_its_xlm_when_the_friendbot_answers(method: str) -> None:
    async with running_localnet(speed=FAST) as node, SorobanServerAsync(node.rpc_url) as rpc:
        key = Keypair.random()
        status, body = await ask(node, key.public_key, method)
        assert (status, body["successful"]) == (200, True)
        assert (await rpc.get_transaction(body["hash"])).status.value == "SUCCESS"
        assert xlm_stroops(node, key) == 10_000 * 10**7
        assert (await rpc.load_account(key.public_key)).account.account_id == key.public_key


async def test_many_farmers_are_funded_at_once() -> None:
    async with running_localnet(speed=FAST) as node:
        keys = [Keypair.random() for _ in range(50)]
        answers = await asyncio.gather(*(ask(node, key.public_key) for key in keys))
        assert {status for status, _ in answers} == {200}
        assert all(xlm_stroops(node, key) == 10_000 * 10**7 for key in keys)


async def test_a_poor_account_gets_the_amount_again_and_a_rich_one_nothing() -> None:
    async with running_localnet(speed=FAST) as node, SorobanServerAsync(node.rpc_url) as rpc:
        wallet = Wallet(node, rpc, Keypair.random())
        await ask(node, wallet.address)
        status, body = await ask(node, wallet.address)
        assert (status, body["detail"]) == (400, "account already funded to starting balance")
        await wallet.apply((await wallet.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "1"))
        assert (await ask(node, wallet.address))[0] == 200
        assert xlm_stroops(node, wallet.key) > 19_998 * 10**7


@pytest.mark.parametrize("address", [None, "", "GABC", "S" * 56, FAUCET.public_key.lower()])
async def test_a_bad_address_is_refused_by_name_of_the_field(node: NodeHandle, address: str | None) -> None:
    status, body = await ask(node, address)
    assert status == 400
    assert body == {
        "type": "https://stellar.org/friendbot-errors/bad_request",
        "title": "Bad Request",
        "status": 400,
        "detail": "The request you sent was invalid in some way.",
        "extras": {
            "invalid_field": "addr",
            "reason": "invalid address: must be a valid G or C address",
        },
    }


async def test_a_contract_gets_its_xlm_once() -> None:
    async with running_localnet(speed=FAST) as node, SorobanServerAsync(node.rpc_url) as rpc:
        address = StrKey.encode_contract(bytes(range(32)))
        status, body = await ask(node, address)
        assert (status, body["successful"]) == (200, True)
        assert (await rpc.get_transaction(body["hash"])).status.value == "SUCCESS"
        held = await rpc.get_sac_balance(address, Asset.native(), LOCAL.passphrase)
        assert held.balance_entry is not None
        assert held.balance_entry.amount == 10_000 * 10**7
        status, body = await ask(node, address)
        assert (status, body["detail"]) == (400, "account already funded to starting balance")


async def test_the_address_may_come_in_a_form() -> None:
    async with running_localnet(speed=FAST) as node, aiohttp.ClientSession() as session:
        form = {"addr": Keypair.random().public_key}
        async with session.post(node.friendbot_url, data=form) as response:
            assert (response.status, (await response.json())["successful"]) == (200, True)


async def test_what_is_not_the_friendbots_is_refused(node: NodeHandle) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{node.friendbot_url}/more") as response:
            body = await response.json(content_type="application/problem+json")
            assert (response.status, body["title"]) == (404, "Resource Missing")
        async with session.put(node.friendbot_url) as response:
            assert response.status == 405
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        async with session.post(node.friendbot_url, data=b"no parts", headers=headers) as response:
            assert response.status == 400


async def test_the_loser_of_a_race_is_told_in_words_that_clients_know() -> None:
    async with running_localnet(speed=FAST) as node:
        address = Keypair.random().public_key
        answers = await asyncio.gather(*(ask(node, address) for _ in range(2)))
        (lost,) = [body for status, body in answers if status == 400]
        assert lost["detail"] == ("createAccountAlreadyExist (AAAAAAAAAGT/////AAAAAQAAAAAAAAAA/////AAAAAA=)")
