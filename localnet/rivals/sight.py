"""What a rival sees of the chain: the farm, blocks, pails and accounts as of the latest closed ledger."""

from dataclasses import dataclass
from typing import Final, Self

from stellar_sdk import xdr

from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS
from kale.farm import Block, Farm, Pail
from kale.networks import Network
from localnet.chain.closed_ledger import ClosedLedger
from localnet.contracts.farm_layout import block_data_key, decode_block, decode_pail, pail_data_key
from localnet.contracts.farm_view import read_farm
from localnet.ledger.entries import EntryReader
from localnet.ledger.entry_keys import value_key_bytes

_TEMPORARY: Final = xdr.ContractDataDurability.TEMPORARY


@dataclass(frozen=True)
class Sight:
    """The farm after one ledger. `block` is the current one; None in a farm that nobody has planted in."""

    ledger: ClosedLedger
    reader: EntryReader
    network: Network
    farm: Farm
    block: Block | None

    @classmethod
    def of(cls, ledger: ClosedLedger, reader: EntryReader, network: Network) -> Self:
        """Reads farm and current block."""
        farm = read_farm(reader, network)
        value = _find_data(reader, network, block_data_key(farm.index))
        block = None if value is None else decode_block(value)
        return cls(ledger, reader, network, farm, block)

    @property
    def closes_at(self) -> int:
        """The close time from which a plant opens the next block."""
        return self.farm.block.timestamp + BLOCK_SECONDS

    @property
    def can_be_closed(self) -> bool:
        return self.ledger.close_time >= self.closes_at

    @property
    def plantable_index(self) -> int | None:
        """The block that a plant sent now belongs to; None while the boundary may fall in between."""
        if self.can_be_closed or (self.block is None and self.farm.index > 0):
            return self.farm.index + 1
        return self.farm.index if self.ledger.close_time + LEDGER_SECONDS < self.closes_at else None

    def age_seconds(self) -> int:
        """How old the current block is, in chain time; 0 if there is none."""
        return 0 if self.block is None else self.ledger.close_time - self.block.timestamp

    def find_pail(self, farmer: str, index: int) -> Pail | None:
        value = _find_data(self.reader, self.network, pail_data_key(farmer, index))
        return None if value is None else decode_pail(value)


def _find_data(reader: EntryReader, network: Network, key: bytes) -> bytes | None:
    entry = reader.find(value_key_bytes(network.farm_contract_id, key, _TEMPORARY))
    return None if entry is None else entry.value
