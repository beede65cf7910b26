"""The extension as a citizen of the interpreter: several instances, no leaks, nothing shared."""

import gc
import importlib
import importlib.util
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from types import ModuleType

import pytest

import miner_ext
from miner_ext import (
    MAX_THREADS,
    Progress,
    Search,
    Solution,
    _search,
    isas,
    keccak256,
    kernel_name,
    verify,
    verify_many,
)

ARGUMENTS = (37, bytes(32), bytes(32), 0, 1000)


def load_another() -> ModuleType:
    spec = importlib.util.find_spec("miner_ext._search")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_import_is_a_module_of_its_own() -> None:
    one, other = load_another(), load_another()
    assert one.Search is not other.Search
    assert type(one.Search(*ARGUMENTS).run()) is one.Progress
    assert type(other.verify(*ARGUMENTS[:4])) is other.Solution
    assert tuple(one.Search(*ARGUMENTS).run()) == tuple(other.Search(*ARGUMENTS).run())


def test_a_module_lives_as_long_as_its_objects() -> None:
    search = load_another().Search(*ARGUMENTS)
    gc.collect()
    assert search.run().hashes == 1000


def test_it_works_in_a_subinterpreter() -> None:
    interpreters = importlib.import_module("_xxsubinterpreters")
    code = f"""
import sys
sys.path[:] = {sys.path!r}
import miner_ext
assert miner_ext.Search(37, bytes(32), bytes(32), 0, 1000).run().hashes == 1000
"""
    for _ in range(2):
        interpreter = interpreters.create()
        interpreters.run_string(interpreter, code)
        interpreters.destroy(interpreter)
    assert Search(*ARGUMENTS).run().hashes == 1000


def test_names_and_values() -> None:
    assert kernel_name() in isas()
    assert MAX_THREADS == 1024
    assert Search.__module__ == Solution.__module__ == Progress.__module__ == "miner_ext"
    assert Search.__doc__ is not None
    assert set(miner_ext.__all__) <= set(dir(_search))


def test_types_are_closed() -> None:
    with pytest.raises(TypeError):
        type("Faster", (Search,), {})
    with pytest.raises(TypeError):
        setattr(Search, "run", None)  # noqa: B010 - mypy would refuse the plain assignment


STRIDED = memoryview(bytes(64))[::2]  # 32 bytes with gaps


def test_bytes_with_gaps_are_refused() -> None:
    for name, call in (
        ("entropy", lambda: Search(37, STRIDED, bytes(32), 0, 1)),
        ("farmer_key", lambda: verify(37, bytes(32), STRIDED, 0)),
        ("data", lambda: keccak256(STRIDED)),
    ):
        with pytest.raises(
            ValueError, match=f"^{name} must be contiguous bytes: .*not C-contiguous"
        ) as error:
            call()
        assert type(error.value) is ValueError
        assert isinstance(error.value.__cause__, BufferError)
    assert keccak256(memoryview(bytes(64))[16:48]) == keccak256(bytes(32))


INTS_AS_SHOWN = {
    "18446744073709551616": 2**64,
    "-18446744073709551616": -(2**64),
    str(2**256 - 1): 2**256 - 1,
    "an int of 257 bits": 2**256,
    "a negative int of 257 bits": -(2**256),
    "an int of 16610 bits": 10**5000,
    "a negative int of 16610 bits": -(10**5000),
}


@pytest.mark.parametrize("shown", INTS_AS_SHOWN)
def test_an_int_of_any_length_is_refused_with_limit_and_value(shown: str) -> None:
    number = INTS_AS_SHOWN[shown]
    with pytest.raises(ValueError, match="must be from") as error:
        verify(37, bytes(32), bytes(32), number)
    assert str(error.value) == f"nonce must be from 0 to 18446744073709551615, got {shown}"
    with pytest.raises(ValueError, match="must be from") as error:
        Search(37, bytes(32), bytes(32), 0, 1, threads=number)
    assert str(error.value) == f"threads must be from 1 to 1024, got {shown}"


