package main

import (
	"encoding/hex"
	"slices"
	"strconv"

	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/xdr"
)

// getTransactions and getLedgers: pages, cursors and ranges.
var pagingScenarios = []scenario{listedTransactions, listedLedgers, refusedPages}

func page(cursor string, limit uint) *protocol.LedgerPaginationOptions {
	return &protocol.LedgerPaginationOptions{Cursor: cursor, Limit: limit}
}

func (n *localNetwork) transactions(
	start uint32, chosen *protocol.LedgerPaginationOptions,
) (protocol.GetTransactionsResponse, error) {
	request := protocol.GetTransactionsRequest{StartLedger: start, Pagination: chosen}
	return n.client.GetTransactions(ctx(), request)
}

func (n *localNetwork) ledgers(
	start uint32, chosen *protocol.LedgerPaginationOptions,
) (protocol.GetLedgersResponse, error) {
	return n.client.GetLedgers(ctx(), protocol.GetLedgersRequest{StartLedger: start, Pagination: chosen})
}

func listedTransactions(n *localNetwork) {
	var sent, listed []string
	var start uint32
	for count := range 3 {
		done := n.include(n.signed(n.payment(n.carrier, options{}), n.carrier))
		sent = append(sent, done.response.TransactionHash)
		if count == 0 {
			start = done.response.Ledger
		}
	}
	first := must(n.transactions(start, page("", 2)))
	rest := must(n.transactions(0, page(first.Cursor, 2)))
	for _, transaction := range slices.Concat(first.Transactions, rest.Transactions) {
		listed = append(listed, transaction.TransactionHash)
	}
	var meta xdr.TransactionMeta
	check(xdr.SafeUnmarshalBase64(first.Transactions[0].ResultMetaXDR, &meta))
	report("transactions-page", merged(handedOut(first), outcome{
		"count":       len(first.Transactions),
		"first":       handedOut(first.Transactions[0]),
		"metaVersion": meta.V,
	}))
	report("transactions-cursor", outcome{"complete": slices.Equal(listed, sent)})
	nothing := must(n.transactions(0, page(rest.Cursor, 0)))
	report("transactions-end", outcome{"count": len(nothing.Transactions), "cursor": nothing.Cursor})
}

func listedLedgers(n *localNetwork) {
	latest := n.latest().Sequence
	sequences := func(found protocol.GetLedgersResponse) []int64 {
		distances := []int64{}
		for _, ledger := range found.Ledgers {
			distances = append(distances, int64(ledger.Sequence)-int64(latest))
		}
		return distances
	}
	first := must(n.ledgers(latest-4, page("", 3)))
	var header xdr.LedgerHeaderHistoryEntry
	var meta xdr.LedgerCloseMeta
	check(xdr.SafeUnmarshalBase64(first.Ledgers[0].LedgerHeader, &header))
	check(xdr.SafeUnmarshalBase64(first.Ledgers[0].LedgerMetadata, &meta))
	last := first.Ledgers[len(first.Ledgers)-1].Sequence
	report("ledgers-page", merged(handedOut(first), handedOut(first.Ledgers[0]), outcome{
		"sequences":    sequences(first),
		"hashAgrees":   hex.EncodeToString(header.Hash[:]) == first.Ledgers[0].Hash,
		"metaVersion":  meta.V,
		"cursorAgrees": first.Cursor == strconv.FormatUint(uint64(last), 10),
	}))
	report("ledgers-cursor", outcome{"sequences": sequences(must(n.ledgers(0, page(first.Cursor, 2))))})
}

func refusedPages(n *localNetwork) {
	latest := n.latest().Sequence
	for name, get := range map[string]func(uint32, *protocol.LedgerPaginationOptions) error{
		"transactions": func(start uint32, chosen *protocol.LedgerPaginationOptions) error {
			_, err := n.transactions(start, chosen)
			return err
		},
		"ledgers": func(start uint32, chosen *protocol.LedgerPaginationOptions) error {
			_, err := n.ledgers(start, chosen)
			return err
		},
	} {
		reportError(name+"-forgotten", get(2, nil))
		reportError(name+"-future", get(latest+1_000, nil))
		reportError(name+"-limit", get(latest, page("", 201)))
		reportError(name+"-start-and-cursor", get(latest, page(strconv.FormatUint(uint64(latest), 10), 0)))
		reportError(name+"-bad-cursor", get(0, page("kale", 0)))
	}
}
