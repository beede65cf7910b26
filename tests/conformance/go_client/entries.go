package main

import (
	"slices"
	"strings"

	"github.com/stellar/go-stellar-sdk/keypair"
	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/strkey"
	"github.com/stellar/go-stellar-sdk/xdr"
)

var entryScenarios = []scenario{order, refusedKeys, accounts, contractData}

func accountKey(address string) string {
	id := xdr.MustAddress(address)
	return must(xdr.MarshalBase64(must(id.LedgerKey())))
}

func (n *localNetwork) trustlineKey(holder *keypair.Full) string {
	var key xdr.LedgerKey
	line := must(n.asset.MustToTrustLineAsset().ToXDR())
	check(key.SetTrustline(xdr.MustAddress(holder.Address()), line))
	return must(xdr.MarshalBase64(key))
}

func contractAddress(contract string) xdr.ScAddress {
	var id xdr.ContractId
	copy(id[:], must(strkey.Decode(strkey.VersionByteContract, contract)))
	return must(xdr.NewScAddress(xdr.ScAddressTypeScAddressTypeContract, id))
}

func dataKey(contract string, key xdr.ScVal, durability xdr.ContractDataDurability) string {
	var whole xdr.LedgerKey
	check(whole.SetContractData(contractAddress(contract), key, durability))
	return must(xdr.MarshalBase64(whole))
}

var instanceValue = xdr.ScVal{Type: xdr.ScValTypeScvLedgerKeyContractInstance}

func (n *localNetwork) instanceKey() string {
	return dataKey(n.Farm, instanceValue, xdr.ContractDataDurabilityPersistent)
}

func (n *localNetwork) entries(keys ...string) (protocol.GetLedgerEntriesResponse, error) {
	return n.client.GetLedgerEntries(ctx(), protocol.GetLedgerEntriesRequest{Keys: keys})
}

func decodedEntry(found protocol.LedgerEntryResult) xdr.LedgerEntryData {
	var data xdr.LedgerEntryData
	check(xdr.SafeUnmarshalBase64(found.DataXDR, &data))
	return data
}

func (n *localNetwork) account(address string) xdr.AccountEntry {
	return decodedEntry(must(n.entries(accountKey(address))).Entries[0]).MustAccount()
}

func order(n *localNetwork) {
	keys := []string{
		n.trustlineKey(n.farmer),
		accountKey(keypair.MustRandom().Address()),
		accountKey(n.farmer.Address()),
		n.instanceKey(),
	}
	found := must(n.entries(keys...))
	types, given, modified, lives := []string{}, []string{}, []uint32{}, []*uint32{}
	for _, entry := range found.Entries {
		types = append(types, strings.TrimPrefix(decodedEntry(entry).Type.String(), "LedgerEntryType"))
		given = append(given, entry.KeyXDR)
		modified = append(modified, entry.LastModifiedLedger)
		lives = append(lives, entry.LiveUntilLedgerSeq)
	}
	report("entries-order", outcome{
		"types":        types,
		"keysAsAsked":  slices.Equal(given, []string{keys[0], keys[2], keys[3]}),
		"lastModified": modified,
		"liveUntil":    lives,
		"latestLedger": found.LatestLedger,
	})
	report("entries-none", handedOut(must(n.entries(keys[1]))))
}

func refusedKeys(n *localNetwork) {
	key := accountKey(n.farmer.Address())
	var lifetime xdr.LedgerKey
	check(lifetime.SetTtl(xdr.Hash{}))
	for id, keys := range map[string][]string{
		"entries-too-many":  slices.Repeat([]string{key}, 201),
		"entries-no-keys":   {},
		"entries-duplicate": {key, key},
		"entries-ttl":       {must(xdr.MarshalBase64(lifetime))},
	} {
		_, err := n.entries(keys...)
		reportError(id, err)
	}
}

func accounts(n *localNetwork) {
	loaded := must(n.client.LoadAccount(ctx(), n.farmer.Address()))
	sequence := int64(n.account(n.farmer.Address()).SeqNum)
	report("account-load", outcome{"sequenceAgrees": must(loaded.GetSequenceNumber()) == sequence})
	nobody := keypair.MustRandom().Address()
	_, err := n.client.LoadAccount(ctx(), nobody)
	missing := err != nil && err.Error() == "failed to find ledger entry for account "+nobody
	report("account-missing", outcome{"found": !missing})
}

func contractData(n *localNetwork) {
	entry := must(n.entries(n.instanceKey())).Entries[0]
	value := decodedEntry(entry).MustContractData().Val
	report("contract-data", outcome{
		"value":     strings.TrimPrefix(value.Type.String(), "ScValTypeScv"),
		"liveUntil": entry.LiveUntilLedgerSeq,
	})
	missing := dataKey(n.Farm, symbol("missing"), xdr.ContractDataDurabilityTemporary)
	report("contract-data-missing", outcome{"found": len(must(n.entries(missing)).Entries) > 0})
}
