"""What the rivals' calls declare: simulated once a kind of call, with room for the calls after it.

Simulating each would be as true, and would cost as much as applying it.
"""

from dataclasses import dataclass
from typing import Final

from stellar_sdk import xdr

from kale.calls import ExpectedFootprint
from localnet.chain.chain import Chain
from localnet.contracts.registry import FARM_CODE_HASH
from localnet.ledger import wire
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.simulation import SimulationError, SimulationOptions, Simulator

_SPARE_BYTES: Final = 1_024
# Two write entries and a block's rent more than in the simulation; what is not needed comes back.
_SPARE_STROOPS: Final = 500_000

_ENVELOPE_KIND: Final = wire.int32(xdr.EnvelopeType.ENVELOPE_TYPE_TX)
_FARM_CODE: Final = xdr.LedgerKey(
    xdr.LedgerEntryType.CONTRACT_CODE, contract_code=xdr.LedgerKeyContractCode(xdr.Hash(FARM_CODE_HASH))
)


@dataclass(frozen=True)
class Needed:
    """The resources of one kind of call; the fee is the one for resources, in stroops."""

    instructions: int
    disk_read_bytes: int
    write_bytes: int
    fee_stroops: int

    def declare(self, footprint: ExpectedFootprint) -> xdr.SorobanTransactionData:
        """The declaration of a call that touches this, and the farm's code."""
        touched = xdr.LedgerFootprint([_FARM_CODE, *footprint.read_only], list(footprint.read_write))
        return xdr.SorobanTransactionData(
            ext=xdr.SorobanTransactionDataExt(0),
            resources=xdr.SorobanResources(
                touched,
                xdr.Uint32(self.instructions),
                xdr.Uint32(self.disk_read_bytes),
                xdr.Uint32(self.write_bytes),
            ),
            resource_fee=xdr.Int64(self.fee_stroops),
        )


class Pricing:
    """Remembers what each kind of call needs."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._needed: dict[str, Needed] = {}

    def __repr__(self) -> str:
        return f"Pricing({', '.join(self._needed)})"

    def find(self, kind: str) -> Needed | None:
        """What a kind of call needs, if one was simulated since the last that failed."""
        return self._needed.get(kind)

    def forget(self, kind: str) -> None:
        """Simulates the next one again: one of them has failed."""
        self._needed.pop(kind, None)

    def simulate(self, kind: str, transaction: xdr.Transaction) -> Needed | None:
        """Finds it out by simulating an unsigned transaction; None if that fails."""
        chain = self._chain
        raw = _ENVELOPE_KIND + transaction.to_xdr_bytes() + wire.array(())
        simulator = Simulator(chain.state, chain.ledger_info(), chain.settings)
        try:
            simulation = simulator.simulate(decode_envelope(raw, chain.network_id), SimulationOptions())
        except SimulationError:
            return None
        data = xdr.SorobanTransactionData.from_xdr_bytes(simulation.proposal.transaction_data)
        needed = Needed(
            instructions=data.resources.instructions.uint32 * 5 // 4,
            disk_read_bytes=data.resources.disk_read_bytes.uint32 + _SPARE_BYTES,
            write_bytes=data.resources.write_bytes.uint32 + _SPARE_BYTES,
            fee_stroops=simulation.proposal.resource_fee_stroops + _SPARE_STROOPS,
        )
        self._needed[kind] = needed
        return needed
