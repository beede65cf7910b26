"""The questions of reconcile: everything that we have written down of each farmer's KALE."""

from typing import Any

from backend_svc.rules.agreement import FarmerRecords, PailRecord
from backend_svc.store.database import in_transaction

# Unsettled: something of this farmer's may be on the chain and not yet in the rows.
_FARMERS = """
SELECT f.id::text, f.public_key,
    EXISTS (SELECT FROM transactions t WHERE t.farmer_id = f.id AND t.status IN ('prepared', 'submitted'))
        OR EXISTS (SELECT FROM plantings p WHERE p.farmer_id = f.id AND p.status = 'planting')
        OR EXISTS (SELECT FROM works w WHERE w.farmer_id = f.id AND w.status = 'submitting')
        OR EXISTS (SELECT FROM harvests h WHERE h.farmer_id = f.id AND h.claimed_until > now()),
    coalesce(b.free_stroops, 0), coalesce(b.in_play_stroops, 0)
FROM farmers f LEFT JOIN farmer_balances b ON b.farmer_id = f.id
WHERE %(farmer)s::uuid IS NULL OR f.id = %(farmer)s::uuid
ORDER BY f.id
"""

_ENTRIES = """
SELECT n.farmer_id::text,
    sum(n.amount_stroops) FILTER (WHERE n.account = 'farmer_free'),
    sum(n.amount_stroops) FILTER (WHERE n.account = 'farmer_in_play'),
    sum(n.amount_stroops) FILTER (WHERE n.account = 'farmer_free' AND e.chain_event_id IS NOT NULL)
FROM ledger_entries n JOIN ledger_events e ON e.id = n.event_id
WHERE n.farmer_id IS NOT NULL
GROUP BY n.farmer_id
"""

_STAKED = """
SELECT farmer_id::text, sum(stake_stroops) FROM plantings WHERE status = 'planted' GROUP BY farmer_id
"""

_RETURNED = """
SELECT farmer_id::text, sum(reward_stroops + stake_stroops) FROM harvests
WHERE status = 'harvested' AND NOT by_outsider
GROUP BY farmer_id
"""

_PAILS = """
SELECT p.farmer_id::text, p.block_index, p.stake_stroops, p.plant_ledger, w.gap, w.confirmed_zeros
FROM plantings p LEFT JOIN works w ON w.planting_id = p.id AND w.status = 'confirmed'
WHERE p.status = 'planted'
    AND NOT EXISTS (SELECT FROM harvests h WHERE h.planting_id = p.id AND h.status = 'harvested')
    AND NOT EXISTS (SELECT FROM ledger_events e
        WHERE e.kind IN ('stake_forfeited', 'stake_returned') AND e.reference_id = p.id)
    AND NOT EXISTS (SELECT FROM harvests h WHERE h.planting_id = p.id AND h.status = 'failed')
ORDER BY p.farmer_id, p.block_index
"""


def farmer_records(farmer_id: str | None = None) -> dict[str, FarmerRecords]:
    """By farmer id, of one farmer or of all."""
    entries = {row[0]: row[1:] for row in _rows(_ENTRIES)}
    staked = dict(_rows(_STAKED))
    returned = dict(_rows(_RETURNED))
    pails: dict[str, list[PailRecord]] = {}
    for farmer, *record in _rows(_PAILS):
        pails.setdefault(farmer, []).append(PailRecord(*record))
    return {
        farmer: FarmerRecords(
            farmer_id=farmer,
            public_key=public_key,
            unsettled=unsettled,
            funded_stroops=_sum(entries, farmer, 2),
            staked_stroops=int(staked.get(farmer, 0)),
            returned_stroops=int(returned.get(farmer, 0)),
            in_play_stroops=sum(pail.stake_stroops for pail in pails.get(farmer, ())),
            free_entries_stroops=_sum(entries, farmer, 0),
            in_play_entries_stroops=_sum(entries, farmer, 1),
            free_balance_stroops=free,
            in_play_balance_stroops=in_play,
            pails=tuple(pails.get(farmer, ())),
        )
        for farmer, public_key, unsettled, free, in_play in _rows(_FARMERS, {"farmer": farmer_id})
    }


def _rows(statement: str, parameters: dict[str, Any] | None = None) -> list[Any]:
    rows: list[Any] = in_transaction().execute_sql(statement, parameters).fetchall()
    return rows


def _sum(entries: dict[str, Any], farmer_id: str, column: int) -> int:
    return int((entries[farmer_id][column] if farmer_id in entries else 0) or 0)
