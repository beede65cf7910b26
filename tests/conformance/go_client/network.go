package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/stellar/go-stellar-sdk/clients/rpcclient"
	"github.com/stellar/go-stellar-sdk/keypair"
	"github.com/stellar/go-stellar-sdk/network"
	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/txnbuild"
	"github.com/stellar/go-stellar-sdk/xdr"
)

const (
	pollInterval = 50 * time.Millisecond
	attempts     = 400
	stroops      = 10_000_000
)

// outcome is what a client saw of a case.
type outcome = map[string]any

// description is all that a program is told of the network.
type description struct {
	RPCURL         string `json:"rpcUrl"`
	FriendbotURL   string `json:"friendbotUrl"`
	Passphrase     string `json:"passphrase"`
	Farm           string `json:"farm"`
	AssetCode      string `json:"assetCode"`
	AssetIssuer    string `json:"assetIssuer"`
	AssetContract  string `json:"assetContract"`
	FaucetSecret   string `json:"faucetSecret"`
	ArchivedHolder string `json:"archivedHolder"`
	DormantHolder  string `json:"dormantHolder"`
}

// localNetwork is the network under test as the scenarios use it: accounts, transactions, and the outcomes that are
// told. Farmers have 10,000 XLM and 1,000 KALE; the carrier has XLM alone, and pays for what others have signed.
type localNetwork struct {
	description
	client       *rpcclient.Client
	asset        txnbuild.CreditAsset
	faucet       *keypair.Full
	farmer       *keypair.Full
	legacyFarmer *keypair.Full
	boundFarmer  *keypair.Full
	carrier      *keypair.Full
	workedIndex  uint32
}

func newLocalNetwork(given description) *localNetwork {
	return &localNetwork{
		description:  given,
		client:       rpcclient.NewClient(given.RPCURL, nil),
		asset:        txnbuild.CreditAsset{Code: given.AssetCode, Issuer: given.AssetIssuer},
		faucet:       keypair.MustParseFull(given.FaucetSecret),
		farmer:       keypair.MustRandom(),
		legacyFarmer: keypair.MustRandom(),
		boundFarmer:  keypair.MustRandom(),
		carrier:      keypair.MustRandom(),
	}
}

func (n *localNetwork) fundEverybody() {
	farmers := []*keypair.Full{n.farmer, n.legacyFarmer, n.boundFarmer}
	for _, key := range append(farmers, n.carrier) {
		n.friendbot(key.Address())
	}
	var payments []txnbuild.Operation
	for _, key := range farmers {
		trust := &txnbuild.ChangeTrust{Line: n.asset.MustToChangeTrustAsset()}
		n.include(n.signed(n.transaction(key, options{}, trust), key))
		payments = append(payments, n.pay(key.Address(), n.asset, "1000"))
	}
	n.include(n.signed(n.transaction(n.faucet, options{}, payments...), n.faucet))
}

// Outcomes

func report(id string, seen outcome) {
	fmt.Println(string(must(json.Marshal(outcome{"id": id, "outcome": seen}))))
}

// reportError tells the JSON-RPC error that a request ends with.
func reportError(id string, err error) {
	var refused *jrpc2.Error
	if errors.As(err, &refused) {
		report(id, outcome{"code": int(refused.Code), "message": refused.Message})
	} else {
		report(id, outcome{"code": 0, "message": fmt.Sprint(err)})
	}
}

// handedOut is a response under the wire's names. The client's types read numbers only where the wire must have
// numbers, and text only where it must have text.
func handedOut(response any) outcome {
	var fields outcome
	check(json.Unmarshal(must(json.Marshal(response)), &fields))
	return fields
}

func merged(parts ...outcome) outcome {
	whole := outcome{}
	for _, part := range parts {
		for name, value := range part {
			whole[name] = value
		}
	}
	return whole
}

// Requests

func ctx() context.Context { return context.Background() }

// friendbot gives status and body of the friendbot's answer; the SDK has no call for it.
func (n *localNetwork) friendbot(address string) (int, map[string]any) {
	answer := must(http.Get(n.FriendbotURL + "?addr=" + url.QueryEscape(address)))
	defer answer.Body.Close()
	var body map[string]any
	check(json.Unmarshal(must(io.ReadAll(answer.Body)), &body))
	return answer.StatusCode, body
}

func (n *localNetwork) latest() protocol.GetLatestLedgerResponse {
	return must(n.client.GetLatestLedger(ctx()))
}

// ledgerAt waits until that ledger has closed; the latest one's sequence.
func (n *localNetwork) ledgerAt(sequence uint32) uint32 {
	for range attempts {
		if latest := n.latest().Sequence; latest >= sequence {
			return latest
		}
		time.Sleep(pollInterval)
	}
	panic(fmt.Sprintf("ledger %d did not close", sequence))
}

// Transactions

// envelope is a transaction that can be sent.
type envelope interface{ Base64() (string, error) }

// changedEnvelope is a transaction that txnbuild would not build.
type changedEnvelope struct{ xdr.TransactionEnvelope }

func (e changedEnvelope) Base64() (string, error) { return xdr.MarshalBase64(e.TransactionEnvelope) }

// options of a transaction; without any it has no bounds. ahead leaves that many sequence numbers out.
type options struct {
	ahead      int64
	baseFee    int64
	memo       txnbuild.Memo
	conditions txnbuild.Preconditions
}

