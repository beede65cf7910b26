"""Transactions of a wallet that many tests send: a payment, a plant."""

from stellar_sdk import Asset, TransactionBuilder, TransactionEnvelope

from kale import calls
from tests.localnet.wallet import Wallet


async def payment(wallet: Wallet, fee: int = 100, amount: str = "1") -> TransactionBuilder:
    """To the faucet; `amount` in XLM."""
    return (await wallet.builder(fee)).append_payment_op(
        wallet.node.faucet.public_key, Asset.native(), amount
    )


async def plant_envelope(wallet: Wallet) -> TransactionEnvelope:
    """Without a stake, simulated and signed."""
    return await wallet.prepared(calls.plant(wallet.node.network.farm_contract_id, wallet.address, 0))
