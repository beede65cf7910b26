"""Farmers who keep their keys: authorisation signed ahead, for blocks that do not exist yet."""

import pytest
from stellar_sdk import InvokeHostFunction, TransactionEnvelope, scval, xdr
from stellar_sdk.auth import authorize_entry
from stellar_sdk.soroban_rpc import AuthMode

from kale import calls
from kale.addresses import address_value, sc_address
from kale.storage import decode_farm, farm_instance_key
from localnet.testing import NodeHandle
from tests.localnet.wallet import Wallet

KALE = 10_000_000
LEDGERS_A_BLOCK = 60
_KINDS = xdr.SorobanCredentialsType


def call_tree(
    contract: str, function: str, args: list[xdr.SCVal], *children: xdr.SorobanAuthorizedInvocation
) -> xdr.SorobanAuthorizedInvocation:
    call = xdr.InvokeContractArgs(sc_address(contract), xdr.SCSymbol(function.encode()), args)
    kind = xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN
    return xdr.SorobanAuthorizedInvocation(
        xdr.SorobanAuthorizedFunction(kind, contract_fn=call), list(children)
    )


def signed_ahead(
    farmer: Wallet, nonce: int, last_ledger: int, *, address_bound: bool
) -> xdr.SorobanAuthorizationEntry:
    """What lets anybody plant 1 KALE for the farmer, once: made without asking the chain anything."""
    network = farmer.node.network
    args = [address_value(farmer.address), scval.to_int128(KALE)]
    burn = call_tree(network.asset_contract_id, "burn", args)
    inner = xdr.SorobanAddressCredentials(
        sc_address(farmer.address), xdr.Int64(nonce), xdr.Uint32(last_ledger), scval.to_void()
    )
    if address_bound:
        credentials = xdr.SorobanCredentials(_KINDS.SOROBAN_CREDENTIALS_ADDRESS_V2, address_v2=inner)
    else:
        credentials = xdr.SorobanCredentials(_KINDS.SOROBAN_CREDENTIALS_ADDRESS, address=inner)
    tree = call_tree(network.farm_contract_id, "plant", args, burn)
    entry = xdr.SorobanAuthorizationEntry(credentials, tree)
    return authorize_entry(entry, farmer.key, last_ledger, network.passphrase)


async def plant_by(
    carrier: Wallet, farmer: Wallet, entry: xdr.SorobanAuthorizationEntry
) -> TransactionEnvelope:
    """Prepared and signed by the carrier, who pays."""
    function = calls.plant(farmer.node.network.farm_contract_id, farmer.address, KALE)
    operation = InvokeHostFunction(function, auth=[entry])
    builder = (await carrier.builder()).append_operation(operation)
    envelope = await carrier.rpc.prepare_transaction(builder.build())
    envelope.sign(carrier.key)
    return envelope


def farm_index(node: NodeHandle) -> int:
    entry = node.chain.state.find(farm_instance_key(node.network.farm_contract_id).to_xdr_bytes())
    assert entry is not None
    assert entry.data.contract_data is not None
    return decode_farm(entry.data.contract_data.val).index


@pytest.mark.parametrize("address_bound", [True, False])
async def test_entries_signed_ahead_plant_block_after_block(
    farmer: Wallet, node: NodeHandle, address_bound: bool
) -> None:
    carrier = await Wallet.funded(node, farmer.rpc)
    last_ledger = node.chain.latest.sequence + 1_000
    entries = [
        signed_ahead(farmer, nonce, last_ledger, address_bound=address_bound) for nonce in (7, -1, 2**62)
    ]
    sequence = (await farmer.rpc.load_account(farmer.address)).sequence
    for planted, entry in enumerate(entries):
        outcome = await carrier.include(await plant_by(carrier, farmer, entry))
        assert outcome.succeeded
        assert farm_index(node) == planted
        node.close_ledgers(LEDGERS_A_BLOCK)
    assert await farmer.kale_balance() == 997 * KALE
    assert (await farmer.rpc.load_account(farmer.address)).sequence == sequence


@pytest.mark.parametrize("address_bound", [True, False])
async def test_an_entry_that_was_used_traps_when_it_is_sent_again(
    farmer: Wallet, node: NodeHandle, address_bound: bool
) -> None:
    carrier, other = await Wallet.funded(node, farmer.rpc), await Wallet.funded(node, farmer.rpc)
    entry = signed_ahead(farmer, 7, node.chain.latest.sequence + 1_000, address_bound=address_bound)
    first, second = await plant_by(carrier, farmer, entry), await plant_by(other, farmer, entry)
    assert (await carrier.include(first)).succeeded
    node.close_ledgers(LEDGERS_A_BLOCK)
    replayed = await other.include(second)
    assert replayed.invocation_code == xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED
    assert await farmer.kale_balance() == 999 * KALE


async def test_an_entry_that_is_simulated_in_its_last_ledger_fails_in_the_next(
    farmer: Wallet, node: NodeHandle
) -> None:
    """A simulation stands at the latest closed ledger, and applying one later."""
    carrier = await Wallet.funded(node, farmer.rpc)
    entry = signed_ahead(farmer, 7, node.chain.latest.sequence, address_bound=True)
    envelope = await plant_by(carrier, farmer, entry)
    outcome = await carrier.include(envelope)
    assert outcome.invocation_code == xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED


async def test_given_entries_come_back_unchanged_from_a_simulation_that_enforces(
    farmer: Wallet, node: NodeHandle
) -> None:
    carrier = await Wallet.funded(node, farmer.rpc)
    entry = signed_ahead(farmer, 7, node.chain.latest.sequence + 10, address_bound=False)
    function = calls.plant(node.network.farm_contract_id, farmer.address, KALE)
    builder = (await carrier.builder()).append_operation(InvokeHostFunction(function, auth=[entry]))
    response = await carrier.rpc.simulate_transaction(builder.build(), auth_mode=AuthMode.ENFORCE)
    assert response.results is not None
    assert response.results[0].auth == [entry.to_xdr()]
