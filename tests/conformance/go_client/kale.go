package main

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/stellar/go-stellar-sdk/keypair"
	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/txnbuild"
	"github.com/stellar/go-stellar-sdk/xdr"
	"golang.org/x/crypto/sha3"
)

// A KALE block: plant, work, harvest; and plants that others carry for their farmers.
var (
	openingScenarios = []scenario{plant, work, notReady, carried}
	closingScenarios = []scenario{nextBlock}
)

const (
	stakeStroops = 10 * stroops
	blockSeconds = 300
	nonce        = 7
)

func addressValue(key *keypair.Full) xdr.ScVal {
	address := must(xdr.NewScAddress(xdr.ScAddressTypeScAddressTypeAccount, xdr.MustAddress(key.Address())))
	return must(xdr.NewScVal(xdr.ScValTypeScvAddress, address))
}

func invocation(
	contract, function string, args []xdr.ScVal, auth ...xdr.SorobanAuthorizationEntry,
) *txnbuild.InvokeHostFunction {
	return &txnbuild.InvokeHostFunction{
		HostFunction: must(xdr.NewHostFunction(xdr.HostFunctionTypeHostFunctionTypeInvokeContract, xdr.InvokeContractArgs{
			ContractAddress: contractAddress(contract), FunctionName: xdr.ScSymbol(function), Args: args,
		})),
		Auth: auth,
	}
}

func (n *localNetwork) farmCall(
	source *keypair.Full, function string, args []xdr.ScVal, auth ...xdr.SorobanAuthorizationEntry,
) *txnbuild.Transaction {
	return n.transaction(source, options{}, invocation(n.Farm, function, args, auth...))
}

func plantArguments(farmer *keypair.Full, amount int64) []xdr.ScVal {
	return []xdr.ScVal{addressValue(farmer), i128(amount)}
}

// simulation are the choices of a simulation.
type simulation struct {
	mode         string
	upgraded     bool
	instructions uint64
}

func (n *localNetwork) simulate(calling envelope, chosen simulation) protocol.SimulateTransactionResponse {
	request := protocol.SimulateTransactionRequest{
		Transaction: must(calling.Base64()), AuthMode: chosen.mode, UseUpgradedAuth: chosen.upgraded,
	}
	if chosen.instructions > 0 {
		request.ResourceConfig = &protocol.ResourceConfig{InstructionLeeway: chosen.instructions}
	}
	return must(n.client.SimulateTransaction(ctx(), request))
}

func recordedEntries(simulated protocol.SimulateTransactionResponse) []xdr.SorobanAuthorizationEntry {
	var entries []xdr.SorobanAuthorizationEntry
	for _, text := range *simulated.Results[0].AuthXDR {
		var entry xdr.SorobanAuthorizationEntry
		check(xdr.SafeUnmarshalBase64(text, &entry))
		entries = append(entries, entry)
	}
	return entries
}

// prepared is the call with what a simulation says that it needs. The SDK has no call that does it.
func (n *localNetwork) prepared(calling *txnbuild.Transaction) *txnbuild.Transaction {
	simulated := n.simulate(calling, simulation{upgraded: true})
	if simulated.Error != "" {
		panic(simulated.Error)
	}
	extension := must(xdr.NewTransactionExt(1, transactionData(simulated)))
	operation := calling.Operations()[0]
	switch kind := operation.(type) {
	case *txnbuild.InvokeHostFunction:
		kind.Ext = extension
		if len(kind.Auth) == 0 {
			kind.Auth = recordedEntries(simulated)
		}
	case *txnbuild.RestoreFootprint:
		kind.Ext = extension
	case *txnbuild.ExtendFootprintTtl:
		kind.Ext = extension
	}
	source := calling.SourceAccount()
	return n.transactionAt(source.AccountID, source.Sequence-1, options{memo: calling.Memo()}, operation)
}

func transactionData(simulated protocol.SimulateTransactionResponse) xdr.SorobanTransactionData {
	var data xdr.SorobanTransactionData
	check(xdr.SafeUnmarshalBase64(simulated.TransactionDataXDR, &data))
	return data
}

func (n *localNetwork) call(calling *txnbuild.Transaction, key *keypair.Full) applied {
	return n.include(n.signed(n.prepared(calling), key))
}

