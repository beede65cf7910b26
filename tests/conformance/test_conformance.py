"""The same scenarios through every client: each sees what the table says."""

import asyncio
import subprocess
from collections.abc import Mapping

import pytest

from tests.conformance.case_table import Case, Client, load_cases, render_table
from tests.conformance.clients import GO_PROGRAM, ROOT, Run, run_all, tool

CASES = load_cases()
PAGE = ROOT / "docs" / "localnet-conformance.md"


@pytest.fixture(scope="module")
def runs() -> Mapping[Client, Run]:
    return asyncio.run(run_all())


@pytest.mark.parametrize("client", Client, ids=lambda client: client.value.replace(" ", "-"))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_client_sees_what_the_table_says(case: Case, client: Client, runs: Mapping[Client, Run]) -> None:
    run = runs[client]
    if client.language in case.unsupported:
        assert case.id not in run.outcomes, "the table says that this client cannot express the case"
        return
    assert case.id in run.outcomes, (
        "no outcome; scripts/install-conformance-tools installs what the programs need. This one said:\n"
        f"{run.complaints}"
    )
    assert case.differences(run.outcomes[case.id], client) == []


@pytest.mark.parametrize("client", Client, ids=lambda client: client.value.replace(" ", "-"))
def test_every_outcome_is_in_the_table(client: Client, runs: Mapping[Client, Run]) -> None:
    assert runs[client].outcomes.keys() <= {case.id for case in CASES}


def test_the_go_program_is_formatted() -> None:
    command = [tool("go"), "run", "cmd/gofmt", "-l", str(GO_PROGRAM)]
    assert subprocess.run(command, check=True, capture_output=True, text=True, timeout=240).stdout == ""


def test_a_case_has_an_identifier_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_page_shows_the_table() -> None:
    assert render_table(CASES) in PAGE.read_text(), (
        "docs/localnet-conformance.md differs from the cases: run python -m tests.conformance.write_page"
    )
