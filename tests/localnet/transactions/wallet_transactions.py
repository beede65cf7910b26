"""Transactions of a wallet that many tests send: a payment, a plant."""

from stellar_sdk import Asset, TransactionBuilder, TransactionEnvelope, xdr

from kale import calls
from tests.localnet.wallet import Outcome, Wallet


async def payment(wallet: Wallet, fee: int = 100, amount: str = "1") -> TransactionBuilder:
    """To the faucet; `amount` in XLM."""
    return (await wallet.builder(fee)).append_payment_op(
        wallet.node.faucet.public_key, Asset.native(), amount
    )


def plant_of(wallet: Wallet, stroops: int = 0) -> xdr.HostFunction:
    return calls.plant(wallet.node.network.farm_contract_id, wallet.address, stroops)


async def plant_envelope(wallet: Wallet) -> TransactionEnvelope:
    """Without a stake, simulated and signed."""
    return await wallet.prepared(plant_of(wallet))


async def plant(wallet: Wallet, stroops: int = 0) -> Outcome:
    return await wallet.call(plant_of(wallet, stroops))
