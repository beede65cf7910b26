"""Whether our records of a farmer agree among themselves and with the chain, to the stroop. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from kale.farm import Pail


class Disagreement(StrEnum):
    """What was compared.

    trustline: KALE on the chain against funded − stakes + Σ(reward + stake).
    free_entries, in_play_entries: sums of the ledger entries against the rows.
    free_balance, in_play_balance: the kept balance against the sum of entries.
    pail_…: a live pail on the chain against its planting and work.
    """

    TRUSTLINE = "trustline"
    FREE_ENTRIES = "free_entries"
    IN_PLAY_ENTRIES = "in_play_entries"
    FREE_BALANCE = "free_balance"
    IN_PLAY_BALANCE = "in_play_balance"
    PAIL_MISSING = "pail_missing"
    PAIL_STAKE = "pail_stake"
    PAIL_LEDGER = "pail_ledger"
    PAIL_GAP = "pail_gap"
    PAIL_ZEROS = "pail_zeros"


@dataclass(frozen=True)
class Finding:
    """One difference. `expected` is ours, `actual` the other side's (None: not there).

    Amounts are stroops; gaps, ledgers and zeros are numbers of their kind.
    """

    farmer_id: str
    what: Disagreement
    expected: int | None
    actual: int | None
    block_index: int | None = None

    def __str__(self) -> str:
        place = "" if self.block_index is None else f" in block {self.block_index}"
        return f"farmer {self.farmer_id}{place}: {self.what} is {self.actual}, expected {self.expected}"


@dataclass(frozen=True)
class PailRecord:
    """What our rows say of a live pail: planted, and neither harvested nor forfeited."""

    block_index: int
    stake_stroops: int
    plant_ledger: int
    gap: int | None
    zeros: int | None


@dataclass(frozen=True)
class FarmerRecords:
    """All that we have written down of a farmer's KALE, in stroops.

    funded: movements that only the chain tells of, in less out. staked: all
    planted rows. returned: reward and stake of rows that we harvested (a
    stranger's harvest came in as funded). in_play: stakes of live pails.
    """

    farmer_id: str
    public_key: str
    unsettled: bool
    funded_stroops: int
    staked_stroops: int
    returned_stroops: int
    in_play_stroops: int
    free_entries_stroops: int
    in_play_entries_stroops: int
    free_balance_stroops: int
    in_play_balance_stroops: int
    pails: tuple[PailRecord, ...] = ()

    @property
    def expected_free_stroops(self) -> int:
        return self.funded_stroops - self.staked_stroops + self.returned_stroops


def disagreements(records: FarmerRecords, trustline_stroops: int, pails: dict[int, Pail]) -> list[Finding]:
    """Everything that does not agree; `pails` are those on the chain, by block index."""
    expected = records.expected_free_stroops
    compared = (
        (Disagreement.TRUSTLINE, expected, trustline_stroops),
        (Disagreement.FREE_ENTRIES, expected, records.free_entries_stroops),
        (Disagreement.IN_PLAY_ENTRIES, records.in_play_stroops, records.in_play_entries_stroops),
        (Disagreement.FREE_BALANCE, records.free_entries_stroops, records.free_balance_stroops),
        (Disagreement.IN_PLAY_BALANCE, records.in_play_entries_stroops, records.in_play_balance_stroops),
    )
    findings = [
        Finding(records.farmer_id, what, ours, theirs) for what, ours, theirs in compared if ours != theirs
    ]
    for record in records.pails:
        findings.extend(_pail_findings(records.farmer_id, record, pails.get(record.block_index)))
    return findings


def _pail_findings(farmer_id: str, record: PailRecord, pail: Pail | None) -> list[Finding]:
    index = record.block_index
    if pail is None:
        return [Finding(farmer_id, Disagreement.PAIL_MISSING, record.stake_stroops, None, index)]
    compared: list[tuple[Disagreement, int | None, int | None]] = [
        (Disagreement.PAIL_STAKE, record.stake_stroops, pail.stake),
        (Disagreement.PAIL_LEDGER, record.plant_ledger, pail.sequence),
    ]
    if not _is_worked_by_stranger(record, pail):
        compared += [
            (Disagreement.PAIL_GAP, record.gap, pail.gap),
            (Disagreement.PAIL_ZEROS, record.zeros, pail.zeros),
        ]
    return [
        Finding(farmer_id, what, ours, theirs, index) for what, ours, theirs in compared if ours != theirs
    ]


def _is_worked_by_stranger(record: PailRecord, pail: Pail) -> bool:
    """Anybody may work a pail: first, or anew with more zeros. The contract takes nothing else."""
    if pail.zeros is None:
        return False
    return record.zeros is None or pail.zeros > record.zeros
