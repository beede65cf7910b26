"""The real process, over its real pipes."""

import base64
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import dropwhile, islice
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest

from kale.puzzle import farmer_key
from miner_ext import kernel_name, verify
from miner_ext.hasher_messages import (
    Assign,
    Cancel,
    Command,
    Improved,
    Progressed,
    Ready,
    Refused,
    Report,
    Stop,
    decode_report,
    encode,
)
from miner_ext.scheduling import usable_cpus

PROGRAM = (sys.executable, "-m", "miner_ext.hasher")
ENTROPY = base64.b64decode("AAAAAAn66y/43JP7M02rwTmONZoWOmu1OPYz/bmzJ8o=")
KEY = farmer_key("GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE")
GOOD_NONCE = 20495217910  # 8 zeros in block 37


def assign(
    farmer_id: str, *, nonce_from: int = 0, weight: int = 1, hashes_done: int = 0, entropy: bytes = ENTROPY
) -> Assign:
    return Assign(
        farmer_id=farmer_id,
        block_index=37,
        entropy=entropy,
        farmer_key=KEY,
        nonce_from=nonce_from,
        weight=weight,
        hashes_done=hashes_done,
    )


class HasherProcess:
    """The process, its lines as messages.

    Not at the lowest priority unless a test is about that: there it would have to wait for whatever else a
    machine has to do.
    """

    def __init__(self, *arguments: str, niceness: int | None = 0, isa: str | None = None) -> None:
        nice = () if niceness is None else ("--nice", str(niceness))
        self.process = subprocess.Popen(
            [*PROGRAM, *nice, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ if isa is None else {**os.environ, "KALE_MINER_ISA": isa},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def send(self, *commands: Command) -> None:
        self.send_line(b"".join(map(encode, commands)))

    def send_line(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def reports(self) -> Iterator[Report]:
        """Ends when the process does."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield decode_report(line)

    def progress(self) -> Iterator[Progressed]:
        return (report for report in self.reports() if isinstance(report, Progressed))

    def improvements(self) -> Iterator[Improved]:
        return (report for report in self.reports() if isinstance(report, Improved))

    def refusal(self) -> Refused:
        return next(report for report in self.reports() if isinstance(report, Refused))

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


def test_it_says_that_it_is_ready() -> None:
    with HasherProcess("--threads", "3") as hasher:
        assert next(hasher.reports()) == Ready(kernel=kernel_name(), threads=3)


def test_improvements_are_true_and_each_has_more_zeros() -> None:
    with HasherProcess("--threads", "2") as hasher:
        hasher.send(assign("a"))
        zeros = -1
        for found in hasher.improvements():
            solution = verify(37, ENTROPY, KEY, found.nonce)
            assert (found.hash, found.zeros) == (solution.hash, solution.zeros)
            assert found.zeros > zeros
            zeros = found.zeros
            if zeros >= 5:
                return


def test_a_job_starts_at_its_nonce_and_goes_on_counting() -> None:
    with HasherProcess("--threads", "1") as hasher:
        hasher.send(assign("a", nonce_from=GOOD_NONCE - 100, hashes_done=5_000_000))
        found = next(hasher.improvements())
        assert (found.nonce, found.zeros) == (GOOD_NONCE, 8)
        assert 5_000_000 < found.hashes < 6_000_000


def test_jobs_share_the_hashes_by_weight() -> None:
    """A slice that is not settled is not counted: so many slices are done that it makes no difference."""
    with HasherProcess("--threads", "2", isa="portable") as hasher:
        weights = {"a": 1, "b": 1, "c": 2}
        hasher.send(*(assign(name, weight=weight) for name, weight in weights.items()))
        hashes: dict[str, int] = {}
        for progress in hasher.progress():
            hashes.update({job.farmer_id: job.hashes for job in progress.jobs})
            if progress.hashes_total > 30_000_000:
                break
        turns = [hashes[name] / weight for name, weight in weights.items()]
        assert max(turns) < 1.25 * min(turns), hashes


def test_a_cancelled_job_gets_no_more_hashes() -> None:
    """The only thread goes on to another job once the cancelled one's last slice is counted."""
    with HasherProcess("--threads", "1") as hasher:
        hasher.send(assign("a"))
        next(hasher.improvements())
        hasher.send(Cancel(farmer_id="a", block_index=37), Cancel(farmer_id="a", block_index=37))
        hasher.send(assign("b"))
        next(found for found in hasher.improvements() if found.farmer_id == "b")
        told = ((each.hashes_total, each.jobs) for each in hasher.progress() if each.jobs)
        # One that was made before may still be under way.
        counts = [(total, job) for total, (job,) in islice(told, 4) if job.farmer_id == "b" and job.hashes]
        others = [total - job.hashes for total, job in counts]
        assert len(others) >= 3
        assert len(set(others)) == 1


def test_an_instruction_set_that_is_not_there_is_one_line() -> None:
    with HasherProcess(isa="sse9") as hasher:
        out, said = hasher.process.communicate()
        assert (hasher.process.returncode, out, said.count(b"\n")) == (2, b"", 1)
        assert said.startswith(b"hasher: KALE_MINER_ISA must be an instruction set of this machine, one of ")


def test_a_job_that_has_tried_every_nonce_rests() -> None:
    with HasherProcess("--threads", "2") as hasher:
        hasher.send(assign("a", nonce_from=2**64 - 10))
        totals = dropwhile(lambda total: total < 10, (each.hashes_total for each in hasher.progress()))
        assert list(islice(totals, 3)) == [10, 10, 10]


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"\xff\n", b'{"type": "assign"}\n', b"[" * 100_000 + b"\n"])
def test_a_malformed_line_is_reported_and_nothing_else_happens(line: bytes) -> None:
    with HasherProcess("--threads", "1") as hasher:
        hasher.send_line(line)
        assert hasher.refusal().message != ""
        hasher.send(assign("a"))
        assert next(hasher.improvements()).farmer_id == "a"


def test_it_runs_at_the_lowest_priority_towards_processes_of_every_session() -> None:
    with HasherProcess(niceness=None) as hasher:
        next(hasher.reports())
        pid = hasher.process.pid
        assert os.getsid(pid) == pid
        assert psutil.Process(pid).nice() == 19
        autogroup = Path(f"/proc/{pid}/autogroup")
        assert not autogroup.exists() or autogroup.read_text().split()[-2:] == ["nice", "19"]


def test_stop_ends_it() -> None:
    with HasherProcess() as hasher:
        hasher.send(assign("a"), assign("b"))
        next(hasher.improvements())
        hasher.send(Stop())
        assert hasher.process.wait() == 0
        assert hasher.process.stderr is not None
        assert hasher.process.stderr.read() == b""


def test_it_ends_with_its_input_so_that_a_killed_owner_leaves_no_orphan() -> None:
    with HasherProcess() as hasher:
        hasher.send(assign("a"))
        next(hasher.improvements())
        hasher.close_input()
        assert hasher.process.wait() == 0


def test_it_ends_when_nobody_reads_its_reports() -> None:
    with HasherProcess() as hasher:
        assert hasher.process.stdout is not None
        next(hasher.reports())
        hasher.process.stdout.close()
        hasher.send(assign("a"))
        assert hasher.process.wait() == 1


def test_ctrl_c_is_left_to_its_owner() -> None:
    with HasherProcess() as hasher:
        next(hasher.reports())
        hasher.process.send_signal(signal.SIGINT)
        hasher.send(assign("a"))
        next(hasher.improvements())
        hasher.send(Stop())
        assert hasher.process.wait() == 0


def test_its_priority_and_its_cpus_can_be_chosen() -> None:
    cpu = max(usable_cpus())
    with HasherProcess("--cpus", str(cpu), niceness=5) as hasher:
        assert next(hasher.reports()) == Ready(kernel=kernel_name(), threads=1)
        process = psutil.Process(hasher.process.pid)
        assert process.nice() == max(5, os.getpriority(os.PRIO_PROCESS, 0))
        assert process.cpu_affinity() == [cpu]


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--threads=0", "must be from 1 to 1024, got '0'"),
        ("--threads=-1", "must be from 1 to 1024, got '-1'"),
        ("--threads=two", "must be from 1 to 1024, got 'two'"),
        ("--threads=1025", "must be from 1 to 1024, got '1025'"),
        ("--nice=20", "must be from 0 to 19, got '20'"),
        ("--nice=-1", "must be from 0 to 19, got '-1'"),
        ("--cpus=none", "must be CPU numbers like 0-3,8, got 'none'"),
        ("--cpus=99999", "must be some of the CPUs usable here"),
    ],
)
def test_a_bad_argument_is_refused_with_limit_and_value(argument: str, text: str) -> None:
    ended = subprocess.run([*PROGRAM, argument], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert text in ended.stderr
