"""What a group of rivals is: how many, how they play, and with what. One class a strategy.

All of them plant as soon as a ledger shows that they can, and harvest as soon as the block is closed.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS, STROOPS_PER_KALE

MAX_RIVALS: Final = 500
#: A work that is sent later is not sure to be in a ledger before the block can be closed.
MAX_DELAY_SECONDS: Final = BLOCK_SECONDS - 2 * LEDGER_SECONDS

_Share = Annotated[float, Field(strict=True, ge=0, le=1)]


class _Group(BaseModel):
    """`stake_kale` is what each plants, or all it has if that is less; `seed` decides every chance."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Annotated[int, Field(strict=True, ge=1, le=MAX_RIVALS)] = 1
    stake_kale: Annotated[float, Field(strict=True, ge=0, le=1_000)] = 0
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)] = 0

    @property
    def stake_stroops(self) -> int:
        return round(self.stake_kale * STROOPS_PER_KALE)


class _Searching(_Group):
    """`mhs` is each one's hash power in million hashes a second of chain time."""

    mhs: Annotated[float, Field(strict=True, ge=0, le=1_000_000)] = 1


class _Delayed(_Searching):
    """Works `delay_seconds` of chain time after the block's opening."""

    delay_seconds: Annotated[int, Field(strict=True, ge=0, le=MAX_DELAY_SECONDS)] = 240


class FixedDelay(_Delayed):
    """Works with what it has found after its delay."""

    strategy: Literal["fixed_delay"] = "fixed_delay"


class Outbid(_Searching):
    """Works at 180 s, with one zero more than the block's maximum if it has found that."""

    strategy: Literal["outbid"] = "outbid"


class Late(_Searching):
    """Works into the last ledger before the block can be closed."""

    strategy: Literal["late"] = "late"


class Idle(_Group):
    """Never works: its stake is lost."""

    strategy: Literal["idle"] = "idle"


class Meddler(_Delayed):
    """Plays as with a fixed delay, and meddles with the pails of those who are no rivals.

    The shares say of how many pails it works, harvests, and pays dust to the owner. It works them with what
    its own power would have found since the block's opening, from its delay on.
    """

    strategy: Literal["meddler"] = "meddler"
    work_share: _Share = 0.5
    harvest_share: _Share = 0.5
    dust_share: _Share = 0.5


RivalGroup = FixedDelay | Outbid | Late | Idle | Meddler

GROUP: Final[TypeAdapter[RivalGroup]] = TypeAdapter(Annotated[RivalGroup, Field(discriminator="strategy")])
"""Reads a group from a table; raises pydantic's ValidationError."""
