"""From the Pooler's own values to the messages of PoolerService."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from kalepool.v1 import pooler_pb2, types_pb2
from kalepool.v1.errors_pb2 import Reason
from pooler_svc.block_book import WorkState
from pooler_svc.hashers import HashRates
from pooler_svc.machine_load import MachineLoad
from pooler_svc.recent_errors import RecentError
from pooler_svc.rules.phases import Phase
from pooler_svc.status import BlockFacts, LinkStatus, PoolerStatus, WorkProgress
from poolkit.breaker import BreakerState
from poolkit.fields import MOST_STROOPS
from poolkit.rpc_endpoints import EndpointStatus
from poolkit.version import VERSION

_STATES = {
    Phase.IDLE: types_pb2.POOLER_STATE_IDLE,
    Phase.PLANTING: types_pb2.POOLER_STATE_PLANTING,
    Phase.MINING: types_pb2.POOLER_STATE_MINING,
    Phase.SUBMITTING: types_pb2.POOLER_STATE_SUBMITTING,
    Phase.HARVESTING: types_pb2.POOLER_STATE_HARVESTING,
    Phase.DEGRADED: types_pb2.POOLER_STATE_DEGRADED,
}
_WORKS = {
    WorkState.HASHING: pooler_pb2.WORK_PROGRESS_HASHING,
    WorkState.SUBMITTING: pooler_pb2.WORK_PROGRESS_HANDED_IN,
    WorkState.SUBMITTED: pooler_pb2.WORK_PROGRESS_SUBMITTED,
}


def encode_block(facts: BlockFacts) -> pooler_pb2.BlockView:
    """The block as the Pooler sees it."""
    block = facts.block
    return pooler_pb2.BlockView(
        block=types_pb2.Block(
            index=facts.index,
            timestamp=Timestamp(seconds=block.timestamp),
            entropy=block.entropy,
            min_gap=block.min_gap,
            max_gap=block.max_gap,
            min_stake_stroops=_stake_stroops(block.min_stake),
            max_stake_stroops=_stake_stroops(block.max_stake),
            min_zeros=block.min_zeros,
            max_zeros=block.max_zeros,
            staked_total_stroops=_stake_stroops(block.staked_total),
            normalized_total=str(block.normalized_total),
        ),
        ledger=facts.ledger,
        age=_duration(facts.age_seconds),
        next_block_time=Timestamp(seconds=facts.opens_at),
        next_block_can_be_opened=facts.can_be_opened,
        paused=facts.paused,
    )


def encode_status(status: PoolerStatus) -> pooler_pb2.StatusView:
    """The whole status."""
    return pooler_pb2.StatusView(
        status=_STATES[status.phase],
        draining=status.draining,
        current_block=None if status.block is None else encode_block(status.block),
        active_farmers=status.active_farmers,
        farmers=pooler_pb2.FarmerCounts(
            planted=status.farmers.planted,
            hashing=status.farmers.hashing,
            submitted=status.farmers.submitted,
            confirmed=status.farmers.confirmed,
            failed=status.farmers.failed,
        ),
        work_in_progress=[_work(work) for work in status.works],
        machine_load=_load(status.load),
        hash_rate=_rates(status.rates),
        backend_link=_link(status.link),
        rpc_endpoints=[_endpoint(endpoint) for endpoint in status.endpoints],
        recent_errors=[_error(error) for error in status.errors],
        uptime=_duration(status.uptime_seconds),
        version=VERSION,
        network=status.network,
        pails_to_harvest=status.pails_to_harvest,
        blocks_harvested=status.blocks_harvested,
        parts_behind=status.parts_behind,
        latest_ledger=status.latest_ledger,
    )


def _stake_stroops(stake: int) -> int:
    """Within the message's 64 bits; a block without plants has the extremes of the contract's i128."""
    return min(max(stake, 0), MOST_STROOPS)


def _work(work: WorkProgress) -> pooler_pb2.WorkInProgress:
    return pooler_pb2.WorkInProgress(
        farmer_id=work.farmer_id,
        block_index=work.block_index,
        zeros=work.zeros,
        hashes=work.hashes,
        progress=_WORKS[work.work],
    )


def _load(load: MachineLoad) -> types_pb2.MachineLoad:
    return types_pb2.MachineLoad(
        cpu_basis_points=load.cpu_basis_points,
        memory_basis_points=load.memory_basis_points,
        cores=load.cores,
        resident_bytes=load.resident_bytes,
    )


def _rates(rates: HashRates) -> types_pb2.HashRate:
    return types_pb2.HashRate(
        per_second_1s=rates.per_second_1s,
        per_second_1m=rates.per_second_1m,
        per_second_10m=rates.per_second_10m,
        hashes_total=rates.hashes_total,
    )


def _link(link: LinkStatus) -> pooler_pb2.BackendLink:
    heard = link.last_heard_seconds
    return pooler_pb2.BackendLink(
        endpoint=link.endpoint,
        connected=link.connected,
        unacknowledged=link.unacknowledged,
        reconnects=link.reconnects,
        last_heard_age=None if heard is None else _duration(heard),
        requests_total=link.requests_total,
        responses_total=link.responses_total,
    )


def _endpoint(endpoint: EndpointStatus) -> types_pb2.RpcEndpoint:
    closed_at, age = endpoint.latest_close_time, endpoint.answer_age_wall_seconds
    return types_pb2.RpcEndpoint(
        url=endpoint.name,
        latest_ledger=endpoint.latest_ledger,
        latest_ledger_close_time=None if closed_at is None else Timestamp(seconds=closed_at),
        last_answer_age=None if age is None else _duration(age),
        lag_ledgers=endpoint.lag_ledgers,
        available=endpoint.breaker is BreakerState.CLOSED,
    )


def _error(error: RecentError) -> pooler_pb2.RecentError:
    time = Timestamp()
    time.FromNanoseconds(round(error.at * 1e9))
    return pooler_pb2.RecentError(
        time=time, reason=Reason.Value(error.reason), message=error.text, count=error.count
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
