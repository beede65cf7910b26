from miner_ext.slice_size import SLICE_WALL_SECONDS, SliceSize


def test_a_slice_lasts_as_long_as_it_should_at_the_measured_speed() -> None:
    size = SliceSize()
    size.record(hashes=300_000, wall_seconds=0.1)
    assert size.nonces == 3_000_000 * SLICE_WALL_SECONDS


def test_slices_follow_a_speed_that_changes() -> None:
    size = SliceSize()
    size.record(100_000, 0.01)
    for _ in range(50):
        size.record(100_000, 0.1)
    assert abs(size.nonces - 1_000_000 * SLICE_WALL_SECONDS) < 10


def test_a_slow_thread_still_gets_some_nonces() -> None:
    size = SliceSize()
    size.record(10, 10.0)
    assert size.nonces == 4096


def test_a_slice_that_did_nothing_teaches_nothing() -> None:
    size = SliceSize()
    first = size.nonces
    size.record(0, 0.5)
    size.record(100, 0.0)
    assert size.nonces == first
    assert repr(size) == f"<SliceSize {first} nonces>"
