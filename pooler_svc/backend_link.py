"""The Pooler's conversations with the Backend: three resumable streams, and the unary calls beside them."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import grpc

from kalepool.v1 import backend_pb2, types_pb2
from kalepool.v1.backend_pb2_grpc import BackendServiceStub
from pooler_svc import backend_messages as messages
from pooler_svc.block_book import Solution
from pooler_svc.farmer_roster import AssignedFarmer
from pooler_svc.outcome_recorder import OutcomeRecorder
from pooler_svc.outcomes import Failure, ReceiptState, WorkReceipt
from pooler_svc.status import LinkStatus
from poolkit.breaker import CircuitBreaker
from poolkit.errors import BackendTimeout, BackendUnavailable, PoolError
from poolkit.logs import get_logger
from poolkit.session import SentRequest, SessionState, StreamSession
from poolkit.supervisor import Supervisor

log = get_logger(__name__)
R = TypeVar("R", backend_pb2.PlantRequest, backend_pb2.WorkRequest, backend_pb2.HarvestRequest)

_PAGE_SIZE: Final = 1_000
_GOODBYE_WALL_SECONDS: Final = 3.0
# A refusal follows its request closely: this is more than may wait for acknowledgement together.
_REMEMBERED_REQUESTS: Final = 10_000


class BackendLink:
    """Sends what the Pooler decides and has recorded what the Backend tells.

    What is sent is kept and sent again, over reconnects, until the Backend has committed it. Sending
    raises CapacityExceeded when far too much waits. One circuit breaker covers all calls.
    """

    def __init__(
        self,
        address: str,
        channel: grpc.aio.Channel,
        recorder: OutcomeRecorder,
        *,
        call_wall_seconds: float,
    ) -> None:
        self._address = address
        self._recorder = recorder
        self._call_wall_seconds = call_wall_seconds
        self._stub = BackendServiceStub(channel)
        # The stubs' types ask for a request iterator; without one the stream is written by hand.
        streams: Any = self._stub
        self._breaker = CircuitBreaker("backend")
        self._plants = StreamSession(
            "plant", streams.Plant, backend_pb2.PlantRequest, self._on_plant, breaker=self._breaker
        )
        self._works = StreamSession(
            "work", streams.Work, backend_pb2.WorkRequest, self._on_work, breaker=self._breaker
        )
        self._harvests = StreamSession(
            "harvest",
            streams.Harvest,
            backend_pb2.HarvestRequest,
            self._on_harvest,
            breaker=self._breaker,
        )
        self._sent_plants: deque[SentRequest[backend_pb2.PlantRequest]] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._sent_works: deque[SentRequest[backend_pb2.WorkRequest]] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._sent_harvests: deque[SentRequest[backend_pb2.HarvestRequest]] = deque(
            maxlen=_REMEMBERED_REQUESTS
        )

    def __repr__(self) -> str:
        return f"BackendLink({self._plants!r}, {self._works!r}, {self._harvests!r})"

    @property
    def _sessions(self) -> tuple[StreamSession[Any, Any], ...]:
        return (self._plants, self._works, self._harvests)

    @property
    def caught_up(self) -> bool:
        """Whether everything that the Backend knew of unfinished blocks when we started is recorded."""
        return all(session.caught_up for session in self._sessions)

    @property
    def connected(self) -> bool:
        """Whether all streams are open."""
        return all(session.state is SessionState.OPEN for session in self._sessions)

    def start(self, supervisor: Supervisor) -> None:
        """Keep the streams connected from now on."""
        for session in self._sessions:
            supervisor.start(f"{session.name} stream", session.run_forever)

    async def close(self) -> None:
        """Send what is queued and say goodbye on all streams at once."""
        await asyncio.gather(*(session.close(_GOODBYE_WALL_SECONDS) for session in self._sessions))

    def status(self) -> LinkStatus:
        """How the link is; heard of last on whichever stream."""
        statuses = [session.status() for session in self._sessions]
        heard = [each.heard_wall_seconds_ago for each in statuses if each.heard_wall_seconds_ago is not None]
        return LinkStatus(
            endpoint=self._address,
            connected=self.connected,
            unacknowledged=sum(each.unacknowledged for each in statuses),
            reconnects=sum(max(0, each.connections - 1) for each in statuses),
            last_heard_seconds=min(heard, default=None),
            requests_total=sum(each.last_request for each in statuses),
            responses_total=sum(each.last_response for each in statuses),
        )

    def plant_block(self, block_index: int, capacity: int, deadline: float, attempt: int) -> None:
        """Have a block planted until `deadline` (chain time)."""
        request = messages.plant_request(block_index, capacity, deadline, attempt)
        self._sent_plants.append(self._plants.send(request))

    def send_candidate(self, block_index: int, farmer_id: str, solution: Solution) -> None:
        """Let the Backend keep a nonce."""
        self._send_work(messages.found_request(block_index, farmer_id, solution, submit=False))

    def submit_now(self, block_index: int, farmer_id: str, solution: Solution) -> None:
        """Have a nonce submitted."""
        self._send_work(messages.found_request(block_index, farmer_id, solution, submit=True))

    def give_up(self, block_index: int, farmer_id: str, failure: Failure) -> None:
        """Say that no work comes for this farmer."""
        self._send_work(messages.given_up_request(block_index, farmer_id, failure))

    def finish_block(self, block_index: int) -> None:
        """Say that nothing more comes for this block."""
        self._send_work(messages.block_finished_request(block_index))

    def harvest_blocks(self, block_indexes: list[int]) -> None:
        """Have blocks harvested; no index: whatever is open."""
        self._sent_harvests.append(self._harvests.send(messages.harvest_request(block_indexes)))

    async def list_assigned_farmers(self) -> Sequence[AssignedFarmer]:
        """All farmers of this Pooler. Raises PoolError."""
        farmers: list[AssignedFarmer] = []
        page_token = ""
        while True:
            page = await self._list_page(page_token)
            farmers += [messages.decode_farmer(farmer) for farmer in page.farmers]
            page_token = page.next_page_token
            if not page_token:
                return farmers

    async def check(self) -> str:
        """Whether the Backend answers and takes our key: what it says of itself. Raises PoolError."""
        health = await self._stub.GetHealth(backend_pb2.GetHealthRequest(), timeout=self._call_wall_seconds)
        farmers = await self.list_assigned_farmers()
        return f"version {health.version} at {self._address}, {len(farmers)} farmers assigned"

    async def _list_page(self, page_token: str) -> backend_pb2.ListAssignedFarmersResponse:
        if not self._breaker.admit():
            raise BackendUnavailable(f"the Backend at {self._address} did not answer lately")
        request = backend_pb2.ListAssignedFarmersRequest(page_size=_PAGE_SIZE, page_token=page_token)
        try:
            page = await self._stub.ListAssignedFarmers(request, timeout=self._call_wall_seconds)
        except (BackendUnavailable, BackendTimeout):
            self._breaker.failed()
            raise
        except PoolError:
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return page

    def _send_work(self, request: backend_pb2.WorkRequest) -> None:
        self._sent_works.append(self._works.send(request))

    async def _on_plant(self, response: backend_pb2.PlantResponse) -> None:
        match response.WhichOneof("message"):
            case "outcome":
                self._recorder.plant_outcome(messages.decode_plant_outcome(response.outcome))
            case "summary":
                self._recorder.plant_summary(messages.decode_plant_summary(response.summary))
            case "refused":
                request = _find_request(self._sent_plants, response.refused.request_sequence)
                if request is not None:
                    failure = messages.decode_failure(response.refused.failure)
                    self._recorder.plant_refused(request.plant_block.block_index, failure)

    async def _on_work(self, response: backend_pb2.WorkResponse) -> None:
        match response.WhichOneof("message"):
            case "receipt":
                receipt = messages.decode_receipt(response.receipt)
                if receipt is not None:
                    self._recorder.work_receipt(receipt)
            case "summary":
                self._recorder.work_summary(messages.decode_work_summary(response.summary))
            case "refused":
                self._on_work_refused(response.refused)

    def _on_work_refused(self, refused: types_pb2.RequestRefused) -> None:
        """A refused work result is as good as a receipt that says so."""
        request = _find_request(self._sent_works, refused.request_sequence)
        if request is None or not request.HasField("work_result"):
            return
        result = request.work_result
        self._recorder.work_receipt(
            WorkReceipt(
                result.block_index,
                result.farmer_id,
                ReceiptState.REFUSED,
                nonce=result.nonce,
                zeros=result.zeros,
                failure=messages.decode_failure(refused.failure),
            )
        )

    async def _on_harvest(self, response: backend_pb2.HarvestResponse) -> None:
        match response.WhichOneof("message"):
            case "outcome":
                self._recorder.harvest_outcome(messages.decode_harvest_outcome(response.outcome))
            case "totals":
                log.info(
                    "harvested",
                    pails=response.totals.harvested,
                    failed=response.totals.failed,
                    reward_stroops=response.totals.reward_total_stroops,
                )
                request = _find_request(self._sent_harvests, response.totals.request_sequence)
                if request is not None:
                    self._recorder.harvest_answered(request.harvest_blocks.block_indexes)
            case "refused":
                request = _find_request(self._sent_harvests, response.refused.request_sequence)
                if request is not None:
                    failure = messages.decode_failure(response.refused.failure)
                    self._recorder.harvest_refused(request.harvest_blocks.block_indexes, failure)


def _find_request(sent: Iterable[SentRequest[R]], sequence: int) -> R | None:
    """The request that an answer is about; None for one of a process before this one."""
    return next((each.request for each in sent if each.sequence == sequence), None)
