package main

import (
	"encoding/hex"

	"github.com/stellar/go-stellar-sdk/keypair"
	"github.com/stellar/go-stellar-sdk/xdr"
)

var nodeScenarios = []scenario{nodeInfo, latestLedger, feeStats, friendbot}

func nodeInfo(n *localNetwork) {
	report("health", handedOut(must(n.client.GetHealth(ctx()))))
	report("network", handedOut(must(n.client.GetNetwork(ctx()))))
	report("version", handedOut(must(n.client.GetVersionInfo(ctx()))))
}

func latestLedger(n *localNetwork) {
	latest := n.latest()
	var header xdr.LedgerHeader
	var meta xdr.LedgerCloseMeta
	check(xdr.SafeUnmarshalBase64(latest.LedgerHeader, &header))
	check(xdr.SafeUnmarshalBase64(latest.LedgerMetadata, &meta))
	hash := meta.MustV2().LedgerHeader.Hash
	report("latest-ledger", merged(handedOut(latest), outcome{
		"headerAgrees": uint32(header.LedgerSeq) == latest.Sequence,
		"timeAgrees":   int64(header.ScpValue.CloseTime) == latest.LedgerCloseTime,
		"metaVersion":  meta.V,
		"hashAgrees":   hex.EncodeToString(hash[:]) == latest.Hash,
	}))
	report("latest-ledger-advances", outcome{"advanced": n.ledgerAt(latest.Sequence+1) > latest.Sequence})
}

func feeStats(n *localNetwork) {
	for range 2 {
		n.include(n.signed(n.payment(n.carrier, options{}), n.carrier))
	}
	report("fee-stats", handedOut(must(n.client.GetFeeStats(ctx()))))
}

func friendbot(n *localNetwork) {
	address := keypair.MustRandom().Address()
	status, funding := n.friendbot(address)
	funded := n.applied(funding["hash"].(string))
	account := n.account(address)
	report("friendbot-new", outcome{
		"status":         status,
		"found":          funded.response.Status,
		"xlm":            account.Balance / stroops,
		"sequenceAgrees": int64(account.SeqNum) == int64(funded.response.Ledger)<<32,
	})
	for id, asked := range map[string]string{"friendbot-again": address, "friendbot-bad-address": "GABC"} {
		status, problem := n.friendbot(asked)
		extras, _ := problem["extras"].(map[string]any)
		report(id, outcome{"status": status, "detail": problem["detail"], "reason": extras["reason"]})
	}
}
