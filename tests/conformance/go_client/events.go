package main

import (
	"slices"

	protocol "github.com/stellar/go-stellar-sdk/protocols/rpc"
	"github.com/stellar/go-stellar-sdk/xdr"
)

// getEvents: filters, pages and ranges. The client's cursors and topics are typed: it cannot send malformed ones.
var eventScenarios = []scenario{burn, refusedFilters}

const burntStroops = 11

func names(found protocol.GetEventsResponse) []string {
	listed := []string{}
	for _, event := range found.Events {
		listed = append(listed, string(decodedValue(event.TopicXDR[0]).MustSym()))
	}
	return listed
}

func decodedValue(text string) xdr.ScVal {
	var value xdr.ScVal
	check(xdr.SafeUnmarshalBase64(text, &value))
	return value
}

func wildcard(sign string) protocol.SegmentFilter { return protocol.SegmentFilter{Wildcard: &sign} }

func exactly(value xdr.ScVal) protocol.SegmentFilter { return protocol.SegmentFilter{ScVal: &value} }

func ofType(name string) protocol.EventTypeSet { return protocol.EventTypeSet{name: nil} }

func (n *localNetwork) events(request protocol.GetEventsRequest) protocol.GetEventsResponse {
	return must(n.client.GetEvents(ctx(), request))
}

// burn is one of the farmer's, found in every way.
func burn(n *localNetwork) {
	args := []xdr.ScVal{addressValue(n.farmer), i128(burntStroops)}
	done := n.call(n.assetCall("burn", args, options{}), n.farmer)
	start := done.response.Ledger
	burnt, holder := exactly(symbol("burn")), exactly(args[0])
	get := func(kind string, topics ...protocol.SegmentFilter) protocol.GetEventsResponse {
		filter := protocol.EventFilter{EventType: ofType(kind), ContractIDs: []string{n.AssetContract}}
		if len(topics) > 0 {
			filter.Topics = []protocol.TopicFilter{topics}
		}
		return n.events(protocol.GetEventsRequest{StartLedger: start, Filters: []protocol.EventFilter{filter}})
	}
	found := get("contract", burnt, holder, wildcard("*"))
	event := found.Events[0]
	report("events-found", merged(handedOut(event), handedOut(found), outcome{
		"topics":     []any{plain(decodedValue(event.TopicXDR[0]))},
		"value":      plain(decodedValue(event.ValueXDR)),
		"ledger":     uint32(event.Ledger) == start,
		"txHash":     event.TransactionHash == done.response.TransactionHash,
		"contractId": event.ContractID == n.AssetContract,
	}))
	report("events-rest-wildcard", outcome{"names": names(get("contract", burnt, wildcard("**")))})
	report("events-topic-count", outcome{"names": names(get("contract", burnt, holder))})
	report("events-system", outcome{"names": names(get("system"))})
	either := n.events(protocol.GetEventsRequest{StartLedger: start, EndLedger: start + 1, Filters: []protocol.EventFilter{
		{Topics: []protocol.TopicFilter{{burnt, wildcard("**")}}},
		{Topics: []protocol.TopicFilter{{exactly(symbol("fee")), wildcard("*")}}},
	}})
	report("events-either-filter", outcome{"names": names(either)})
	eventPages(n, start)
}

// eventPages reads the events of one ledger (fee, burn, refund), all at once and one by one.
func eventPages(n *localNetwork, start uint32) {
	n.ledgerAt(start + 2)
	everything := n.events(protocol.GetEventsRequest{StartLedger: start, EndLedger: start + 1})
	lastPlace := protocol.Cursor{Ledger: start, Tx: 1_048_575, Op: 4_095, Event: 1<<32 - 1}
	report("events-range", outcome{
		"names": names(everything), "cursorAgrees": everything.Cursor == lastPlace.String(),
	})
	var all, ids []string
	for _, event := range everything.Events {
		all = append(all, event.ID)
	}
	single := n.events(protocol.GetEventsRequest{StartLedger: start, Pagination: &protocol.PaginationOptions{Limit: 1}})
	cursorIsLast := single.Cursor == single.Events[0].ID
	for {
		ids = append(ids, single.Events[0].ID)
		if len(ids) == len(all) {
			break
		}
		cursor := must(protocol.ParseCursor(single.Cursor))
		next := &protocol.PaginationOptions{Cursor: &cursor, Limit: 1}
		single = n.events(protocol.GetEventsRequest{Pagination: next})
	}
	report("events-cursor", outcome{"complete": slices.Equal(ids, all), "cursorIsLast": cursorIsLast})
}

func refusedFilters(n *localNetwork) {
	start := n.latest().Sequence
	topics := func(lists ...protocol.TopicFilter) []protocol.EventFilter {
		return []protocol.EventFilter{{Topics: lists}}
	}
	one := wildcard("*")
	for id, filters := range map[string][]protocol.EventFilter{
		"events-too-many-filters":   slices.Repeat([]protocol.EventFilter{{}}, 6),
		"events-too-many-contracts": {{ContractIDs: slices.Repeat([]string{n.Farm}, 6)}},
		"events-bad-contract":       {{ContractIDs: []string{"CABC"}}},
		"events-diagnostic":         {{EventType: ofType("diagnostic")}},
		"events-too-many-topics":    topics(slices.Repeat([]protocol.TopicFilter{{one}}, 6)...),
		"events-too-many-segments":  topics(slices.Repeat(protocol.TopicFilter{one}, 5)),
		"events-rest-not-last":      topics(protocol.TopicFilter{wildcard("**"), one}),
	} {
		_, err := n.client.GetEvents(ctx(), protocol.GetEventsRequest{StartLedger: start, Filters: filters})
		reportError(id, err)
	}
	for id, request := range map[string]protocol.GetEventsRequest{
		"events-forgotten": {StartLedger: 2},
		"events-future":    {StartLedger: start + 1_000},
		"events-no-start":  {},
		"events-limit":     {StartLedger: start, Pagination: &protocol.PaginationOptions{Limit: 10_001}},
		"events-start-and-cursor": {
			StartLedger: start, Pagination: &protocol.PaginationOptions{Cursor: &protocol.Cursor{Ledger: start}},
		},
	} {
		_, err := n.client.GetEvents(ctx(), request)
		reportError(id, err)
	}
}