func (n *localNetwork) transaction(
	source *keypair.Full, given options, operations ...txnbuild.Operation,
) *txnbuild.Transaction {
	account := must(n.client.LoadAccount(ctx(), source.Address()))
	sequence := must(account.GetSequenceNumber()) + given.ahead
	return n.transactionAt(source.Address(), sequence, given, operations...)
}

// transactionAt builds a transaction with the number after sequence.
func (n *localNetwork) transactionAt(
	source string, sequence int64, given options, operations ...txnbuild.Operation,
) *txnbuild.Transaction {
	if given.baseFee == 0 {
		given.baseFee = 100
	}
	if given.conditions.TimeBounds == (txnbuild.TimeBounds{}) {
		given.conditions.TimeBounds = txnbuild.NewInfiniteTimeout()
	}
	return must(txnbuild.NewTransaction(txnbuild.TransactionParams{
		SourceAccount:        &txnbuild.SimpleAccount{AccountID: source, Sequence: sequence},
		IncrementSequenceNum: true,
		Operations:           operations,
		BaseFee:              given.baseFee,
		Memo:                 given.memo,
		Preconditions:        given.conditions,
	}))
}

func (n *localNetwork) signed(transaction *txnbuild.Transaction, keys ...*keypair.Full) *txnbuild.Transaction {
	return must(transaction.Sign(n.Passphrase, keys...))
}

// changed is the transaction with its XDR changed, signed.
func (n *localNetwork) changed(
	transaction *txnbuild.Transaction, change func(*xdr.Transaction), key *keypair.Full,
) changedEnvelope {
	whole := transaction.ToXDR()
	change(&whole.V1.Tx)
	hash := must(network.HashTransactionInEnvelope(whole, n.Passphrase))
	whole.V1.Signatures = []xdr.DecoratedSignature{must(key.SignDecorated(hash[:]))}
	return changedEnvelope{whole}
}

func (n *localNetwork) pay(destination string, asset txnbuild.Asset, amount string) *txnbuild.Payment {
	return &txnbuild.Payment{Destination: destination, Asset: asset, Amount: amount}
}

// payment pays one XLM to its own source.
func (n *localNetwork) payment(source *keypair.Full, given options) *txnbuild.Transaction {
	return n.transaction(source, given, n.pay(source.Address(), txnbuild.NativeAsset{}, "1"))
}

// feeBump is paid for by the farmer.
func (n *localNetwork) feeBump(inner *txnbuild.Transaction, baseFee int64) *txnbuild.FeeBumpTransaction {
	bump := must(txnbuild.NewFeeBumpTransaction(txnbuild.FeeBumpTransactionParams{
		Inner: inner, FeeAccount: n.farmer.Address(), BaseFee: baseFee,
	}))
	return must(bump.Sign(n.Passphrase, n.farmer))
}

func (n *localNetwork) send(transaction envelope) protocol.SendTransactionResponse {
	request := protocol.SendTransactionRequest{Transaction: must(transaction.Base64())}
	return must(n.client.SendTransaction(ctx(), request))
}

// applied is a transaction that is in a ledger, decoded.
type applied struct {
	response protocol.GetTransactionResponse
	result   xdr.TransactionResult
	meta     xdr.TransactionMeta
}

// include sends a transaction that the queue takes in and waits for its ledger.
func (n *localNetwork) include(transaction envelope) applied {
	sent := n.send(transaction)
	if sent.Status != "PENDING" {
		panic(fmt.Sprint(describeSent(sent)))
	}
	return n.applied(sent.Hash)
}

// applied waits until a transaction is in a ledger.
func (n *localNetwork) applied(hash string) applied {
	timely, cancel := context.WithTimeout(ctx(), attempts*pollInterval)
	defer cancel()
	polling := rpcclient.NewPollTransactionOptions().
		WithInitialInterval(pollInterval).
		WithMaxInterval(pollInterval)
	found := applied{response: must(n.client.PollTransactionWithOptions(timely, hash, polling))}
	check(xdr.SafeUnmarshalBase64(found.response.ResultXDR, &found.result))
	check(xdr.SafeUnmarshalBase64(found.response.ResultMetaXDR, &found.meta))
	return found
}

// sentInOneLedger sends until no ledger closed between the answers.
func (n *localNetwork) sentInOneLedger(attempt func() []envelope) []protocol.SendTransactionResponse {
	for range attempts {
		var answers []protocol.SendTransactionResponse
		for _, transaction := range attempt() {
			answers = append(answers, n.send(transaction))
		}
		if answers[0].LatestLedger == answers[len(answers)-1].LatestLedger {
			return answers
		}
		n.applied(answers[0].Hash)
	}
	panic("ledgers close faster than two transactions are sent")
}

// describeSent tells the status, what the error result says, and how many diagnostic events say why.
func describeSent(sent protocol.SendTransactionResponse) outcome {
	described := outcome{"status": sent.Status}
	if sent.ErrorResultXDR == "" {
		return described
	}
	if len(sent.DiagnosticEventsXDR) > 0 {
		failed := 0
		for _, encoded := range sent.DiagnosticEventsXDR {
			var event xdr.DiagnosticEvent
			check(xdr.SafeUnmarshalBase64(encoded, &event))
			if !event.InSuccessfulContractCall {
				failed++
			}
		}
		described["diagnosticEvents"] = failed
	}
	var result xdr.TransactionResult
	check(xdr.SafeUnmarshalBase64(sent.ErrorResultXDR, &result))
	return merged(described, describeResult(result))
}
