"""A KALE block: plant, work, harvest; and plants that others carry for their farmers."""

import asyncio
from typing import Any

from stellar_sdk import Keypair, TransactionBuilder, TransactionEnvelope, scval, xdr
from stellar_sdk.auth import authorize_entry
from stellar_sdk.base_soroban_server import Durability

from kale.keccak import keccak256
from tests.conformance.python_client.network import STROOPS, Applied, LocalNetwork
from tests.conformance.python_client.results import describe_meta, describe_result, plain

STAKE_STROOPS = 10 * STROOPS
BLOCK_SECONDS = 300
NONCE = 7


def describe_call(applied: Applied) -> dict[str, Any]:
    return {
        "status": applied.response.status.value,
        **describe_result(applied.result),
        **describe_meta(applied.meta),
    }


async def farm_call(
    network: LocalNetwork,
    source: Keypair,
    function: str,
    args: list[xdr.SCVal],
    auth: list[xdr.SorobanAuthorizationEntry] | None = None,
) -> TransactionBuilder:
    builder = await network.builder(source)
    return builder.append_invoke_contract_function_op(network.farm, function, args, auth)


def plant_arguments(farmer: Keypair, stroops: int = STAKE_STROOPS) -> list[xdr.SCVal]:
    return [scval.to_address(farmer.public_key), scval.to_int128(stroops)]


async def prepared(network: LocalNetwork, builder: TransactionBuilder, key: Keypair) -> TransactionEnvelope:
    envelope = await network.server.prepare_transaction(builder.build())
    envelope.sign(key)
    return envelope


async def simulation_error(network: LocalNetwork, builder: TransactionBuilder) -> str:
    """The first line of why a call fails."""
    simulated = await network.server.simulate_transaction(builder.build())
    return (simulated.error or "no error").splitlines()[0]


async def farm_index(network: LocalNetwork) -> int:
    farm = await stored(
        network, xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE), Durability.PERSISTENT
    )
    assert farm.instance is not None
    assert farm.instance.storage is not None
    return next(
        scval.from_uint32(entry.val)
        for entry in farm.instance.storage.sc_map
        if scval.to_native(entry.key) == ["FarmIndex"]
    )


async def stored(
    network: LocalNetwork, key: xdr.SCVal, durability: Durability = Durability.TEMPORARY
) -> xdr.SCVal:
    found = await network.server.get_contract_data(network.farm, key, durability)
    assert found is not None
    data = xdr.LedgerEntryData.from_xdr(found.xdr).contract_data
    assert data is not None
    return data.val


def block_key(index: int) -> xdr.SCVal:
    return scval.to_vec([scval.to_symbol("Block"), scval.to_uint32(index)])


def pail_key(farmer: Keypair, index: int) -> xdr.SCVal:
    return scval.to_vec(
        [scval.to_symbol("Pail"), scval.to_address(farmer.public_key), scval.to_uint32(index)]
    )


async def plant(network: LocalNetwork) -> None:
    farmer = network.farmer
    calling = await farm_call(network, farmer, "plant", plant_arguments(farmer))
    envelope = await prepared(network, calling, farmer)
    planted = await network.include(envelope)
    again = await farm_call(network, farmer, "plant", plant_arguments(farmer))
    network.report("plant-again", {"error": await simulation_error(network, again)})
    network.report("plant", {**describe_call(planted), "returnValue": plain(planted.return_value)})
    index = await farm_index(network)
    pail = plain(await stored(network, pail_key(farmer, index)))
    network.report(
        "pail", {**pail, "sequenceAgrees": pail["sequence"] == str(planted.response.ledger), "index": index}
    )
    block = plain(await stored(network, block_key(index)))
    network.report("block", {**block, "entropyHexDigits": len(block["entropy"])})


def solution(farmer: Keypair, index: int, entropy: bytes, nonce: int) -> bytes:
    return keccak256(index.to_bytes(4, "big") + nonce.to_bytes(8, "big") + entropy + farmer.raw_public_key())


async def work(network: LocalNetwork) -> None:
    farmer = network.farmer
    index = await farm_index(network)
    block = scval.to_native(await stored(network, block_key(index)))
    assert isinstance(block, dict)
    pail = scval.to_native(await stored(network, pail_key(farmer, index)))
    assert isinstance(pail, dict)
    await network.ledger_at(pail["sequence"] + 1)
    answer = solution(farmer, index, block["entropy"], NONCE)
    arguments = [scval.to_address(farmer.public_key), scval.to_bytes(answer), scval.to_uint64(NONCE)]
    wrong = [*arguments[:2], scval.to_uint64(NONCE + 1)]
    failing = await farm_call(network, network.carrier, "work", wrong)
    network.report("work-wrong-hash", {"error": await simulation_error(network, failing)})
    calling = await farm_call(network, network.carrier, "work", arguments)
    worked = await network.include(await prepared(network, calling, network.carrier))
    gap = scval.from_uint32(worked.return_value)
    network.report(
        "work",
        {
            **describe_call(worked),
            "gapAgrees": gap == (worked.response.ledger or 0) - pail["sequence"],
        },
    )


