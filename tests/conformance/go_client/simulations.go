package main

import (
	"strings"

	"github.com/stellar/go-stellar-sdk/keypair"
	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/txnbuild"
	"github.com/stellar/go-stellar-sdk/xdr"
)

// simulateTransaction: recording, enforcing, and every way to fail.
var simulationScenarios = []scenario{
	recorded, recordedForAnother, enforced, failingCalls, unfitTransactions, views,
}

const nowhere = "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD2KM"

func (n *localNetwork) assetCall(function string, args []xdr.ScVal, given options) *txnbuild.Transaction {
	return n.transaction(n.farmer, given, invocation(n.AssetContract, function, args))
}

func keyTypes(keys []xdr.LedgerKey) []string {
	types := []string{}
	for _, key := range keys {
		types = append(types, strings.TrimPrefix(key.Type.String(), "LedgerEntryType"))
	}
	return types
}

func arms(simulated protocol.SimulateTransactionResponse) []string {
	names := []string{}
	for _, entry := range recordedEntries(simulated) {
		names = append(names, arm(entry))
	}
	return names
}

func returned(simulated protocol.SimulateTransactionResponse) xdr.ScVal {
	var value xdr.ScVal
	check(xdr.SafeUnmarshalBase64(*simulated.Results[0].ReturnValueXDR, &value))
	return value
}

func recorded(n *localNetwork) {
	args := []xdr.ScVal{addressValue(n.farmer), addressValue(n.boundFarmer), i128(1)}
	simulated := n.simulate(n.assetCall("transfer", args, options{}), simulation{upgraded: true})
	data := transactionData(simulated)
	changes, events := []string{}, []string{}
	for _, change := range simulated.StateChanges {
		changes = append(changes, change.Type.String())
	}
	for _, text := range simulated.EventsXDR {
		var event xdr.DiagnosticEvent
		check(xdr.SafeUnmarshalBase64(text, &event))
		events = append(events, eventName(event.Event))
	}
	report("simulate-source", merged(handedOut(simulated), outcome{
		"auth":         arms(simulated),
		"feeAgrees":    int64(data.ResourceFee) == simulated.MinResourceFee,
		"readOnly":     keyTypes(data.Resources.Footprint.ReadOnly),
		"readWrite":    keyTypes(data.Resources.Footprint.ReadWrite),
		"stateChanges": changes,
		"returnValue":  plain(returned(simulated)),
		"events":       events,
	}))
}

// burnForAnother has the carrier burn a stroop of the farmer's.
func (n *localNetwork) burnForAnother(auth ...xdr.SorobanAuthorizationEntry) *txnbuild.Transaction {
	args := []xdr.ScVal{addressValue(n.farmer), i128(1)}
	return n.transaction(n.carrier, options{}, invocation(n.AssetContract, "burn", args, auth...))
}

func recordedForAnother(n *localNetwork) {
	for id, upgraded := range map[string]bool{"simulate-address-bound": true, "simulate-legacy": false} {
		entry := recordedEntries(n.simulate(n.burnForAnother(), simulation{upgraded: upgraded}))[0]
		given := addressCredentials(entry)
		report(id, outcome{
			"auth":       arm(entry),
			"expiration": given.SignatureExpirationLedger,
			"signature":  strings.TrimPrefix(given.Signature.Type.String(), "ScValType"),
			"hasNonce":   given.Nonce != 0,
		})
	}
}

func enforced(n *localNetwork) {
	entry := n.authorised(n.burnForAnother(), n.farmer, true, 500)
	calling, empty := n.burnForAnother(entry), n.burnForAnother()
	simulated := n.simulate(calling, simulation{upgraded: true})
	unchanged := (*simulated.Results[0].AuthXDR)[0] == must(xdr.MarshalBase64(entry))
	report("simulate-enforce", outcome{"unchanged": unchanged})
	report("simulate-enforce-nothing", failure(n.simulate(empty, simulation{mode: protocol.AuthModeEnforce})))
	recording := n.simulate(calling, simulation{mode: protocol.AuthModeRecord})
	report("simulate-record-with-entries", failure(recording))
	nonroot := simulation{mode: protocol.AuthModeRecordAllowNonroot, upgraded: true}
	report("simulate-record-nonroot", outcome{"auth": arms(n.simulate(empty, nonroot))})
}

// failure tells the first line of the error, and what comes with it.
func failure(simulated protocol.SimulateTransactionResponse) outcome {
	return outcome{
		"error":              firstLine(simulated.Error),
		"hasEvents":          len(simulated.EventsXDR) > 0,
		"hasTransactionData": simulated.TransactionDataXDR != "",
		"latestLedger":       simulated.LatestLedger,
	}
}

func failingCalls(n *localNetwork) {
	poor := []xdr.ScVal{addressValue(n.farmer), i128(100_000_000_000_000_000)}
	for id, calling := range map[string]*txnbuild.Transaction{
		"simulate-contract-error":   n.assetCall("burn", poor, options{}),
		"simulate-missing-contract": n.transaction(n.farmer, options{}, invocation(nowhere, "f", nil)),
		"simulate-missing-function": n.farmCall(n.farmer, "sow", nil),
	} {
		report(id, failure(n.simulate(calling, simulation{upgraded: true})))
	}
}

// garbage is no transaction.
type garbage struct{}

func (garbage) Base64() (string, error) { return "AAAA", nil }

func unfitTransactions(n *localNetwork) {
	args := []xdr.ScVal{addressValue(n.farmer)}
	balance := invocation(n.AssetContract, "balance", args)
	for id, transaction := range map[string]envelope{
		"simulate-memo":           n.assetCall("balance", args, options{memo: txnbuild.MemoText("kale")}),
		"simulate-classic":        n.payment(n.farmer, options{}),
		"simulate-two-operations": n.transaction(n.farmer, options{}, balance, balance),
		"simulate-malformed":      garbage{},
	} {
		report(id, failure(n.simulate(transaction, simulation{upgraded: true})))
	}
}

func views(n *localNetwork) {
	balance := n.assetCall("balance", []xdr.ScVal{addressValue(n.farmer)}, options{})
	value := returned(n.simulate(balance, simulation{}))
	report("simulate-view", outcome{
		"type":       strings.TrimPrefix(value.Type.String(), "ScValType"),
		"isPositive": value.MustI128().Lo > 0,
	})
	past := options{conditions: txnbuild.Preconditions{TimeBounds: txnbuild.NewTimebounds(0, 1)}}
	stranger := keypair.MustRandom().Address()
	unknown := n.transactionAt(stranger, 0, past, invocation(n.AssetContract, "decimals", nil))
	report("simulate-unknown-source", outcome{"value": plain(returned(n.simulate(unknown, simulation{})))})
	generous := transactionData(n.simulate(balance, simulation{instructions: 50_000_000}))
	report("simulate-leeway", outcome{"granted": generous.Resources.Instructions > 50_000_000})
}
