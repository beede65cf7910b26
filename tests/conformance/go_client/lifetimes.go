package main

import (
	"github.com/stellar/go-stellar-sdk/txnbuild"
	"github.com/stellar/go-stellar-sdk/xdr"
)

// Entry lifetimes: archived, restored, extended, and restored by a call.
var lifetimeScenarios = []scenario{archived, restored, restoredByACall}

const extendedLedgers = 3_000_000

func holderValue(holder string) xdr.ScVal {
	return must(xdr.NewScVal(xdr.ScValTypeScvAddress, contractAddress(holder)))
}

func (n *localNetwork) balanceKey(holder string) string {
	key := vec(symbol("Balance"), holderValue(holder))
	return dataKey(n.AssetContract, key, xdr.ContractDataDurabilityPersistent)
}

func (n *localNetwork) liveUntil(key string) uint32 {
	return *must(n.entries(key)).Entries[0].LiveUntilLedgerSeq
}

// touching is a transaction's extension that names nothing but keys.
func touching(readOnly, readWrite []string) xdr.TransactionExt {
	var data xdr.SorobanTransactionData
	data.Resources.Footprint.ReadOnly = decodedKeys(readOnly)
	data.Resources.Footprint.ReadWrite = decodedKeys(readWrite)
	return must(xdr.NewTransactionExt(1, data))
}

func decodedKeys(texts []string) []xdr.LedgerKey {
	keys := make([]xdr.LedgerKey, len(texts))
	for at, text := range texts {
		check(xdr.SafeUnmarshalBase64(text, &keys[at]))
	}
	return keys
}

func (n *localNetwork) restoring(key string) *txnbuild.Transaction {
	operation := &txnbuild.RestoreFootprint{Ext: touching(nil, []string{key})}
	return n.transaction(n.carrier, options{}, operation)
}

func (n *localNetwork) extending(key string) *txnbuild.Transaction {
	operation := &txnbuild.ExtendFootprintTtl{ExtendTo: extendedLedgers, Ext: touching([]string{key}, nil)}
	return n.transaction(n.carrier, options{}, operation)
}

func archived(n *localNetwork) {
	key := n.balanceKey(n.ArchivedHolder)
	report("entry-archived", outcome{"liveUntil": n.liveUntil(key)})
	bare := n.transaction(n.carrier, options{}, &txnbuild.RestoreFootprint{})
	report("restore-without-data", failure(n.simulate(bare, simulation{})))
	pailValue := vec(symbol("Pail"), addressValue(n.farmer), u32(n.farmIndex()))
	pail := dataKey(n.Farm, pailValue, xdr.ContractDataDurabilityTemporary)
	report("restore-temporary", failure(n.simulate(n.restoring(pail), simulation{})))
	early := n.simulate(n.extending(key), simulation{})
	var preamble xdr.SorobanTransactionData
	check(xdr.SafeUnmarshalBase64(early.RestorePreamble.TransactionDataXDR, &preamble))
	report("extend-archived", outcome{
		"restores":       len(preamble.Resources.Footprint.ReadWrite),
		"minResourceFee": handedOut(early.RestorePreamble)["minResourceFee"],
	})
}

func restored(n *localNetwork) {
	key := n.balanceKey(n.ArchivedHolder)
	for _, each := range []struct {
		id    string
		build func(string) *txnbuild.Transaction
	}{{"restore", n.restoring}, {"extend", n.extending}} {
		done := n.call(each.build(key), n.carrier)
		livesFor := n.liveUntil(key) - done.response.Ledger
		report(each.id, merged(describeCall(done), outcome{"livesFor": livesFor}))
	}
}

func restoredByACall(n *localNetwork) {
	args := []xdr.ScVal{addressValue(n.farmer), holderValue(n.DormantHolder), i128(1)}
	transfer := n.assetCall("transfer", args, options{})
	simulated := n.simulate(transfer, simulation{})
	done := n.call(transfer, n.farmer)
	report("call-restores", merged(describeCall(done), outcome{
		"archivedEntries": len(transactionData(simulated).Ext.MustResourceExt().ArchivedSorobanEntries),
		"hasPreamble":     simulated.RestorePreamble != nil,
		"isAlive":         n.liveUntil(n.balanceKey(n.DormantHolder)) > 0,
	}))
}
