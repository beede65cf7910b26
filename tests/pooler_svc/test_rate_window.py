from pooler_svc.hashers.rate_window import RateWindow


def test_without_hashes_every_rate_is_zero() -> None:
    window = RateWindow(100.0)
    assert window.total == 0
    assert window.per_second(100.0, 1.0) == 0.0
    assert window.per_second(105.0, 1.0) == 0.0


def test_a_steady_speed_is_the_same_over_every_window() -> None:
    window = RateWindow(0.0)
    for tick in range(1, 5000):
        window.note(tick * 0.25, tick * 50)
    now = 4999 * 0.25
    assert [window.per_second(now, seconds) for seconds in (1.0, 60.0, 600.0)] == [200.0, 200.0, 200.0]


def test_a_short_window_forgets_what_a_long_one_remembers() -> None:
    window = RateWindow(0.0)
    for second in range(1, 31):
        window.note(float(second), min(second, 20) * 100)
    assert window.per_second(30.0, 1.0) == 0.0
    assert window.per_second(30.0, 60.0) == 2000 / 30


def test_silence_makes_a_rate_fall() -> None:
    window = RateWindow(0.0)
    window.note(1.0, 1000)
    assert window.per_second(1.0, 1.0) == 1000.0
    assert window.per_second(4.0, 60.0) == 250.0
    assert window.per_second(4.0, 1.0) == 0.0


def test_memory_is_bounded_by_the_longest_window() -> None:
    window = RateWindow(0.0)
    for second in range(1, 10_001):
        window.note(float(second), second)
    assert repr(window) == "<RateWindow 10000 in all, 602 samples>"
    assert window.per_second(10_000.0, 600.0) == 1.0
