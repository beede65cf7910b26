from dataclasses import replace

from pooler_svc.block_book import BlockRecord, HarvestState, PlantedFarmer, WorkState
from pooler_svc.rules.harvesting import HarvestMoment, decide_harvests, next_harvest_time

NOW = HarvestMoment(now=1000.0, latest_close_time=1000, current_index=8, opened_at=995, retry_seconds=30.0)
LATER = replace(NOW, now=1010.0)


def block(index: int, *works: WorkState, asked_at: float | None = None) -> BlockRecord:
    farmers = {
        str(position): PlantedFarmer(str(position), "G…", 10, 100, work=work)
        for position, work in enumerate(works)
    }
    return BlockRecord(index, farmers=farmers, harvest_asked_at=asked_at)


def test_a_block_is_harvested_when_the_next_one_stands() -> None:
    blocks = [block(7, WorkState.CONFIRMED), block(8, WorkState.CONFIRMED)]
    assert decide_harvests(blocks, NOW) == [7]


def test_a_block_waits_for_its_last_work() -> None:
    assert decide_harvests([block(7, WorkState.CONFIRMED, WorkState.SUBMITTED)], NOW) == []


def test_a_block_without_confirmed_work_has_nothing_to_harvest() -> None:
    assert decide_harvests([block(7, WorkState.FAILED), block(6)], NOW) == []


def test_a_block_is_asked_for_again_until_every_reward_is_in() -> None:
    asked = block(7, WorkState.CONFIRMED, asked_at=980.0)
    assert decide_harvests([asked], NOW) == []
    assert next_harvest_time([asked], NOW) == 1010.0
    assert decide_harvests([asked], LATER) == [7]
    asked.farmers["0"].harvest = HarvestState.HARVESTED
    assert decide_harvests([asked], LATER) == []
    assert next_harvest_time([asked], NOW) is None


def test_nothing_is_asked_for_in_the_first_ledger_of_the_next_block() -> None:
    blocks = [block(7, WorkState.CONFIRMED)]
    assert decide_harvests(blocks, replace(NOW, latest_close_time=999)) == []


def test_a_request_that_is_not_answered_is_not_repeated() -> None:
    asked = block(7, WorkState.CONFIRMED, asked_at=900.0)
    asked.harvest_running = True
    assert decide_harvests([asked], NOW) == []
    asked.harvest_running = False
    assert decide_harvests([asked], NOW) == [7]