async def authorised(
    network: LocalNetwork,
    calling: TransactionBuilder,
    signer: Keypair,
    *,
    address_bound: bool = True,
    valid_ledgers: int = 500,
) -> xdr.SorobanAuthorizationEntry:
    """The authorisation that a simulation records for a call, signed."""
    simulated = await network.server.simulate_transaction(calling.build(), use_upgraded_auth=address_bound)
    assert simulated.results is not None
    assert simulated.results[0].auth is not None
    (entry,) = simulated.results[0].auth
    return authorize_entry(entry, signer, simulated.latest_ledger + valid_ledgers, network.passphrase)


async def carried_plant(
    network: LocalNetwork, farmer: Keypair, *auth: xdr.SorobanAuthorizationEntry, stroops: int = STAKE_STROOPS
) -> TransactionBuilder:
    """A farmer's plant in a transaction of the carrier's."""
    return await farm_call(network, network.carrier, "plant", plant_arguments(farmer, stroops), list(auth))


async def carried(network: LocalNetwork) -> None:
    """Both farmers sign first; then the carrier sends one after the other."""
    cases = (
        ("plant-legacy", network.legacy_farmer, False),
        ("plant-address-bound", network.bound_farmer, True),
    )
    entries = [
        await authorised(network, await carried_plant(network, farmer), farmer, address_bound=address_bound)
        for _, farmer, address_bound in cases
    ]
    for (case, farmer, _), entry in zip(cases, entries, strict=True):
        calling = await carried_plant(network, farmer, entry)
        planted = await network.include(await prepared(network, calling, network.carrier))
        arm = entry.credentials.type.name.removeprefix("SOROBAN_CREDENTIALS_")
        network.report(case, {**describe_call(planted), "credentials": arm})
    used = await carried_plant(network, network.bound_farmer, entries[1])
    network.report("authorisation-replayed", {"error": await simulation_error(network, used)})


async def refused_authorisations(network: LocalNetwork) -> None:
    farmer = network.farmer
    calling = await carried_plant(network, farmer)
    for case, signer, valid_ledgers, stroops in (
        ("authorisation-forged", network.carrier, 500, STAKE_STROOPS),
        ("authorisation-expired", farmer, -1, STAKE_STROOPS),
        ("authorisation-too-long", farmer, 10_000_000, STAKE_STROOPS),
        ("authorisation-other-call", farmer, 500, STAKE_STROOPS + 1),
    ):
        entry = await authorised(network, calling, signer, valid_ledgers=valid_ledgers)
        refused = await carried_plant(network, farmer, entry, stroops=stroops)
        network.report(case, {"error": await simulation_error(network, refused)})


async def not_ready(network: LocalNetwork) -> None:
    farmer = network.farmer
    index = await farm_index(network)
    early = await farm_call(
        network, network.carrier, "harvest", [scval.to_address(farmer.public_key), scval.to_uint32(index)]
    )
    network.report("harvest-not-ready", {"error": await simulation_error(network, early)})
    network.worked_index = index


async def next_block(network: LocalNetwork) -> None:
    """Waits until the next block can be opened; the farmer's plant opens it."""
    farmer = network.farmer
    before = await farm_index(network)
    opened = plain(await stored(network, block_key(before)))
    while (
        int((await network.server.get_latest_ledger()).close_time) < int(opened["timestamp"]) + BLOCK_SECONDS
    ):
        await asyncio.sleep(0.1)
    await refused_authorisations(network)
    calling = await farm_call(network, farmer, "plant", plant_arguments(farmer))
    await network.include(await prepared(network, calling, farmer))
    network.report("next-block", {"opened": await farm_index(network) - before})
    arguments = [scval.to_address(farmer.public_key), scval.to_uint32(network.worked_index)]
    calling = await farm_call(network, network.carrier, "harvest", arguments)
    harvested = await network.include(await prepared(network, calling, network.carrier))
    reward = scval.from_int128(harvested.return_value)
    network.report("harvest", {**describe_call(harvested), "rewarded": reward > 0})
    again = await farm_call(network, network.carrier, "harvest", arguments)
    network.report("harvest-again", {"error": await simulation_error(network, again)})


OPENING = (plant, work, not_ready, carried)
CLOSING = (next_block,)
