"""The background load by hand: `/load`."""

from dataclasses import asdict, replace

from pydantic import Field

from localnet.admin.requests import Fields, Result
from localnet.chain.background_load import BID_RANGE, MAX_LOAD, MAX_SPREAD
from localnet.chain.chain import Chain


class LoadFields(Fields):
    """What shall change, see BackgroundLoad; what is left out stays as it is."""

    classic: float | None = Field(None, ge=0, le=MAX_LOAD)
    soroban: float | None = Field(None, ge=0, le=MAX_LOAD)
    median_bid_stroops: int | None = Field(None, ge=BID_RANGE[0], le=BID_RANGE[1])
    bid_spread: float | None = Field(None, ge=0, le=MAX_SPREAD)


class LoadAdmin:
    """Serves `/load`."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    async def set_load(self, fields: LoadFields) -> Result:
        """The load from the next ledger on, and the base fees of the latest one in stroops."""
        changes = fields.model_dump(exclude_none=True)
        if changes:
            self._chain.background_load = replace(self._chain.background_load, **changes)
        inclusion = self._chain.latest.inclusion
        return {
            **asdict(self._chain.background_load),
            "classic_base_fee_stroops": inclusion.classic_base_fee_stroops,
            "soroban_base_fee_stroops": inclusion.soroban_base_fee_stroops,
        }
