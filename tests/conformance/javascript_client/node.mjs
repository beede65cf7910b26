// What the node says about itself, and the friendbot.

import { Keypair } from "@stellar/stellar-sdk";
import { STROOPS } from "./network.mjs";

async function nodeInfo(network) {
  network.report("health", await network.server.getHealth());
  network.report("network", await network.server.getNetwork());
  network.report("version", await network.server.getVersionInfo());
}

async function latestLedger(network) {
  const { headerXdr: header, metadataXdr: meta, ...latest } = await network.server.getLatestLedger();
  network.report("latest-ledger", {
    ...latest,
    headerAgrees: header.ledgerSeq === latest.sequence,
    timeAgrees: header.scpValue.closeTime === BigInt(latest.closeTime),
    metaVersion: Number(meta.type.slice(1)),
    hashAgrees: meta.value.ledgerHeader.hash.toString() === latest.id,
  });
  const later = await network.ledgerAt(latest.sequence + 1);
  network.report("latest-ledger-advances", { advanced: later > latest.sequence });
}

async function feeStats(network) {
  for (let count = 0; count < 2; count += 1) {
    await network.include(network.signed(await network.payment(network.carrier), network.carrier));
  }
  network.report("fee-stats", await network.server.getFeeStats());
}

async function friendbot(network) {
  const address = Keypair.random().publicKey();
  const { status, body } = await network.friendbot(address);
  const funded = await network.applied(body.hash);
  const entry = await network.server.getAccountEntry(address);
  network.report("friendbot-new", {
    status,
    found: funded.status,
    xlm: Number(entry.balance / STROOPS),
    sequenceAgrees: entry.seqNum.toString() === String(BigInt(funded.ledger) << 32n),
  });
  for (const [id, asked] of [["friendbot-again", address], ["friendbot-bad-address", "GABC"]]) {
    const { status: refusal, body: problem } = await network.friendbot(asked);
    network.report(id, { status: refusal, detail: problem.detail, reason: problem.extras?.reason });
  }
}

async function airdrop(network) {
  const address = Keypair.random().publicKey();
  const account = await network.server.requestAirdrop(address);
  const entry = await network.server.getAccountEntry(address);
  network.report("friendbot-airdrop", {
    sequenceAgrees: account.sequenceNumber() === entry.seqNum.toString(),
  });
}

export const SCENARIOS = [nodeInfo, latestLedger, feeStats, friendbot, airdrop];
