"""One rival: plants, works and harvests for itself, one transaction at a time."""

from dataclasses import dataclass
from random import Random
from typing import Final

from kale.networks import Network
from localnet.rivals import farm_calls
from localnet.rivals.group import RivalGroup
from localnet.rivals.hash_power import hash_with
from localnet.rivals.meddling import Meddling
from localnet.rivals.sight import Sight
from localnet.rivals.strategies import is_time_to_work, zeros_found
from localnet.rivals.wallet import Wallet
from localnet.soroban.side_door import SideDoor

_HARVEST_TRIES: Final = 3


@dataclass(frozen=True)
class _Found:
    index: int
    nonce: int
    hash: bytes


class Rival:
    """A farmer with a strategy. `number` counts the rivals of a chain from 1."""

    def __init__(
        self, number: int, group: RivalGroup, wallet: Wallet, network: Network, meddling: Meddling | None
    ) -> None:
        self.number = number
        self.group = group
        self.wallet = wallet
        self.meddling = meddling
        self._network = network
        self._found: _Found | None = None
        self._harvest_tries: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"Rival({self.number}, {self.group.strategy}, {self.wallet!r})"

    def act(self, sight: Sight, balance_stroops: int, door: SideDoor) -> None:
        """Sends at most one transaction, to be in the next ledger. `balance_stroops` is its free KALE."""
        if not self.wallet.is_free():
            return
        if self._plants(sight, balance_stroops) or self._works(sight, door):
            return
        if self.meddling is not None and self.meddling.meddles(sight, self.wallet, door):
            return
        if not self._harvests(sight) and self.meddling is not None:
            self.meddling.pays_dust(self.wallet)

    def _plants(self, sight: Sight, balance_stroops: int) -> bool:
        index = sight.plantable_index
        if index is None or sight.find_pail(self.wallet.address, index) is not None:
            return False
        stake = min(self.group.stake_stroops, balance_stroops)
        indexes = {sight.farm.index, index}
        return self.wallet.call(farm_calls.plant(self._network, self.wallet.address, indexes, stake))

    def _works(self, sight: Sight, door: SideDoor) -> bool:
        if not is_time_to_work(self.group, sight):
            return False
        index = sight.farm.index
        pail = sight.find_pail(self.wallet.address, index)
        if pail is None or pail.zeros is not None:
            return False
        found = self._search(sight)
        door.grant(index, self.wallet.address, found.nonce, found.hash)
        self._harvest_tries[index] = 0
        return self.wallet.call(
            farm_calls.work(self._network, self.wallet.address, index, found.hash, found.nonce)
        )

    def _search(self, sight: Sight) -> _Found:
        """What it has found for the current block; found once, however often it has to be sent."""
        index = sight.farm.index
        if self._found is None or self._found.index != index:
            assert sight.block is not None
            random = Random(f"{self.group.seed}:{self.number}:{index}")
            zeros = zeros_found(self.group, random, sight.block, sight.age_seconds())
            self._found = _Found(index, random.getrandbits(64), hash_with(zeros, random.randbytes(32)))
        return self._found

    def _harvests(self, sight: Sight) -> bool:
        for index, tries in list(self._harvest_tries.items()):
            if index >= sight.farm.index:
                continue
            pail = sight.find_pail(self.wallet.address, index)
            if pail is None or pail.gap is None or tries >= _HARVEST_TRIES:
                del self._harvest_tries[index]
                continue
            self._harvest_tries[index] += 1
            return self.wallet.call(farm_calls.harvest(self._network, self.wallet.address, index))
        return False
