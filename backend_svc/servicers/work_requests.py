"""What poolers send on the Work stream: decode, check the nonce, and hand to the worker."""

from backend_svc import announcements
from backend_svc.rules.verdicts import Verdict
from backend_svc.sessions import Commit, FollowUp, no_follow_up
from backend_svc.store import works
from backend_svc.store.records import StreamSession, Work
from backend_svc.working import FoundNonce, Worker
from kalepool.v1 import backend_pb2
from kalepool.v1.backend_pb2 import WorkRequest, WorkResult
from kalepool.v1.errors_pb2 import Reason
from poolkit.fields import FieldChecks

_HASH_BYTES = 32
_MOST_ZEROS = 64
_MOST_HASHES = 2**63 - 1
_LONGEST_MESSAGE = 500
_FAILURES = (Reason.REASON_HASHER_CRASHED, Reason.REASON_WORK_TIMEOUT, Reason.REASON_CANCELLED)


class WorkRequests:
    """Takes work_result and block_finished."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def take(self, pooler_id: str, request: WorkRequest) -> Commit:
        """Raises PoolError to refuse a malformed request; what is wrong with a work is a receipt."""
        if request.WhichOneof("message") == "block_finished":
            # Nothing to write down: the works' outcomes make the summary, whoever was done first.
            return lambda session: no_follow_up
        result = request.work_result
        if result.status == backend_pb2.WORK_STATUS_FAILED:
            return self._take_failure(result, request.sequence)
        found = _found(result)
        verdict = await self._worker.check(found)
        if verdict is not None:
            return _refuse(result, request.sequence, verdict)
        return self._take_nonce(result, found, request.sequence)

    def has_pending(self, pooler_id: str) -> bool:
        """Whether the outcome of a submission is still to come."""
        return works.has_submissions(pooler_id)

    def _take_nonce(self, result: WorkResult, found: FoundNonce, sequence: int) -> Commit:
        def commit(session: StreamSession) -> FollowUp:
            return self._follow(session, result, sequence, self._worker.record(session, found, sequence))

        return commit

    def _take_failure(self, result: WorkResult, sequence: int) -> Commit:
        with FieldChecks("work_result.") as check:
            check.uuid("farmer_id", result.farmer_id)
            names = ", ".join(Reason.Name(reason) for reason in _FAILURES)
            known = result.failure_reason in _FAILURES
            check.require(known, "failure_reason", f"must be one of {names}", result.failure_reason)
            check.text("failure_message", result.failure_message, least=0, most=_LONGEST_MESSAGE)
        verdict = Verdict(result.failure_reason, result.failure_message)

        def commit(session: StreamSession) -> FollowUp:
            taken = self._worker.record_none_found(
                session, result.block_index, result.farmer_id, verdict, sequence
            )
            return self._follow(session, result, sequence, taken)

        return commit

    def _follow(
        self, session: StreamSession, result: WorkResult, sequence: int, taken: Work | Verdict
    ) -> FollowUp:
        if isinstance(taken, Verdict):
            announcements.tell_work_refused(session, result, sequence, taken)
            return no_follow_up
        return lambda: self._worker.start(taken, sequence)


def _found(result: WorkResult) -> FoundNonce:
    """Raises InvalidField."""
    with FieldChecks("work_result.") as check:
        check.uuid("farmer_id", result.farmer_id)
        check.enum("status", result.status, backend_pb2.WorkStatus)
        check.enum("disposition", result.disposition, backend_pb2.WorkDisposition)
        check.bytes_of("hash", result.hash, length=_HASH_BYTES)
        check.integer("zeros", result.zeros, least=0, most=_MOST_ZEROS)
        check.integer("attempts", result.attempts, least=1, most=2**31 - 1)
        check.integer("hashes", result.hashes, least=0, most=_MOST_HASHES)
        check.integer("work_time.seconds", result.work_time.seconds, least=0, most=2**31 - 1)
        check.integer("work_time.nanos", result.work_time.nanos, least=0, most=999_999_999)
    return FoundNonce(
        block_index=result.block_index,
        farmer_id=result.farmer_id.lower(),
        nonce=result.nonce,
        hash=result.hash,
        zeros=result.zeros,
        attempts=result.attempts,
        hashes=result.hashes,
        work_seconds=result.work_time.ToNanoseconds() / 1e9,
        submit_now=result.disposition == backend_pb2.WORK_DISPOSITION_SUBMIT_NOW,
    )


def _refuse(result: WorkResult, sequence: int, verdict: Verdict) -> Commit:
    def commit(session: StreamSession) -> FollowUp:
        announcements.tell_work_refused(session, result, sequence, verdict)
        return no_follow_up

    return commit
