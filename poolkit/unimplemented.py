"""The RPCs that are declared in the protos and not served yet: they answer UNIMPLEMENTED, REASON_UNSUPPORTED.

This list only shrinks: an RPC leaves it in the commit that serves it.
"""

UNIMPLEMENTED: frozenset[str] = frozenset(
    {
        "kalepool.v1.AdminService/CreateApiKey",
        "kalepool.v1.AdminService/CreateChannelAccounts",
        "kalepool.v1.AdminService/DrainPooler",
        "kalepool.v1.AdminService/GetTreasury",
        "kalepool.v1.AdminService/ListAlerts",
        "kalepool.v1.AdminService/ListApiKeys",
        "kalepool.v1.AdminService/ListChannelAccounts",
        "kalepool.v1.AdminService/PausePool",
        "kalepool.v1.AdminService/RemovePooler",
        "kalepool.v1.AdminService/ResumePool",
        "kalepool.v1.AdminService/RevokeApiKey",
        "kalepool.v1.AdminService/RotatePoolerKey",
        "kalepool.v1.BackendService/Heartbeat",
        "kalepool.v1.FarmerService/CreateSignInChallenge",
        "kalepool.v1.FarmerService/CreateSignInToken",
        "kalepool.v1.FarmerService/ExitFarmer",
        "kalepool.v1.FarmerService/ExportStatement",
        "kalepool.v1.FarmerService/GetBalance",
        "kalepool.v1.FarmerService/GetStatement",
        "kalepool.v1.FarmerService/ListPlantAuthorizations",
        "kalepool.v1.FarmerService/PauseFarmer",
        "kalepool.v1.FarmerService/ResumeFarmer",
        "kalepool.v1.FarmerService/SetPayoutWallet",
        "kalepool.v1.FarmerService/UploadPlantAuthorizations",
        "kalepool.v1.MinerService/GetMinerStats",
        "kalepool.v1.MinerService/LeavePool",
        "kalepool.v1.MinerService/Mine",
        "kalepool.v1.MinerService/RegisterMiner",
        "kalepool.v1.PoolerService/SetStrategy",
    }
)
