"""The reasons that no test can provoke from outside yet, each with what stands in the way.

A reason leaves this file in the commit that adds its provocation.
"""

from kalepool.v1.errors_pb2 import Reason

_NO_SELF_CUSTODY = "self-custody farmers are not served yet"
_NO_CHANNELS = "channel accounts are not served yet"
_NO_MINERS = "outside miners are not served yet"
_NO_FAULTS = "the local network has no way yet to lose, delay or price out a transaction"
_NEVER_CALLED = "the pool never makes the call that answers so"
_PREVENTED = "the Backend looks first, so the contract is never asked in vain"
_OURS = "it would be a fault in our code; tests of the error table carry it over the wire"

UNREACHABLE: dict[Reason.ValueType, str] = {
    Reason.REASON_UNSPECIFIED: "never sent",
    Reason.REASON_INSUFFICIENT_BALANCE: "stakes are a share of the balance; fees are part of the funding",
    Reason.REASON_TRUSTLINE_MISSING: "a custodial farmer gets it before it is active",
    Reason.REASON_AUTHORIZATION_MISSING: _NO_SELF_CUSTODY,
    Reason.REASON_AUTHORIZATION_EXPIRED: _NO_SELF_CUSTODY,
    Reason.REASON_TRANSACTION_EXPIRED: _NO_FAULTS,
    Reason.REASON_CONGESTION: _NO_FAULTS,
    Reason.REASON_TRANSACTION_FAILED: _NO_FAULTS,
    Reason.REASON_CHANNEL_UNAVAILABLE: _NO_CHANNELS,
    Reason.REASON_SIGNING_FAILED: _OURS,
    Reason.REASON_INTERNAL: _OURS,
    Reason.REASON_CONFIGURATION_INVALID: "a wrong setting keeps the service from starting at all",
    Reason.REASON_HARVESTED_BY_OTHERS: "a stranger's harvest is told as harvested, by an outsider",
    Reason.REASON_WORKED_BY_OTHERS: "a stranger's work is told as confirmed, by an outsider",
    Reason.REASON_FARM_HOMESTEAD_EXISTS: _NEVER_CALLED,
    Reason.REASON_FARM_HOMESTEAD_MISSING: _NEVER_CALLED,
    Reason.REASON_FARM_FARM_BLOCK_MISSING: "every farm that can be played has a block",
    Reason.REASON_FARM_FARM_NOT_PAUSED: _NEVER_CALLED,
    Reason.REASON_FARM_PLANT_AMOUNT_TOO_LOW: _NEVER_CALLED,
    Reason.REASON_FARM_ZERO_COUNT_TOO_LOW: "the pail has a work then: told as confirmed, by an outsider",
    Reason.REASON_FARM_PAIL_MISSING: _PREVENTED,
    Reason.REASON_FARM_BLOCK_MISSING: _PREVENTED,
    Reason.REASON_FARM_BLOCK_INVALID: _NEVER_CALLED,
    Reason.REASON_FARM_HASH_INVALID: _PREVENTED,
    Reason.REASON_FARM_GAP_COUNT_TOO_LOW: _PREVENTED,
    Reason.REASON_TOKEN_INTERNAL: _NEVER_CALLED,
    Reason.REASON_TOKEN_OPERATION_NOT_SUPPORTED: _NEVER_CALLED,
    Reason.REASON_TOKEN_ALREADY_INITIALIZED: _NEVER_CALLED,
    Reason.REASON_TOKEN_UNAUTHORIZED: _NEVER_CALLED,
    Reason.REASON_TOKEN_AUTHENTICATION: _NEVER_CALLED,
    Reason.REASON_TOKEN_ACCOUNT_MISSING: _PREVENTED,
    Reason.REASON_TOKEN_ACCOUNT_IS_NOT_CLASSIC: _NEVER_CALLED,
    Reason.REASON_TOKEN_NEGATIVE_AMOUNT: _NEVER_CALLED,
    Reason.REASON_TOKEN_ALLOWANCE: _NEVER_CALLED,
    Reason.REASON_TOKEN_BALANCE: "nobody else spends a custodial farmer's KALE",
    Reason.REASON_TOKEN_BALANCE_DEAUTHORIZED: "the local network's issuer can't freeze a trustline yet",
    Reason.REASON_TOKEN_OVERFLOW: _NEVER_CALLED,
    Reason.REASON_TOKEN_TRUSTLINE_MISSING: _PREVENTED,
    Reason.REASON_SHARE_STALE: _NO_MINERS,
    Reason.REASON_SHARE_DUPLICATE: _NO_MINERS,
    Reason.REASON_SHARE_LOW_DIFFICULTY: _NO_MINERS,
    Reason.REASON_LEASE_UNKNOWN: _NO_MINERS,
    Reason.REASON_RATE_LIMITED: "limits by key are not served yet",
    Reason.REASON_WRONG_STATUS: "no call that changes a farmer's status backwards is served yet",
    Reason.REASON_POOL_PAUSED: "pausing the pool is not served yet",
}
