import random

from miner_ext import Progress, Solution
from miner_ext.shares import Job, JobKey, Shares, Slice
from tests.miner_ext.puzzles import SEED


def job(
    name: str, *, weight: int = 1, hashes: int = 0, next_nonce: int = 0, entropy: bytes = bytes(32)
) -> Job:
    return Job(JobKey(name, 1), entropy, bytes(32), next_nonce, weight, hashes)


def solution(nonce: int, zeros: int) -> Solution:
    return Solution((nonce, bytes(32), zeros))


def take(shares: Shares, most_nonces: int) -> Slice:
    taken = shares.take(most_nonces)
    assert taken is not None
    return taken


def finish(shares: Shares, taken: Slice, best: Solution | None = None) -> Solution | None:
    return shares.settle(taken, Progress((best, taken.nonce_count)))


def test_without_jobs_there_is_nothing_to_take() -> None:
    shares = Shares()
    assert shares.take(100) is None
    shares.put(job("a"))
    shares.remove(JobKey("a", 1))
    shares.remove(JobKey("never there", 1))
    assert shares.take(100) is None


def test_slices_of_a_job_follow_each_other() -> None:
    shares = Shares()
    shares.put(job("a", next_nonce=7))
    slices = [take(shares, 100) for _ in range(3)]
    assert [(each.nonce_from, each.nonce_count) for each in slices] == [(7, 100), (107, 100), (207, 100)]


def test_a_long_slice_ends_with_a_tile() -> None:
    shares = Shares()
    shares.put(job("a", next_nonce=8190))
    slices = [take(shares, most) for most in (1, 1, 8191, 8192, 20_000, 8191)]
    assert [(each.nonce_from, each.nonce_count) for each in slices] == [
        (8190, 1),
        (8191, 1),
        (8192, 8191),
        (16_383, 1),
        (16_384, 16_384),
        (32_768, 8191),
    ]


def test_threads_get_different_jobs_before_the_first_slice_is_settled() -> None:
    shares = Shares()
    shares.put(job("a"))
    shares.put(job("b"))
    assert {take(shares, 100).job.key.farmer_id for _ in range(2)} == {"a", "b"}


def test_hashes_are_in_proportion_to_the_weights() -> None:
    """Whatever the sizes of the slices, no job is ahead by more than the largest slice for its weight."""
    source = random.Random(SEED)
    shares, weights, largest = Shares(), {"a": 1, "b": 2, "c": 5}, 1000
    for name, weight in weights.items():
        shares.put(job(name, weight=weight))
    in_flight: list[Slice] = []
    for _ in range(5000):
        in_flight.append(take(shares, source.randint(1, largest)))
        while len(in_flight) > 4:
            finish(shares, in_flight.pop(source.randrange(len(in_flight))))
    for each in in_flight:
        finish(shares, each)
    turns = {job.key.farmer_id: job.hashes / weights[job.key.farmer_id] for job in shares}
    assert max(turns.values()) - min(turns.values()) <= largest, turns


def test_a_job_that_comes_late_catches_up() -> None:
    shares = Shares()
    shares.put(job("early", hashes=1000))
    shares.put(job("late"))
    for _ in range(10):
        taken = take(shares, 100)
        assert taken.job.key.farmer_id == "late"
        finish(shares, taken)
    assert {taken.job.key.farmer_id for taken in (take(shares, 100), take(shares, 100))} == {"early", "late"}


def test_a_slice_that_was_stopped_counts_for_what_it_did() -> None:
    shares = Shares()
    shares.put(job("a"))
    shares.settle(take(shares, 1000), Progress((solution(3, 1), 400)))
    assert [(job.key, job.hashes) for job in shares] == [(JobKey("a", 1), 400)]
    assert take(shares, 10).nonce_from == 1000


def test_only_more_zeros_are_an_improvement() -> None:
    shares = Shares()
    shares.put(job("a"))
    found = [solution(50, 0), solution(120, 3), solution(101, 3), solution(340, 2), solution(400, 4)]
    improvements = [finish(shares, take(shares, 100), each) for each in found]
    assert improvements == [found[0], found[1], None, None, found[4]]
    assert finish(shares, take(shares, 100), None) is None


def test_the_same_puzzle_again_only_changes_the_weight() -> None:
    shares = Shares()
    shares.put(job("a"))
    taken = take(shares, 100)
    shares.put(job("a", weight=3, next_nonce=5000))
    finish(shares, taken)
    again = take(shares, 100)
    assert (again.job, again.job.weight, again.nonce_from) == (taken.job, 3, 100)


def test_another_puzzle_replaces_the_job() -> None:
    shares = Shares()
    shares.put(job("a"))
    taken = take(shares, 100)
    shares.put(job("a", entropy=bytes([1] * 32), next_nonce=9))
    finish(shares, taken)
    assert not shares.has(taken.job)
    assert take(shares, 100).nonce_from == 9
    assert [(job.key, job.hashes) for job in shares] == [(JobKey("a", 1), 0)]


def test_the_first_untried_nonce_waits_for_the_slice_that_is_not_settled() -> None:
    shares = Shares()
    shares.put(job("a", next_nonce=10))
    first, second, third = (take(shares, 100) for _ in range(3))
    assert first.job.first_untried == 10
    finish(shares, second)
    assert (first.job.first_untried, first.job.hashes) == (10, 100)
    finish(shares, first)
    assert first.job.first_untried == 210
    finish(shares, third)
    assert first.job.first_untried == first.job.next_nonce == 310


def test_a_job_ends_with_the_last_nonce() -> None:
    shares = Shares()
    shares.put(job("a", next_nonce=2**64 - 5))
    taken = take(shares, 100)
    assert (taken.nonce_from, taken.nonce_count) == (2**64 - 5, 5)
    assert shares.take(100) is None
    assert repr(shares) == "<Shares of 1 jobs>"
