import asyncio

from backend_svc.background import BackgroundTasks


async def test_only_one_task_of_a_name_runs() -> None:
    tasks, started, release = BackgroundTasks(), [], asyncio.Event()

    async def run() -> None:
        started.append("run")
        await release.wait()

    tasks.start("a", run)
    tasks.start("a", run)
    await asyncio.sleep(0)
    assert started == ["run"]
    release.set()
    await tasks.finish(10)
    assert not tasks.runs("a")


async def test_a_task_that_failed_may_be_started_again() -> None:
    tasks, attempts = BackgroundTasks(), []
    failed = asyncio.Event()

    async def fail() -> None:
        attempts.append(1)
        failed.set()
        raise RuntimeError("as it happens")

    tasks.start("a", fail)
    await failed.wait()
    await asyncio.sleep(0)
    assert not tasks.runs("a")
    tasks.start("a", fail)
    await tasks.finish(10)
    assert len(attempts) == 2


async def test_finishing_cuts_off_what_takes_too_long_and_starts_nothing_more() -> None:
    tasks, cut_off = BackgroundTasks(), []

    async def wait_forever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut_off.append("cut off")
            raise

    tasks.start("a", wait_forever)
    await asyncio.sleep(0)
    await tasks.finish(0)
    tasks.start("b", wait_forever)
    assert cut_off == ["cut off"]
    assert not tasks.runs("b")
