package main

import (
	"strings"

	"github.com/stellar/go-stellar-sdk/keypair"
	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/txnbuild"
	"github.com/stellar/go-stellar-sdk/xdr"
)

// getTransaction: what became of a transaction, classic and Soroban.
var transactionScenarios = []scenario{
	notFound, payment, classic, housekeeping, missingOperationSource, skippedSequence, feeBump, contractCalls,
}

func notFound(n *localNetwork) {
	get := func(hash string) (protocol.GetTransactionResponse, error) {
		return n.client.GetTransaction(ctx(), protocol.GetTransactionRequest{Hash: hash})
	}
	report("transaction-not-found", handedOut(must(get(strings.Repeat("ab", 32)))))
	_, err := get("ab")
	reportError("transaction-hash-length", err)
	_, err = get(strings.Repeat("zz", 32))
	reportError("transaction-hash-digits", err)
}

// described tells the response's fields, and everything in its XDR.
func described(done applied) outcome {
	seen := merged(handedOut(done.response), describeCall(done), outcome{
		"transactionEvents": len(done.response.Events.TransactionEventsXDR),
		"hasDiagnostics":    len(done.response.DiagnosticEventsXDR) > 0,
	})
	if done.response.Events.ContractEventsXDR != nil {
		counts := []int{}
		for _, events := range done.response.Events.ContractEventsXDR {
			counts = append(counts, len(events))
		}
		seen["contractEvents"] = counts
	}
	return seen
}

func payment(n *localNetwork) {
	report("transaction-payment", described(n.include(n.signed(n.payment(n.carrier, options{}), n.carrier))))
}

func classic(n *localNetwork) {
	created := keypair.MustRandom()
	apply := func(key *keypair.Full, operation txnbuild.Operation) applied {
		return n.include(n.signed(n.transaction(key, options{}, operation), key))
	}
	create := &txnbuild.CreateAccount{Destination: created.Address(), Amount: "10"}
	report("classic-create-account", describeCall(apply(n.carrier, create)))
	trust := &txnbuild.ChangeTrust{Line: n.asset.MustToChangeTrustAsset()}
	report("classic-trustline", describeCall(apply(created, trust)))
	report("classic-payment", describeCall(apply(n.farmer, n.pay(created.Address(), n.asset, "1"))))
	tooMuch := n.pay(created.Address(), txnbuild.NativeAsset{}, "1000000")
	report("transaction-failed", described(apply(n.carrier, tooMuch)))
	untrusted := n.pay(n.carrier.Address(), n.asset, "1")
	report("classic-no-trustline", describeCall(apply(n.farmer, untrusted)))
	toNobody := n.pay(keypair.MustRandom().Address(), txnbuild.NativeAsset{}, "1")
	report("classic-no-destination", describeCall(apply(n.farmer, toNobody)))
}

func housekeeping(n *localNetwork) {
	sponsored := keypair.MustRandom()
	apply := func(signers []*keypair.Full, operations ...txnbuild.Operation) outcome {
		transaction := n.transaction(signers[0], options{}, operations...)
		return describeCall(n.include(n.signed(transaction, signers...)))
	}
	carrier, both := []*keypair.Full{n.carrier}, []*keypair.Full{n.carrier, sponsored}
	report("classic-set-options", apply(
		carrier,
		&txnbuild.SetOptions{HomeDomain: txnbuild.NewHomeDomain("kale.example")},
		&txnbuild.ManageData{Name: "kale", Value: []byte("1")},
		&txnbuild.BumpSequence{BumpTo: int64(n.account(n.carrier.Address()).SeqNum) + 10},
	))
	report("classic-sponsorship", apply(
		both,
		&txnbuild.BeginSponsoringFutureReserves{SponsoredID: sponsored.Address()},
		&txnbuild.CreateAccount{Destination: sponsored.Address(), Amount: "0"},
		&txnbuild.EndSponsoringFutureReserves{SourceAccount: sponsored.Address()},
	))
	merge := &txnbuild.AccountMerge{Destination: n.carrier.Address(), SourceAccount: sponsored.Address()}
	report("classic-merge", apply(both, merge))
	refused := &txnbuild.AccountMerge{Destination: n.carrier.Address()}
	report("classic-merge-refused", apply([]*keypair.Full{n.farmer}, refused))
}

func missingOperationSource(n *localNetwork) {
	ghost := keypair.MustRandom()
	paying := n.pay(n.carrier.Address(), txnbuild.NativeAsset{}, "1")
	paying.SourceAccount = ghost.Address()
	done := n.include(n.signed(n.transaction(n.carrier, options{}, paying), n.carrier, ghost))
	report("operation-no-account", describeCall(done))
}

func skippedSequence(n *localNetwork) {
	first := int64(1)
	conditions := ledgerBounds(1, 0)
	conditions.MinSequenceNumber = &first
	skipping := n.payment(n.carrier, options{ahead: 3, conditions: conditions})
	report("preconditions-met", describeCall(n.include(n.signed(skipping, n.carrier))))
}

func feeBump(n *localNetwork) {
	inner := n.signed(n.payment(n.carrier, options{}), n.carrier)
	bump := n.feeBump(inner, 200)
	n.include(bump)
	innerHash := must(inner.HashHex(n.Passphrase))
	for id, hash := range map[string]string{
		"fee-bump-outer-hash": must(bump.HashHex(n.Passphrase)),
		"fee-bump-inner-hash": innerHash,
	} {
		done := n.applied(hash)
		var whole xdr.TransactionEnvelope
		check(xdr.SafeUnmarshalBase64(done.response.EnvelopeXDR, &whole))
		seen := described(done)
		report(id, merged(seen, outcome{
			"txHash":    seen["txHash"] == hash,
			"innerHash": seen["innerHash"] == innerHash,
			"envelope":  strings.TrimPrefix(whole.Type.String(), "EnvelopeTypeEnvelopeType"),
		}))
	}
}

func contractCalls(n *localNetwork) {
	args := []xdr.ScVal{addressValue(n.farmer), addressValue(n.boundFarmer), i128(3)}
	report("call-transfer", described(n.call(n.assetCall("transfer", args, options{}), n.farmer)))
	for id, change := range map[string]func(*xdr.SorobanResources){
		"call-outside-footprint": func(resources *xdr.SorobanResources) {
			footprint := &resources.Footprint
			footprint.ReadWrite = footprint.ReadWrite[:len(footprint.ReadWrite)-1]
		},
		"call-too-few-instructions": func(resources *xdr.SorobanResources) { resources.Instructions = 1 },
	} {
		unfit := n.changed(n.prepared(n.assetCall("transfer", args, options{})), func(changed *xdr.Transaction) {
			change(&changed.Ext.SorobanData.Resources)
		}, n.farmer)
		report(id, described(n.include(unfit)))
	}
}
