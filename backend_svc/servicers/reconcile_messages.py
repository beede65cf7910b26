"""What a reconciliation found, in the words of the protos. Pure."""

from typing import Final

from backend_svc.reconcile import Reconciliation
from backend_svc.rules.agreement import Disagreement, Finding
from backend_svc.store.reports import Totals
from kalepool.v1.admin_pb2 import ReconcileFinding, ReconcileFindingKind, ReconcileSummary

_BALANCE: Final = ReconcileFindingKind.RECONCILE_FINDING_KIND_BALANCE
_ENTRIES: Final = ReconcileFindingKind.RECONCILE_FINDING_KIND_ENTRIES
_PAIL: Final = ReconcileFindingKind.RECONCILE_FINDING_KIND_PAIL
_KINDS: Final = {
    Disagreement.TRUSTLINE: (_BALANCE, "balance_stroops", True),
    Disagreement.FREE_ENTRIES: (_ENTRIES, "free_stroops", True),
    Disagreement.IN_PLAY_ENTRIES: (_ENTRIES, "in_play_stroops", True),
    Disagreement.FREE_BALANCE: (_ENTRIES, "free_stroops", True),
    Disagreement.IN_PLAY_BALANCE: (_ENTRIES, "in_play_stroops", True),
    Disagreement.PAIL_MISSING: (
        ReconcileFindingKind.RECONCILE_FINDING_KIND_PAIL_MISSING,
        "stake_stroops",
        False,
    ),
    Disagreement.PAIL_STAKE: (_PAIL, "stake_stroops", True),
    Disagreement.PAIL_LEDGER: (_PAIL, "plant_ledger", False),
    Disagreement.PAIL_GAP: (_PAIL, "gap", False),
    Disagreement.PAIL_ZEROS: (_PAIL, "zeros", False),
}


def finding_messages(result: Reconciliation) -> list[ReconcileFinding]:
    """Each difference, then each farmer that never held still long enough to be judged."""
    unsettled = [
        ReconcileFinding(
            kind=ReconcileFindingKind.RECONCILE_FINDING_KIND_TRANSACTION,
            farmer_id=farmer_id,
            field="status",
            recorded="unsettled",
            description=f"farmer {farmer_id}: something is under way, so it could not be compared",
        )
        for farmer_id in result.unsettled
    ]
    return [*map(_finding, result.findings), *unsettled]


def summary_message(result: Reconciliation, totals: Totals, findings: int) -> ReconcileSummary:
    return ReconcileSummary(
        reconciled=result.reconciled,
        farmers=len(result.comparisons),
        pails=sum(each.pails for each in result.comparisons),
        findings=findings,
        unexplained=findings,
        ledger=max((each.ledger for each in result.comparisons), default=0),
        recorded_total_stroops=sum(each.recorded_stroops for each in result.comparisons),
        on_chain_total_stroops=sum(each.on_chain_stroops for each in result.comparisons),
        staked_total_stroops=totals.staked_stroops,
        reward_total_stroops=totals.reward_stroops,
    )


def _finding(finding: Finding) -> ReconcileFinding:
    kind, field, is_amount = _KINDS[finding.what]
    message = ReconcileFinding(
        kind=kind,
        farmer_id=finding.farmer_id,
        field=field,
        recorded="" if finding.expected is None else str(finding.expected),
        on_chain="" if finding.actual is None else str(finding.actual),
        difference_stroops=(finding.actual or 0) - (finding.expected or 0) if is_amount else 0,
        description=str(finding),
    )
    if finding.block_index is not None:
        message.block_index = finding.block_index
    return message
