import hashlib

import pytest
from stellar_sdk import Address, Asset, Keypair, StrKey, xdr
from stellar_sdk import Network as SdkNetwork

from kale.networks import LOCAL, MAINNET, TESTNET, Network, network_by_name

NETWORKS = [MAINNET, TESTNET, LOCAL]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_asset_contract_follows_from_asset_and_passphrase(network: Network) -> None:
    asset = Asset(network.asset_code, network.asset_issuer)
    assert asset.contract_id(network.passphrase) == network.asset_contract_id


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_networks_are_found_by_name(network: Network) -> None:
    assert network_by_name(network.name) is network


def test_an_unknown_network_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match=r"network is 'main', must be one of mainnet, testnet, local"):
        network_by_name("main")


def test_the_local_issuer_is_a_known_development_key() -> None:
    seed = hashlib.sha256(f"{LOCAL.passphrase}:issuer".encode()).digest()
    assert Keypair.from_raw_ed25519_seed(seed).public_key == LOCAL.asset_issuer


@pytest.mark.parametrize(
    ("salt", "contract_id"),
    [(b"KALE farm", LOCAL.farm_contract_id), (b"KALE tractor", LOCAL.tractor_contract_id)],
)
def test_the_local_contracts_are_deployed_by_the_issuer(salt: bytes, contract_id: str) -> None:
    preimage = xdr.HashIDPreimage(
        xdr.EnvelopeType.ENVELOPE_TYPE_CONTRACT_ID,
        contract_id=xdr.HashIDPreimageContractID(
            network_id=xdr.Hash(SdkNetwork(LOCAL.passphrase).network_id()),
            contract_id_preimage=xdr.ContractIDPreimage(
                xdr.ContractIDPreimageType.CONTRACT_ID_PREIMAGE_FROM_ADDRESS,
                from_address=xdr.ContractIDPreimageFromAddress(
                    address=Address(LOCAL.asset_issuer).to_xdr_sc_address(),
                    salt=xdr.Uint256(hashlib.sha256(salt).digest()),
                ),
            ),
        ),
    )
    contract = hashlib.sha256(preimage.to_xdr_bytes()).digest()
    assert StrKey.encode_contract(contract) == contract_id
