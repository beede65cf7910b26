package main

import (
	"slices"

	"github.com/stellar/go-stellar-sdk/keypair"
	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/txnbuild"
	"github.com/stellar/go-stellar-sdk/xdr"
)

// sendTransaction: taken in, put off, refused.
var submissionScenarios = []scenario{
	pending, besideAnother, refusedConditions, nearlyLate, refusedSignatures, refusedPayers, malformed,
	feeBumpOfABadOne,
}

const (
	farLedgers = 100_000
	farSeconds = 1_000_000
)

func (n *localNetwork) reportSent(id string, transaction envelope) {
	report(id, describeSent(n.send(transaction)))
}

func pending(n *localNetwork) {
	transaction := n.signed(n.payment(n.carrier, options{}), n.carrier)
	sent := n.send(transaction)
	report("send-pending", merged(handedOut(sent), outcome{
		"hashAgrees": sent.Hash == must(transaction.HashHex(n.Passphrase)),
	}))
	included := n.applied(sent.Hash).response.Ledger
	n.reportSent("send-banned", transaction)
	n.ledgerAt(included + 11)
	n.reportSent("send-applied", transaction)
}

func besideAnother(n *localNetwork) {
	signed := func(ahead int64) *txnbuild.Transaction {
		return n.signed(n.payment(n.carrier, options{ahead: ahead}), n.carrier)
	}
	twice := func() []envelope { return slices.Repeat([]envelope{signed(0)}, 2) }
	two := func() []envelope { return []envelope{signed(0), signed(1)} }
	bumped := func() []envelope {
		inner := signed(0)
		return []envelope{inner, n.feeBump(inner, 999), n.feeBump(inner, 1_000)}
	}
	for _, beside := range []struct {
		attempt func() []envelope
		ids     []string
	}{
		{twice, []string{"send-duplicate"}},
		{two, []string{"send-second"}},
		{bumped, []string{"send-replacement-too-cheap", "send-replacement"}},
	} {
		answers := n.sentInOneLedger(beside.attempt)
		taken := answers[0]
		for at, answer := range answers[1:] {
			report(beside.ids[at], describeSent(answer))
			if answer.Status == "PENDING" {
				taken = answer
			}
		}
		n.applied(taken.Hash)
	}
}

func refusedConditions(n *localNetwork) {
	latest := n.latest()
	now, sequence := latest.LedgerCloseTime, latest.Sequence
	for id, given := range map[string]options{
		"send-too-early":          within(txnbuild.Preconditions{TimeBounds: txnbuild.NewTimebounds(now+farSeconds, 0)}),
		"send-too-late":           within(txnbuild.Preconditions{TimeBounds: txnbuild.NewTimebounds(0, now-1)}),
		"send-before-ledger":      within(ledgerBounds(sequence+farLedgers, 0)),
		"send-after-ledger":       within(ledgerBounds(0, sequence)),
		"send-sequence-too-young": within(txnbuild.Preconditions{MinSequenceNumberAge: farSeconds}),
		"send-sequence-gap":       within(txnbuild.Preconditions{MinSequenceNumberLedgerGap: farLedgers}),
		"send-bad-sequence":       {ahead: 1},
	} {
		n.reportSent(id, n.signed(n.payment(n.carrier, given), n.carrier))
	}
}

func within(conditions txnbuild.Preconditions) options { return options{conditions: conditions} }

func ledgerBounds(first, end uint32) txnbuild.Preconditions {
	return txnbuild.Preconditions{LedgerBounds: &txnbuild.LedgerBounds{MinLedger: first, MaxLedger: end}}
}

// nearlyLate has less than two ledgers' time left: no node lets it in any more.
func nearlyLate(n *localNetwork) {
	soon := txnbuild.NewTimebounds(0, n.latest().LedgerCloseTime+5)
	given := within(txnbuild.Preconditions{TimeBounds: soon})
	n.reportSent("send-nearly-late", n.signed(n.payment(n.carrier, given), n.carrier))
}

func refusedSignatures(n *localNetwork) {
	paying := n.pay(n.carrier.Address(), txnbuild.NativeAsset{}, "1")
	paying.SourceAccount = n.farmer.Address()
	ofTheFarmer := n.transaction(n.carrier, options{}, paying)
	n.reportSent("send-unsigned", n.payment(n.carrier, options{}))
	for id, signers := range map[string][]*keypair.Full{
		"send-bad-signature":    {n.farmer},
		"send-unused-signature": {n.carrier, n.farmer},
	} {
		n.reportSent(id, n.signed(n.payment(n.carrier, options{}), signers...))
	}
	n.reportSent("send-operation-unsigned", n.signed(ofTheFarmer, n.carrier))
}

func refusedPayers(n *localNetwork) {
	ghost, poor := keypair.MustRandom(), keypair.MustRandom()
	paying := n.pay(n.carrier.Address(), txnbuild.NativeAsset{}, "1")
	nobody := n.transactionAt(ghost.Address(), 1, options{}, paying)
	n.reportSent("send-no-account", n.signed(nobody, ghost))
	cheap := n.payment(n.carrier, options{baseFee: 99})
	n.reportSent("send-insufficient-fee", n.signed(cheap, n.carrier))
	idle := func(changed *xdr.Transaction) { changed.Operations = nil }
	n.reportSent("send-no-operation", n.changed(n.payment(n.carrier, options{}), idle, n.carrier))
	create := &txnbuild.CreateAccount{Destination: poor.Address(), Amount: "1.00001"}
	n.include(n.signed(n.transaction(n.carrier, options{}, create), n.carrier))
	n.reportSent("send-insufficient-balance", n.signed(n.payment(poor, options{baseFee: 1_000}), poor))
}

func malformed(n *localNetwork) {
	n.reportSent("send-no-soroban-data", n.signed(n.farmCall(n.farmer, "plant", plantArguments(n.farmer, 1)), n.farmer))
	for id, change := range map[string]func(*xdr.Transaction){
		"send-fee-below-resource-fee": func(changed *xdr.Transaction) {
			changed.Fee = xdr.Uint32(changed.Ext.SorobanData.ResourceFee - 1)
		},
		"send-resource-fee-too-low": func(changed *xdr.Transaction) { changed.Ext.SorobanData.ResourceFee = 1 },
		"send-doubled-key": func(changed *xdr.Transaction) {
			footprint := &changed.Ext.SorobanData.Resources.Footprint
			footprint.ReadOnly = slices.Repeat(footprint.ReadOnly, 2)
		},
		"send-soroban-memo": func(changed *xdr.Transaction) { changed.Memo = must(txnbuild.MemoText("kale").ToXDR()) },
	} {
		ready := n.prepared(n.assetCall("decimals", nil, options{}))
		n.reportSent(id, n.changed(ready, change, n.farmer))
	}
	_, err := n.client.SendTransaction(ctx(), protocol.SendTransactionRequest{Transaction: "AAAA"})
	reportError("send-malformed", err)
}

func feeBumpOfABadOne(n *localNetwork) {
	inner := n.signed(n.payment(n.carrier, options{ahead: 5}), n.carrier)
	sent := describeSent(n.send(n.feeBump(inner, 200)))
	agrees := sent["innerHash"] == must(inner.HashHex(n.Passphrase))
	report("send-bumped-bad-sequence", merged(sent, outcome{"innerHash": agrees}))
}
