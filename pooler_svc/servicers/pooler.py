"""PoolerService: what operators ask of a Pooler."""

from collections.abc import AsyncIterator, Hashable
from dataclasses import replace
from typing import Any, Final

import grpc
from google.protobuf.duration_pb2 import Duration

from kalepool.v1 import pooler_pb2, pooler_pb2_grpc
from pooler_svc.plant_coordinator import PlantCoordinator
from pooler_svc.servicers.encoding import encode_block, encode_status
from pooler_svc.status import BlockFacts, PoolerStatus, StatusBoard
from pooler_svc.watching import Watches
from poolkit.errors import RpcUnavailable
from poolkit.fields import FieldChecks

Context = grpc.aio.ServicerContext[Any, Any]

_USUAL_INTERVAL_SECONDS: Final = 1.0
_LEAST_INTERVAL_SECONDS, _MOST_INTERVAL_SECONDS = 0.1, 60.0


class PoolerServicer(pooler_pb2_grpc.PoolerServiceServicer):
    """Thin handlers over the StatusBoard. Whoever has a key of this Pooler may call them all."""

    def __init__(self, board: StatusBoard, coordinator: PlantCoordinator, watches: Watches) -> None:
        self._board = board
        self._coordinator = coordinator
        self._watches = watches

    async def GetBlock(  # noqa: N802
        self, request: pooler_pb2.GetBlockRequest, context: Context
    ) -> pooler_pb2.GetBlockResponse:
        facts = self._board.block()
        if facts is None:
            raise RpcUnavailable("no block has been seen yet")
        return pooler_pb2.GetBlockResponse(view=encode_block(facts))

    async def WatchBlocks(  # noqa: N802
        self, request: pooler_pb2.WatchBlocksRequest, context: Context
    ) -> AsyncIterator[pooler_pb2.WatchBlocksResponse]:
        sequence = 0
        async for facts in self._watches.watch(self._board.block, _block_identity):
            sequence += 1
            yield pooler_pb2.WatchBlocksResponse(sequence=sequence, view=encode_block(facts))

    async def GetStatus(  # noqa: N802
        self, request: pooler_pb2.GetStatusRequest, context: Context
    ) -> pooler_pb2.GetStatusResponse:
        return pooler_pb2.GetStatusResponse(view=encode_status(self._board.status()))

    async def WatchStatus(  # noqa: N802
        self, request: pooler_pb2.WatchStatusRequest, context: Context
    ) -> AsyncIterator[pooler_pb2.WatchStatusResponse]:
        interval = _interval_wall_seconds(request)
        sequence = 0
        async for status in self._watches.watch(self._board.status, _status_identity, interval):
            sequence += 1
            yield pooler_pb2.WatchStatusResponse(sequence=sequence, view=encode_status(status))

    async def Drain(  # noqa: N802
        self, request: pooler_pb2.DrainRequest, context: Context
    ) -> pooler_pb2.DrainResponse:
        with FieldChecks() as check:
            check.uuid("request_id", request.request_id)
        self._coordinator.drain()
        return pooler_pb2.DrainResponse(view=encode_status(self._board.status()))


def _interval_wall_seconds(request: pooler_pb2.WatchStatusRequest) -> float:
    if not request.HasField("interval"):
        return _USUAL_INTERVAL_SECONDS
    seconds = _seconds(request.interval)
    with FieldChecks() as check:
        check.require(
            _LEAST_INTERVAL_SECONDS <= seconds <= _MOST_INTERVAL_SECONDS,
            "interval",
            f"must be from {_LEAST_INTERVAL_SECONDS:g} to {_MOST_INTERVAL_SECONDS:g} s",
            seconds,
        )
    return seconds


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _block_identity(facts: BlockFacts) -> BlockFacts:
    """What makes two sights of a block different: not its age, nor the ledger of the reading."""
    return replace(facts, age_seconds=0.0, ledger=0)


def _status_identity(status: PoolerStatus) -> Hashable:
    """Time passing is no change, and no part is behind for long."""
    return replace(
        status,
        uptime_seconds=0.0,
        parts_behind=0,
        latest_ledger=0,
        block=None if status.block is None else _block_identity(status.block),
        link=replace(status.link, last_heard_seconds=None),
        endpoints=tuple(replace(endpoint, answer_age_wall_seconds=None) for endpoint in status.endpoints),
    )
