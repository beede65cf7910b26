from pooler_svc.block_book import BlockRecord, HarvestState, PlantedFarmer, WorkState
from pooler_svc.rules.harvesting import HarvestMoment, decide_harvests, next_harvest_time

NOW = HarvestMoment(now=1000.0, current_index=8, retry_seconds=30.0)


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
    assert decide_harvests([asked], HarvestMoment(1010.0, 8, 30.0)) == [7]
    asked.farmers["0"].harvest = HarvestState.HARVESTED
    assert decide_harvests([asked], HarvestMoment(1010.0, 8, 30.0)) == []
    assert next_harvest_time([asked], NOW) is None
