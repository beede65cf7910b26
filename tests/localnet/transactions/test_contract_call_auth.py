"""A plant that a farmer signed and another account sends."""

import pytest
from stellar_sdk import InvokeHostFunction, TransactionEnvelope, xdr
from stellar_sdk.auth import authorize_entry
from stellar_sdk.soroban_rpc import AuthMode

from tests.localnet.transactions.wallet_transactions import plant_of
from tests.localnet.wallet import Wallet

KALE = 10_000_000
TRAPPED = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED
LEDGERS_A_BLOCK = 60


async def authorized_plant(
    farmer: Wallet, sender: Wallet, *, address_bound: bool
) -> list[xdr.SorobanAuthorizationEntry]:
    """What the farmer signs so that `sender` may send a plant of 1 KALE."""
    builder = (await sender.builder()).append_operation(InvokeHostFunction(plant_of(farmer, KALE)))
    simulated = await farmer.rpc.simulate_transaction(builder.build(), use_upgraded_auth=address_bound)
    assert simulated.results is not None
    assert simulated.results[0].auth is not None
    last_ledger = farmer.node.chain.latest.sequence + 100
    return [
        authorize_entry(entry, farmer.key, last_ledger, farmer.node.network.passphrase)
        for entry in simulated.results[0].auth
    ]


async def sent_by(
    sender: Wallet, farmer: Wallet, auth: list[xdr.SorobanAuthorizationEntry]
) -> TransactionEnvelope:
    operation = InvokeHostFunction(plant_of(farmer, KALE), auth=auth)
    builder = (await sender.builder()).append_operation(operation)
    envelope = await sender.rpc.prepare_transaction(builder.build())
    envelope.sign(sender.key)
    return envelope


@pytest.mark.parametrize("address_bound", [True, False])
async def test_a_plant_that_the_farmer_signed_is_sent_by_another_account(
    farmer: Wallet, address_bound: bool
) -> None:
    sender = await Wallet.funded(farmer.node, farmer.rpc)
    auth = await authorized_plant(farmer, sender, address_bound=address_bound)
    kinds = xdr.SorobanCredentialsType
    expected = kinds.SOROBAN_CREDENTIALS_ADDRESS_V2 if address_bound else kinds.SOROBAN_CREDENTIALS_ADDRESS
    assert [entry.credentials.type for entry in auth] == [expected]
    assert (await sender.include(await sent_by(sender, farmer, auth))).succeeded
    assert await farmer.kale_balance() == 999 * KALE


async def test_signed_authorisation_is_good_for_one_plant(farmer: Wallet) -> None:
    sender = await Wallet.funded(farmer.node, farmer.rpc)
    auth = await authorized_plant(farmer, sender, address_bound=True)
    first = await sent_by(sender, farmer, auth)
    assert (await sender.include(first)).succeeded
    farmer.node.close_ledgers(LEDGERS_A_BLOCK)
    operation = InvokeHostFunction(plant_of(farmer, KALE), auth=auth)
    builder = (await sender.builder()).append_operation(operation)
    again = await sender.rpc.simulate_transaction(builder.build())
    assert again.error is not None
    assert again.error.startswith("HostError: Error(Auth, ExistingValue)")


async def test_signed_authorisation_expires(farmer: Wallet) -> None:
    sender = await Wallet.funded(farmer.node, farmer.rpc)
    envelope = await sent_by(sender, farmer, await authorized_plant(farmer, sender, address_bound=True))
    farmer.node.close_ledgers(101)
    failed = await sender.include(envelope)
    assert failed.invocation_code == TRAPPED
    assert await farmer.kale_balance() == 1000 * KALE


async def test_without_the_farmers_signature_nobody_plants_for_them(farmer: Wallet) -> None:
    sender = await Wallet.funded(farmer.node, farmer.rpc)
    builder = (await sender.builder()).append_operation(InvokeHostFunction(plant_of(farmer, KALE)))
    simulated = await farmer.rpc.simulate_transaction(builder.build(), auth_mode=AuthMode.ENFORCE)
    assert simulated.error is not None
    assert simulated.error.startswith("HostError: Error(Auth, InvalidAction)")