def test_a_long_hash_lets_other_threads_run() -> None:
    data, ticks, ended = bytes(2**24), [time.monotonic()], threading.Event()

    def tick() -> None:
        while not ended.wait(0.001):
            ticks.append(time.monotonic())

    def ticks_while_hashing() -> int:
        begin = time.monotonic()
        keccak256(data)
        end = time.monotonic()
        return sum(begin < moment < end for moment in ticks)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        # A thread that gets the GIL at either end ticks there. Tries, for a machine with much else to do.
        assert any(ticks_while_hashing() > 3 for _ in range(20))
    finally:
        ended.set()
        thread.join()


def refused(call: Callable[[], object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        call()


def use_everything() -> None:
    search = Search(*ARGUMENTS, threads=2)
    search.progress()
    search.run()
    search.stop()
    repr(search.progress())
    verify(*ARGUMENTS[:4])
    verify_many([ARGUMENTS[:4]] * 20)
    keccak256(b"kale")
    kernel_name()
    isas()
    refused(lambda: verify_many([(37, bytes(31), bytes(32), 0)]))
    refused(lambda: Search(37, bytes(31), bytes(32), 0, 1))
    refused(lambda: Search(37, bytes(32), bytes(32), 2**64 - 1, 2))
    refused(lambda: verify(-1, bytes(32), bytes(32), 0))


def reference_counts(entropy: bytes) -> tuple[int, ...]:
    return tuple(map(sys.getrefcount, (entropy, None, Search, Solution, Progress)))


def test_nothing_leaks() -> None:
    """Neither memory that Python knows of nor references to what was passed in."""
    entropy = bytes(range(32))
    use_everything()
    gc.collect()
    tracemalloc.start()
    try:
        use_everything()
        gc.collect()
        before_bytes = tracemalloc.get_traced_memory()[0]
        before_references = reference_counts(entropy)
        for _ in range(300):
            use_everything()
            Search(37, entropy, entropy, 0, 10).run()
        gc.collect()
        after_bytes = tracemalloc.get_traced_memory()[0]
        after_references = reference_counts(entropy)
    finally:
        tracemalloc.stop()
    assert after_bytes - before_bytes < 300 * 16
    for before, after in zip(before_references, after_references, strict=True):
        assert abs(after - before) < 100


MEMORY_USER = """
import gc
import re
import sys
from pathlib import Path

import psutil
from miner_ext import Search, verify_many

KEY, CLAIM = bytes(32), (37, bytes(32), bytes(32), 0)


def refused(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except (TypeError, ValueError):
        return
    raise AssertionError("not refused")


def use(rounds):
    for i in range(rounds):
        Search(37, KEY, KEY, i, 1)
        Search(37, KEY, KEY, i, i % 2).run()
        refused(Search, 37, KEY, KEY, i, 1, isa="sse9")
        refused(Search, 37, KEY, KEY, 2**64 - 1, 2)
        refused(Search, 37, STRIDED, KEY, i, 1)
        verify_many([CLAIM, CLAIM])
        refused(verify_many, [CLAIM, (37, KEY, KEY, 2**300)])
        refused(verify_many, [CLAIM, (37, KEY)])
        refused(verify_many, [CLAIM], isa="sse9")
    gc.collect()
    return held_bytes()


def held_bytes():
    # Pages of files come and go as the system likes; where it tells them apart they do not count.
    status = Path("/proc/self/status")
    if not status.exists():
        return psutil.Process().memory_info().rss
    return 1024 * sum(map(int, re.findall(r"(?:RssAnon|VmSwap):\\s+(\\d+) kB", status.read_text())))


STRIDED = memoryview(bytes(64))[::2]
rounds = int(sys.argv[1])
use(rounds // 10)
print(-use(rounds // 2) + use(rounds // 2))
"""


def test_memory_that_python_does_not_know_of_does_not_leak() -> None:
    """What C allocates is not traced; so the process is watched, over 300,000 objects and more."""
    printed = subprocess.run(
        [sys.executable, "-c", MEMORY_USER, "100000"], capture_output=True, text=True, check=True
    ).stdout
    assert int(printed) < 2 * 2**20, "bytes grown in the second half"
