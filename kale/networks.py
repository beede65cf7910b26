"""The networks on which KALE is played, and their contracts."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Network:
    """Where the farm, its asset and its helpers live on one Stellar network."""

    name: str
    passphrase: str
    farm_contract_id: str
    asset_code: str
    asset_issuer: str
    asset_contract_id: str
    tractor_contract_id: str | None = None


MAINNET: Final = Network(
    name="mainnet",
    passphrase="Public Global Stellar Network ; September 2015",
    farm_contract_id="CDL74RF5BLYR2YBLCCI7F5FB6TPSCLKEJUBSD2RSVWZ4YHF3VMFAIGWA",
    asset_code="KALE",
    asset_issuer="GBDVX4VELCDSQ54KQJYTNHXAHFLBCA77ZY2USQBM4CSHTTV7DME7KALE",
    asset_contract_id="CB23WRDQWGSP6YPMY4UV5C4OW5CBTXKYN3XEATG7KJEZCXMJBYEHOUOV",
    tractor_contract_id="CBGSBKYMYO6OMGHQXXNOBRGVUDFUDVC2XLC3SXON5R2SNXILR7XCKKY3",
)

TESTNET: Final = Network(
    name="testnet",
    passphrase="Test SDF Network ; September 2015",
    farm_contract_id="CDSWUUXGPWDZG76ISK6SUCVPZJMD5YUV66J2FXFXFGDX25XKZJIEITAO",
    asset_code="KALE",
    asset_issuer="GCHPTWXMT3HYF4RLZHWBNRF4MPXLTJ76ISHMSYIWCCDXWUYOQG5MR2AB",
    asset_contract_id="CAAVU2UQJLMZ3GUZFM56KVNHLPA3ZSSNR4VP2U53YBXFD2GI3QLIVHZZ",
)

# The localnet's issuer is a publicly known development key: the ed25519 seed is
# sha256(passphrase + ":issuer"). Farm and tractor are deployed by it with the salts
# sha256("KALE farm") and sha256("KALE tractor"); the asset contract's id follows from
# asset and passphrase.
LOCAL: Final = Network(
    name="local",
    passphrase="KALE Local Network ; 2026",
    farm_contract_id="CBQWVSVZ6XKKJIX7MLOA56JFRA24AYZPOBCH53V5BTO7R5JRDFFMAMZY",
    asset_code="KALE",
    asset_issuer="GBKRUYDNKCDHUL7HDMHIIG642P2OCPLX6XDLW4B26NBFKZJT7FKABXYI",
    asset_contract_id="CDBELIHKX5CS4FPHHLFXTPAIBTS3X5XP4PJLYQYFWMHUYY72QZPRMSAA",
    tractor_contract_id="CATX2ZZQ726SCPDJ5KEIAAVRVSU2ZREN3PSBYLAUUNVAMCCYR24LJFXP",
)

_BY_NAME: Final = {network.name: network for network in (MAINNET, TESTNET, LOCAL)}


def network_by_name(name: str) -> Network:
    """The network called `mainnet`, `testnet` or `local`; ValueError for any other name."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ValueError(f"network is {name!r}, must be one of {', '.join(_BY_NAME)}") from None
