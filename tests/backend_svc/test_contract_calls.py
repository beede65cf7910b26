"""What keeps a transaction from an outcome is told apart: a verdict is only what is known for sure."""

import pytest
from stellar_sdk import Keypair
from stellar_sdk.decorated_signature import DecoratedSignature

from backend_svc.contract_calls import ContractCalls
from backend_svc.store.database import Database
from backend_svc.transactions import TransactionEngine
from kale.networks import LOCAL
from poolkit.errors import DatabaseUnavailable
from tests.backend_svc.chain_fakes import FakeChain
from tests.backend_svc.people import some_farmer, some_pooler


class SignerWithoutDatabase:
    """The database goes away while a key is read."""

    async def sign(self, farmer_id: str, transaction_hash: bytes) -> DecoratedSignature:
        raise DatabaseUnavailable("the database does not answer")


async def test_a_database_that_goes_away_is_no_verdict_on_what_may_have_been_sent(database: Database) -> None:
    public_key = Keypair.random().public_key
    farmer = await database.run(lambda: some_farmer(some_pooler(), public_key=public_key))
    chain = FakeChain()
    engine = TransactionEngine(
        database=database,
        chain=chain,
        submitter=chain,
        signer=SignerWithoutDatabase(),
        clock=chain.clock,
        passphrase=LOCAL.passphrase,
    )
    with pytest.raises(DatabaseUnavailable):
        await ContractCalls(engine, database, LOCAL).make_trustline(farmer.id, public_key)
