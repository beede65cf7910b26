"""Writes the table into docs/localnet-conformance.md: `python -m tests.conformance.write_page`."""

from tests.conformance.case_table import load_cases, render_table
from tests.conformance.clients import ROOT

PAGE = ROOT / "docs" / "localnet-conformance.md"
_HEADING = "## The cases\n"


def main() -> None:
    text = PAGE.read_text()
    above, heading, _ = text.partition(_HEADING)
    PAGE.write_text(f"{above}{heading}\n{render_table(load_cases())}\n")


if __name__ == "__main__":
    main()
