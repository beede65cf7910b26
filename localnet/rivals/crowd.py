"""All rivals of one chain: funded by its bank, told of each ledger, playing in the localnet's own process."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from stellar_sdk import Keypair, xdr

from kale.addresses import account_text
from kale.storage import pail_data_key
from localnet.chain.chain import Chain
from localnet.chain.closed_ledger import ClosedLedger
from localnet.genesis import RIVALS, development_key
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import data_key_bytes
from localnet.rivals.bank import Bank
from localnet.rivals.group import MAX_RIVALS, Meddler, RivalGroup
from localnet.rivals.meddling import Meddling
from localnet.rivals.pricing import Pricing
from localnet.rivals.rival import Rival
from localnet.rivals.sight import Sight
from localnet.rivals.wallet import Wallet
from poolkit.startup_error import StartupError

#: The last bytes of a pail's key: the farmer's key, the index as SCVal, the durability.
_FARMER: Final = slice(-44, -12)
_INDEX: Final = slice(-8, -4)


class RivalsRefused(StartupError):
    """These rivals cannot play on this chain; the text says why."""


class Crowd:
    """The rivals, and the chain's observer that lets them act."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._pricing = Pricing(chain)
        self._bank = Bank(chain, self._pricing)
        self._rivals: list[Rival] = []
        self._seen: set[tuple[bytes, int]] = set()
        any_pail = pail_data_key(RIVALS.public_key, 0)
        durability = xdr.ContractDataDurability.TEMPORARY
        self._pail_prefix = data_key_bytes(chain.network.farm_contract_id, any_pail, durability)[:-44]

    def __repr__(self) -> str:
        return f"Crowd({len(self._rivals)} rivals)"

    @property
    def rivals(self) -> Sequence[Rival]:
        return tuple(self._rivals)

    def add(self, groups: Iterable[RivalGroup]) -> None:
        """Lets more rivals play, from the next ledgers on. Raises RivalsRefused, and adds none then."""
        wanted = [group for group in groups for _ in range(group.count)]
        if len(self._rivals) + len(wanted) > MAX_RIVALS:
            raise RivalsRefused(
                f"rivals are {len(self._rivals) + len(wanted)} in all, must be at most {MAX_RIVALS}"
            )
        unpaid = [rival.group for rival in self._rivals if not self._bank.has_paid(rival)]
        refusal = self._bank.refusal(unpaid + wanted)
        if refusal is not None:
            raise RivalsRefused(refusal)
        if wanted and not self._rivals:
            self._chain.observers.append(self._ledger_closed)
        for number, group in enumerate(wanted, start=len(self._rivals) + 1):
            self._rivals.append(self._new(number, group))

    def clear(self) -> None:
        """No rival acts any more; what they have planted stays."""
        if self._rivals:
            self._chain.observers.remove(self._ledger_closed)
        self._rivals.clear()

    def _new(self, number: int, group: RivalGroup) -> Rival:
        network = self._chain.network
        wallet = Wallet(self._chain, self._pricing, rival_key(number))
        meddling = Meddling(number, group, network) if isinstance(group, Meddler) else None
        return Rival(number, group, wallet, network, meddling)

    def _ledger_closed(self, ledger: ClosedLedger, changes: Mapping[bytes, StoredEntry | None]) -> None:
        sight = Sight.of(ledger, self._chain.state, self._chain.network)
        self._chain.side_door.close_before(sight.farm.index)
        self._look_for_pails(changes, sight.farm.index)
        balances = self._bank.fund(self._rivals)
        for rival in self._rivals:
            if rival.number in balances:
                rival.act(sight, balances[rival.number], self._chain.side_door)

    def _look_for_pails(self, changes: Mapping[bytes, StoredEntry | None], current_index: int) -> None:
        """Shows each new pail of a stranger to the meddlers."""
        meddlings = [rival.meddling for rival in self._rivals if rival.meddling is not None]
        if not meddlings:
            return
        own = {rival.wallet.public_key for rival in self._rivals}
        self._seen = {pail for pail in self._seen if pail[1] >= current_index}
        for key, entry in changes.items():
            if entry is None or not key.startswith(self._pail_prefix):
                continue
            pail = key[_FARMER], int.from_bytes(key[_INDEX], "big")
            if pail[0] in own or pail[1] != current_index or pail in self._seen:
                continue
            self._seen.add(pail)
            for meddling in meddlings:
                meddling.see(account_text(pail[0]), current_index)


def rival_key(number: int) -> Keypair:
    """The development key of the rival with this number."""
    return development_key(f"rival-{number}")
