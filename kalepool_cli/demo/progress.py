"""The demo's live display: what each block has come to, one line a block, and the machine's hash rate."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from backend_svc.store.reports import FarmerBlock
from kale.constants import BLOCK_SECONDS
from kalepool.v1 import pooler_pb2, types_pb2


@dataclass
class Progress:
    """What is on the screen; `take` is called with each message of WatchStatus and the records so far."""

    farmers: int
    blocks: int
    _status: pooler_pb2.StatusView | None = None
    _rows: Sequence[FarmerBlock] = ()
    _counts: dict[int, pooler_pb2.FarmerCounts] = field(default_factory=dict)

    @property
    def last_block_index(self) -> int | None:
        """The last block to be played; None until the first one has been planted."""
        return min(row.block_index for row in self._rows) + self.blocks - 1 if self._rows else None

    @property
    def last_block_is_planted(self) -> bool:
        """Whether no plant of the last block will be tried again: all are done, or half of it is over."""
        last = self.last_block_index
        if last is None or self._status is None or not self._status.HasField("current_block"):
            return False
        view = self._status.current_block
        planted = sum(row.block_index == last and row.plant_ledger is not None for row in self._rows)
        is_late = view.block.index == last and view.age.seconds > BLOCK_SECONDS // 2
        return planted == self.farmers or is_late or view.block.index > last

    @property
    def hashes(self) -> int:
        return self._status.hash_rate.hashes_total if self._status is not None else 0

    def take(self, status: pooler_pb2.StatusView, rows: Sequence[FarmerBlock]) -> None:
        """Remember the latest status and records, and by block the latest counts."""
        self._status = status
        self._rows = rows
        if status.HasField("current_block"):
            self._counts[status.current_block.block.index] = status.farmers

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(show_edge=False, pad_edge=False)
        for heading in ("block", "planted", "hashing", "submitted", "worked", "harvested", "failed"):
            table.add_column(heading, justify="right")
        for index in sorted({row.block_index for row in self._rows}):
            counts = self._counts.get(index, pooler_pb2.FarmerCounts())
            harvested = sum(row.block_index == index and row.reward_stroops is not None for row in self._rows)
            steps = (counts.planted, counts.hashing, counts.submitted, counts.confirmed, harvested)
            table.add_row(str(index), *(f"{step}/{self.farmers}" for step in steps), str(counts.failed))
        yield self._headline()
        yield table

    def _headline(self) -> Text:
        if self._status is None:
            return Text("waiting for the Pooler …")
        state = types_pb2.PoolerState.Name(self._status.status).removeprefix("POOLER_STATE_").lower()
        view = self._status.current_block
        rate = self._status.hash_rate
        return Text(
            f"block {view.block.index}, age {view.age.seconds} s · {state} · "
            f"{rate.per_second_1s / 1e6:.2f} MH/s, {rate.hashes_total / 1e6:,.0f} MH in all"
        )
