"""The account that pays the rivals their XLM and KALE, by real transactions."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from stellar_sdk import Asset, ChangeTrust, CreateAccount, Payment
from stellar_sdk.operation import Operation

from kale.constants import STROOPS_PER_KALE
from localnet.chain.chain import Chain
from localnet.genesis import RIVALS
from localnet.ledger.accounts import find_account, find_trustline
from localnet.rivals.group import RivalGroup
from localnet.rivals.pricing import Pricing
from localnet.rivals.rival import Rival
from localnet.rivals.wallet import Wallet

#: Enough for the fees of a month, and stakes for three days without a harvest.
_RIVAL_XLM: Final = "10000"
_FUNDED_BLOCKS: Final = 1_000
#: A transaction has at most 20 signatures, and one of them is the bank's.
_RIVALS_A_TRANSACTION: Final = 19


class Bank:
    """Pays each rival once, before it first plays."""

    def __init__(self, chain: Chain, pricing: Pricing) -> None:
        self._chain = chain
        self._wallet = Wallet(chain, pricing, RIVALS)
        self._kale = Asset(chain.network.asset_code, chain.network.asset_issuer)
        self._kale_xdr = self._kale.to_xdr_object()
        self._paid: set[str] = set()

    def __repr__(self) -> str:
        return f"Bank({len(self._paid)} paid)"

    def refusal(self, groups: Sequence[RivalGroup]) -> str | None:
        """Why it cannot pay rivals of these groups, one a rival; None if it can."""
        held = self._kale_of(self._wallet.public_key)
        if held is None:
            return f"the chain has no account {RIVALS.public_key} with KALE that pays rivals"
        needed = sum(group.stake_stroops * _FUNDED_BLOCKS for group in groups)
        if needed > held:
            return (
                f"stakes for {_FUNDED_BLOCKS} blocks are {needed} stroops in all, must be at most {held}: "
                f"that is left on {RIVALS.public_key}"
            )
        return None

    def has_paid(self, rival: Rival) -> bool:
        return rival.wallet.address in self._paid

    def fund(self, rivals: Iterable[Rival]) -> dict[int, int]:
        """Pays those who can't play yet; the free KALE (stroops) of those who can, by their numbers."""
        balances: dict[int, int] = {}
        waiting: list[Rival] = []
        for rival in rivals:
            held = self._kale_of(rival.wallet.public_key)
            if held is not None and (self.has_paid(rival) or held >= rival.group.stake_stroops):
                self._paid.add(rival.wallet.address)
                balances[rival.number] = held
            else:
                waiting.append(rival)
        if waiting and self._wallet.is_free():
            self._pay(waiting[:_RIVALS_A_TRANSACTION])
        return balances

    def _pay(self, rivals: Sequence[Rival]) -> None:
        operations = [operation for rival in rivals for operation in self._payment(rival)]
        acting = {operation.source.account_id for operation in operations if operation.source is not None}
        signers = [rival.wallet.key for rival in rivals if rival.wallet.address in acting]
        self._wallet.send(operations, signers)

    def _payment(self, rival: Rival) -> list[Operation]:
        """First the account; once that is in a ledger, trustline and stakes."""
        address = rival.wallet.address
        if find_account(self._chain.state, rival.wallet.public_key) is None:
            return [CreateAccount(address, _RIVAL_XLM)]
        operations: list[Operation] = []
        if self._kale_of(rival.wallet.public_key) is None:
            operations.append(ChangeTrust(self._kale, source=address))
        if rival.group.stake_stroops > 0:
            amount = Decimal(rival.group.stake_stroops * _FUNDED_BLOCKS) / STROOPS_PER_KALE
            operations.append(Payment(address, self._kale, amount))
        return operations

    def _kale_of(self, public_key: bytes) -> int | None:
        line = find_trustline(self._chain.state, public_key, self._kale_xdr)
        return None if line is None else line.balance.int64
