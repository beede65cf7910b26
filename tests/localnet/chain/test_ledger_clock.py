"""What a plan does with the ledgers to come: when they close, and at what time."""

import asyncio
import time

from kale.networks import LOCAL
from localnet.chain.chain import new_chain
from localnet.chain.close_plan import PlannedClose
from localnet.chain.ledger_clock import LedgerClock
from localnet.network_settings import MAINNET_SETTINGS
from tests.localnet.conftest import START_TIME


def paused_clock() -> tuple[list[int], LedgerClock]:
    return [], LedgerClock(new_chain(LOCAL, MAINNET_SETTINGS, START_TIME, 100), 1.0, paused=True)


def test_a_plan_gives_close_times_and_is_asked_once_a_ledger() -> None:
    asked, clock = paused_clock()
    later = {2: 0, 3: 0, 4: 17, 5: 1}

    def plan(sequence: int) -> PlannedClose:
        asked.append(sequence)
        return PlannedClose(close_time_seconds=later[sequence])

    clock.follow(plan)
    assert clock.next_close_time == START_TIME
    times = [clock.close_ledger().close_time - START_TIME for _ in range(3)]
    assert times == [0, 0, 17]
    assert clock.next_close_time == START_TIME + 18
    assert asked == [2, 3, 4, 5]


async def test_the_clock_waits_as_planned() -> None:
    """A stall, then a burst; at the clock's own speed none of them would close within any test's time."""
    chain = new_chain(LOCAL, MAINNET_SETTINGS, START_TIME, 100)
    clock = LedgerClock(chain, 0.001)
    clock.follow(lambda sequence: PlannedClose(wait_seconds=0.0002 if sequence == 2 else 0.0))
    loop = asyncio.get_running_loop()
    began = loop.time()
    running = asyncio.create_task(clock.close_ledgers_forever())
    await chain.next_ledger_closed()
    stalled = loop.time() - began
    while chain.latest.sequence < 50:
        await chain.next_ledger_closed()
    running.cancel()
    assert stalled >= 0.2


async def test_a_pause_holds_back_a_ledger_that_was_due_while_the_process_was_busy() -> None:
    chain = new_chain(LOCAL, MAINNET_SETTINGS, START_TIME, 100)
    clock = LedgerClock(chain, 1000)
    closing = asyncio.create_task(clock.close_ledgers_forever())
    await asyncio.sleep(0)
    be_busy()
    asyncio.get_running_loop().call_soon(clock.pause)
    while not clock.is_paused:
        await asyncio.sleep(0)
    paused_at = chain.latest.sequence
    for _ in range(5):
        await asyncio.sleep(0)
    closing.cancel()
    assert chain.latest.sequence == paused_at


def be_busy() -> None:
    """Nothing else runs while two ledgers come due."""
    time.sleep(0.01)
