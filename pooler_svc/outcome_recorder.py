"""Writes what the Backend tells into the book, and into log and recent errors where it went wrong."""

from collections.abc import Sequence

from pooler_svc.block_book import BlockBook, WorkState
from pooler_svc.changes import Changes
from pooler_svc.outcomes import (
    Failure,
    FarmerPlanted,
    HarvestOutcome,
    PlantFailed,
    PlantSummary,
    ReceiptState,
    WorkReceipt,
    WorkSummary,
)
from pooler_svc.recent_errors import RecentErrors
from poolkit.logs import get_logger

log = get_logger(__name__)

_FAILED_STATES = frozenset({ReceiptState.FAILED, ReceiptState.REFUSED})


class OutcomeRecorder:
    """The one place where messages change the book; every message is announced."""

    def __init__(self, book: BlockBook, changes: Changes, errors: RecentErrors) -> None:
        self._book = book
        self._changes = changes
        self._errors = errors

    def plant_outcome(self, outcome: FarmerPlanted | PlantFailed) -> None:
        """One farmer is planted, or isn't."""
        if isinstance(outcome, FarmerPlanted):
            self._book.note_planted(outcome)
        else:
            self._book.note_plant_failed(outcome)
            self._note("plant failed", outcome.block_index, outcome.farmer_id, outcome.failure)
        self._changes.announce()

    def plant_summary(self, summary: PlantSummary) -> None:
        """All farmers of a block have their outcome."""
        log.info(
            "block planted", block_index=summary.block_index, planted=summary.planted, failed=summary.failed
        )
        self._book.note_plant_summary(summary)
        self._changes.announce()

    def plant_refused(self, block_index: int, failure: Failure) -> None:
        """The Backend doesn't plant this block, or not now."""
        self._note("plant request refused", block_index, "", failure)
        self._book.note_plant_refused(block_index)
        self._changes.announce()

    def work_receipt(self, receipt: WorkReceipt) -> None:
        """One farmer's work got further, or failed."""
        self._book.note_receipt(receipt)
        farmer = self._book.find_farmer(receipt.block_index, receipt.farmer_id)
        # The Backend may have got another nonce of this farmer into a ledger: then nothing is lost.
        confirmed = farmer is not None and farmer.work is WorkState.CONFIRMED
        if receipt.state in _FAILED_STATES and receipt.failure is not None and not confirmed:
            self._note(f"work {receipt.state.value}", receipt.block_index, receipt.farmer_id, receipt.failure)
        self._changes.announce()

    def work_summary(self, summary: WorkSummary) -> None:
        """All works of a block are at their end."""
        log.info(
            "block worked",
            block_index=summary.block_index,
            confirmed=summary.confirmed,
            failed=summary.failed,
        )
        self._book.block(summary.block_index).finished = True
        self._changes.announce()

    def harvest_outcome(self, outcome: HarvestOutcome) -> None:
        """One pail is harvested, or isn't."""
        self._book.note_harvest(outcome)
        if outcome.failure is not None:
            self._note("harvest failed", outcome.block_index, outcome.farmer_id, outcome.failure)
        self._changes.announce()

    def harvest_answered(self, block_indexes: Sequence[int]) -> None:
        """Every pail of these blocks has its outcome."""
        self._book.note_harvest_answered(block_indexes)
        self._changes.announce()

    def harvest_refused(self, block_indexes: Sequence[int], failure: Failure) -> None:
        """The Backend doesn't harvest these blocks now; they are asked for again later."""
        self._book.note_harvest_answered(block_indexes)
        log.warning("harvest request refused", block_indexes=block_indexes, reason=failure.reason)
        self._errors.note(failure.reason, f"harvest of blocks {block_indexes} refused: {failure.text}")

    def _note(self, event: str, block_index: int, farmer_id: str, failure: Failure) -> None:
        log.warning(
            event, block_index=block_index, farmer_id=farmer_id, reason=failure.reason, text=failure.text
        )
        whose = f", farmer {farmer_id}" if farmer_id else ""
        self._errors.note(failure.reason, f"{event} in block {block_index}{whose}: {failure.text}")