// simulationError is the first line of why a call fails.
func (n *localNetwork) simulationError(calling *txnbuild.Transaction) string {
	return firstLine(n.simulate(calling, simulation{upgraded: true}).Error)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func (n *localNetwork) stored(key xdr.ScVal, durability xdr.ContractDataDurability) xdr.ScVal {
	found := must(n.entries(dataKey(n.Farm, key, durability)))
	return decodedEntry(found.Entries[0]).MustContractData().Val
}

func (n *localNetwork) farmIndex() uint32 {
	instance := n.stored(instanceValue, xdr.ContractDataDurabilityPersistent).MustInstance()
	for _, entry := range *instance.Storage {
		if key := **entry.Key.Vec; string(key[0].MustSym()) == "FarmIndex" {
			return uint32(entry.Val.MustU32())
		}
	}
	panic("the farm has no index")
}

func (n *localNetwork) block(index uint32) outcome {
	return plain(n.stored(vec(symbol("Block"), u32(index)), xdr.ContractDataDurabilityTemporary)).(outcome)
}

func (n *localNetwork) pail(farmer *keypair.Full, index uint32) outcome {
	key := vec(symbol("Pail"), addressValue(farmer), u32(index))
	return plain(n.stored(key, xdr.ContractDataDurabilityTemporary)).(outcome)
}

func plant(n *localNetwork) {
	planted := n.call(n.farmCall(n.farmer, "plant", plantArguments(n.farmer, stakeStroops)), n.farmer)
	again := n.farmCall(n.farmer, "plant", plantArguments(n.farmer, stakeStroops))
	report("plant-again", outcome{"error": n.simulationError(again)})
	report("plant", merged(describeCall(planted), outcome{"returnValue": plain(planted.returnValue())}))
	index := n.farmIndex()
	pail := n.pail(n.farmer, index)
	ledger := strconv.FormatUint(uint64(planted.response.Ledger), 10)
	report("pail", merged(pail, outcome{"sequenceAgrees": pail["sequence"] == ledger}))
	block := n.block(index)
	report("block", merged(block, outcome{"entropyHexDigits": len(block["entropy"].(string))}))
}

func solution(farmer *keypair.Full, index uint32, entropy []byte, nonce uint64) []byte {
	message := binary.BigEndian.AppendUint32(nil, index)
	message = binary.BigEndian.AppendUint64(message, nonce)
	message = append(message, entropy...)
	public := must(xdr.AddressToAccountId(farmer.Address())).MustEd25519()
	hash := sha3.NewLegacyKeccak256()
	hash.Write(append(message, public[:]...))
	return hash.Sum(nil)
}

func work(n *localNetwork) {
	index := n.farmIndex()
	entropy := n.stored(vec(symbol("Block"), u32(index)), xdr.ContractDataDurabilityTemporary)
	var answer []byte
	for _, entry := range *entropy.MustMap() {
		if entry.Key.MustSym() == "entropy" {
			answer = solution(n.farmer, index, entry.Val.MustBytes(), nonce)
		}
	}
	planted := must(strconv.ParseUint(n.pail(n.farmer, index)["sequence"].(string), 10, 32))
	n.ledgerAt(uint32(planted) + 1)
	arguments := func(nonce uint64) []xdr.ScVal {
		return []xdr.ScVal{addressValue(n.farmer), bytes(answer), u64(nonce)}
	}
	wrong := n.farmCall(n.carrier, "work", arguments(nonce+1))
	report("work-wrong-hash", outcome{"error": n.simulationError(wrong)})
	worked := n.call(n.farmCall(n.carrier, "work", arguments(nonce)), n.carrier)
	gap := uint64(worked.returnValue().MustU32())
	report("work", merged(describeCall(worked), outcome{
		"gapAgrees": gap == uint64(worked.response.Ledger)-planted,
	}))
}

func notReady(n *localNetwork) {
	n.workedIndex = n.farmIndex()
	early := n.farmCall(n.carrier, "harvest", []xdr.ScVal{addressValue(n.farmer), u32(n.workedIndex)})
	report("harvest-not-ready", outcome{"error": n.simulationError(early)})
}

// carriedPlant is a farmer's plant in a transaction of the carrier's.
func (n *localNetwork) carriedPlant(
	farmer *keypair.Full, amount int64, auth ...xdr.SorobanAuthorizationEntry,
) *txnbuild.Transaction {
	return n.farmCall(n.carrier, "plant", plantArguments(farmer, amount), auth...)
}

// carried has both farmers sign first; then the carrier sends one after the other.
func carried(n *localNetwork) {
	ids := []string{"plant-legacy", "plant-address-bound"}
	farmers := []*keypair.Full{n.legacyFarmer, n.boundFarmer}
	var entries []xdr.SorobanAuthorizationEntry
	for at, farmer := range farmers {
		calling := n.carriedPlant(farmer, stakeStroops)
		entries = append(entries, n.authorised(calling, farmer, at == 1, 500))
	}
	for at, farmer := range farmers {
		planted := n.call(n.carriedPlant(farmer, stakeStroops, entries[at]), n.carrier)
		report(ids[at], merged(describeCall(planted), outcome{"credentials": arm(entries[at])}))
	}
	used := n.carriedPlant(n.boundFarmer, stakeStroops, entries[1])
	report("authorisation-replayed", outcome{"error": n.simulationError(used)})
}

func refusedAuthorisations(n *localNetwork) {
	calling := n.carriedPlant(n.farmer, stakeStroops)
	for _, refused := range []struct {
		id           string
		signer       *keypair.Full
		validLedgers int64
		amount       int64
	}{
		{"authorisation-forged", n.carrier, 500, stakeStroops},
		{"authorisation-expired", n.farmer, -1, stakeStroops},
		{"authorisation-too-long", n.farmer, 10_000_000, stakeStroops},
		{"authorisation-other-call", n.farmer, 500, stakeStroops + 1},
	} {
		entry := n.authorised(calling, refused.signer, true, refused.validLedgers)
		attempt := n.carriedPlant(n.farmer, refused.amount, entry)
		report(refused.id, outcome{"error": n.simulationError(attempt)})
	}
}

// nextBlock waits until the next block can be opened; the farmer's plant opens it.
func nextBlock(n *localNetwork) {
	before := n.farmIndex()
	opened := must(strconv.ParseInt(n.block(before)["timestamp"].(string), 10, 64))
	for n.latest().LedgerCloseTime < opened+blockSeconds {
		time.Sleep(2 * pollInterval)
	}
	refusedAuthorisations(n)
	n.call(n.farmCall(n.farmer, "plant", plantArguments(n.farmer, stakeStroops)), n.farmer)
	report("next-block", outcome{"opened": n.farmIndex() - before})
	arguments := []xdr.ScVal{addressValue(n.farmer), u32(n.workedIndex)}
	harvested := n.call(n.farmCall(n.carrier, "harvest", arguments), n.carrier)
	reward := harvested.returnValue().MustI128()
	report("harvest", merged(describeCall(harvested), outcome{"rewarded": reward.Hi == 0 && reward.Lo > 0}))
	again := n.farmCall(n.carrier, "harvest", arguments)
	report("harvest-again", outcome{"error": n.simulationError(again)})
}
