import pytest

from pooler_svc.block_book import BlockRecord, HarvestState, PlantedFarmer, WorkState
from pooler_svc.rules.phases import Phase, phase_of
from pooler_svc.rules.planting import PlantProgress, PlantRequest

RUNNING = PlantRequest(PlantProgress.RUNNING, 1.0)
DONE = PlantRequest(PlantProgress.DONE, 1.0)


def block(request: PlantRequest, *works: WorkState, harvest: HarvestState = HarvestState.OPEN) -> BlockRecord:
    farmers = {
        str(position): PlantedFarmer(str(position), "G…", 10, 100, work=work, harvest=harvest)
        for position, work in enumerate(works)
    }
    return BlockRecord(7, request, farmers=farmers)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (block(PlantRequest()), Phase.IDLE),
        (block(RUNNING), Phase.PLANTING),
        (block(RUNNING, WorkState.HASHING), Phase.PLANTING),
        (block(DONE, WorkState.HASHING), Phase.MINING),
        (block(DONE, WorkState.HASHING, WorkState.SUBMITTING), Phase.SUBMITTING),
        (block(DONE, WorkState.SUBMITTED, WorkState.CONFIRMED), Phase.SUBMITTING),
        (block(DONE, WorkState.CONFIRMED), Phase.HARVESTING),
        (block(DONE, WorkState.CONFIRMED, harvest=HarvestState.HARVESTED), Phase.IDLE),
        (block(DONE, WorkState.FAILED), Phase.IDLE),
    ],
)
def test_the_phase_names_the_furthest_thing_in_progress(record: BlockRecord, expected: Phase) -> None:
    assert phase_of([record], degraded=False) is expected


def test_degraded_hides_what_is_in_progress() -> None:
    assert phase_of([block(DONE, WorkState.HASHING)], degraded=True) is Phase.DEGRADED


def test_the_newest_block_names_the_phase() -> None:
    older = block(DONE, WorkState.CONFIRMED)
    newer = block(DONE, WorkState.HASHING)
    assert phase_of([older, newer], degraded=False) is Phase.MINING
