"""What a meddler does to other farmers: works and harvests their pails, and pays them dust.

None of it needs their consent. All of it is decided by chance, pail by pail, as soon as a pail is planted.
"""

from collections import deque
from random import Random
from typing import Final

from stellar_sdk import Asset, Payment

from kale.networks import Network
from localnet.rivals import farm_calls
from localnet.rivals.group import Meddler
from localnet.rivals.hash_power import best_zeros, hash_with, hashes_in
from localnet.rivals.sight import Sight
from localnet.rivals.wallet import Wallet
from localnet.soroban.side_door import SideDoor

#: One stroop: the least that can be paid.
_DUST: Final = "0.0000001"


class Meddling:
    """One meddler's plans for the pails of others."""

    def __init__(self, number: int, group: Meddler, network: Network) -> None:
        self._number = number
        self._group = group
        self._network = network
        self._kale = Asset(network.asset_code, network.asset_issuer)
        self._to_work: deque[tuple[str, int]] = deque()
        self._to_harvest: deque[tuple[str, int]] = deque()
        self._to_dust: deque[tuple[str, int]] = deque()

    def __repr__(self) -> str:
        return f"Meddling({len(self._to_work)} works, {len(self._to_harvest)} harvests to come)"

    def see(self, farmer: str, index: int) -> None:
        """A pail of somebody else's was planted."""
        random = self._random("plan", farmer, index)
        for share, planned in (
            (self._group.work_share, self._to_work),
            (self._group.harvest_share, self._to_harvest),
            (self._group.dust_share, self._to_dust),
        ):
            if random.random() < share:
                planned.append((farmer, index))

    def meddles(self, sight: Sight, wallet: Wallet, door: SideDoor) -> bool:
        """Harvests or works one pail, if there is one that can be."""
        return self._harvests(sight, wallet) or self._works(sight, wallet, door)

    def pays_dust(self, wallet: Wallet) -> bool:
        """Pays a farmer a stroop, of XLM or of KALE by turns."""
        if not self._to_dust:
            return False
        farmer, index = self._to_dust.popleft()
        asset = Asset.native() if index % 2 else self._kale
        return wallet.send([Payment(farmer, asset, _DUST)])

    def _harvests(self, sight: Sight, wallet: Wallet) -> bool:
        while self._to_harvest and self._to_harvest[0][1] < sight.farm.index:
            farmer, index = self._to_harvest.popleft()
            pail = sight.find_pail(farmer, index)
            if pail is not None and pail.gap is not None:
                return wallet.call(farm_calls.harvest(self._network, farmer, index))
        return False

    def _works(self, sight: Sight, wallet: Wallet, door: SideDoor) -> bool:
        while self._to_work and self._to_work[0][1] < sight.farm.index:
            self._to_work.popleft()
        if sight.can_be_closed or sight.age_seconds() < self._group.delay_seconds:
            return False
        while self._to_work and self._to_work[0][1] == sight.farm.index:
            farmer, index = self._to_work.popleft()
            random = self._random("search", farmer, index)
            zeros = best_zeros(random, hashes_in(self._group.mhs, sight.age_seconds()))
            pail = sight.find_pail(farmer, index)
            if pail is not None and (pail.zeros is None or pail.zeros < zeros):
                nonce, found = random.getrandbits(64), hash_with(zeros, random.randbytes(32))
                door.grant(index, farmer, nonce, found)
                return wallet.call(farm_calls.work(self._network, farmer, index, found, nonce))
        return False

    def _random(self, what: str, farmer: str, index: int) -> Random:
        return Random(f"{self._group.seed}:{self._number}:{what}:{farmer}:{index}")
