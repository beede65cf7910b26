"""Farmers for a local pool: registered over gRPC, funded with XLM, confirmed, paid in KALE."""

import asyncio
import uuid

from stellar_sdk import Keypair

from kale.constants import STROOPS_PER_KALE
from kale.networks import LOCAL
from kalepool.v1 import farmer_pb2
from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub
from kalepool_cli.demo.wallets import Wallet, ask_friendbot
from kalepool_cli.local_pool import LocalPool
from localnet.genesis import FAUCET
from poolkit.errors import PoolError
from poolkit.stellar_rpc import StellarRpc

FARMER_KALE_STROOPS = 1_000 * STROOPS_PER_KALE
# A block's stake comes back only when the next block has been planted: with half of the balance in play,
# the other half is there to plant.
STAKE_BASIS_POINTS = 5_000
# On a chain whose nodes fail or lag; on another the first succeeds.
_CONFIRM_TRIES = 20


async def add_farmers(pool: LocalPool, count: int) -> list[farmer_pb2.Farmer]:
    """Register custodial farmers with the pool's pooler: active, and with 1,000 KALE each."""
    async with pool.admin_channel() as channel:
        service = FarmerServiceStub(channel)
        payout_wallet = Keypair.random().public_key
        registered = [
            await service.RegisterFarmer(_registration(pool, number, payout_wallet))
            for number in range(1, count + 1)
        ]
        addresses = [answer.farmer.public_key for answer in registered]
        await ask_friendbot(pool.friendbot_url, addresses)

        async def confirm(farmer_id: str) -> farmer_pb2.Farmer:
            for _ in range(_CONFIRM_TRIES):
                # Each try is a request of its own: a refusal is an answer, which stays.
                request = farmer_pb2.ConfirmFundingRequest(request_id=str(uuid.uuid4()), farmer_id=farmer_id)
                try:
                    return (await service.ConfirmFunding(request)).farmer
                except PoolError as error:
                    refusal = error
                await asyncio.sleep(max(pool.ledger_wall_seconds, refusal.retry_after or 0))
            raise refusal

        farmers = await asyncio.gather(*(confirm(answer.farmer.id) for answer in registered))
    async with StellarRpc([pool.rpc_url]) as rpc:
        faucet = Wallet(rpc, LOCAL, FAUCET, pool.ledger_wall_seconds / 2)
        await faucet.pay_kale(addresses, FARMER_KALE_STROOPS)
    return farmers


def _registration(pool: LocalPool, number: int, payout_wallet: str) -> farmer_pb2.RegisterFarmerRequest:
    return farmer_pb2.RegisterFarmerRequest(
        request_id=str(uuid.uuid4()),
        user_email=f"farmer-{number}@example.org",
        pooler_id=pool.pooler_id,
        payout_wallet=payout_wallet,
        stake_basis_points=STAKE_BASIS_POINTS,
    )
