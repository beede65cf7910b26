"""Stops the farm for a while: by the homesteader's own transaction where its key is known."""

from dataclasses import replace
from typing import Final

from stellar_sdk import Account, InvokeHostFunction, TransactionBuilder, xdr

from kale import calls
from kale.farm import Farm
from kale.storage import encode_farm
from localnet.chain.chain import Chain
from localnet.contracts.farm_view import read_farm
from localnet.genesis import ISSUER
from localnet.ledger.accounts import find_account
from localnet.ledger.entry_keys import instance_key_bytes
from localnet.prepared_call import prepare_call

#: High enough for a full ledger.
INCLUSION_FEE_STROOPS: Final = 100_000


class FarmPause:
    """Holds the farm paused or not, as it is asked to; a pause of somebody else's is left alone."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._is_ours = False

    def __repr__(self) -> str:
        return f"FarmPause({'paused' if self._is_ours else 'not paused'} by us)"

    def hold(self, paused: bool) -> None:
        """To be called between any two ledgers; what is asked for stands in the next one, as a rule."""
        if not paused and not self._is_ours:
            return
        farm = read_farm(self._chain.state, self._chain.network)
        if paused and not farm.paused:
            self._is_ours = True
            self._change(farm, "pause")
        elif not paused and farm.paused:
            self._change(farm, "unpause")
        elif not paused:
            self._is_ours = False

    def _change(self, farm: Farm, function: str) -> None:
        account = find_account(self._chain.state, ISSUER.raw_public_key())
        if farm.homesteader == ISSUER.public_key and account is not None:
            self._chain.submit(self._signed_call(function, account))
        else:
            self._write(replace(farm, paused=function == "pause"))

    def _signed_call(self, function: str, account: xdr.AccountEntry) -> bytes:
        chain = self._chain
        source = Account(ISSUER.public_key, account.seq_num.sequence_number.int64)
        call = InvokeHostFunction(calls.invocation(chain.network.farm_contract_id, function, []))
        builder = TransactionBuilder(source, chain.network.passphrase, INCLUSION_FEE_STROOPS)
        envelope = builder.add_time_bounds(0, 0).append_operation(call).build()
        prepare_call(chain, envelope)
        envelope.sign(ISSUER)
        return envelope.to_xdr_object().to_xdr_bytes()

    def _write(self, farm: Farm) -> None:
        """The flag, where nobody here could sign for it: no transaction tells of this."""
        chain = self._chain
        key = instance_key_bytes(chain.network.farm_contract_id)
        entry = chain.state.find(key)
        assert entry is not None
        stored = entry.data.contract_data
        assert stored is not None
        assert stored.val.instance is not None
        value = xdr.SCVal(
            xdr.SCValType.SCV_CONTRACT_INSTANCE,
            instance=xdr.SCContractInstance(stored.val.instance.executable, encode_farm(farm)),
        )
        changed = xdr.ContractDataEntry(stored.ext, stored.contract, stored.key, stored.durability, value)
        data = xdr.LedgerEntryData(xdr.LedgerEntryType.CONTRACT_DATA, contract_data=changed)
        chain.state.commit({key: entry.rewritten(data, chain.latest.sequence)})
