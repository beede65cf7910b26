// sendTransaction: taken in, put off, refused.

import {
  Account, Asset, Keypair, Memo, nativeToScVal, Operation, SorobanDataBuilder, TransactionBuilder, xdr,
} from "@stellar/stellar-sdk";
import { address, contractCall } from "./kale.mjs";
import { describeSent } from "./network.mjs";
import { assetCall } from "./simulations.mjs";

const FAR_LEDGERS = 100_000;
const FAR_SECONDS = 1_000_000;

async function pending(network) {
  const { carrier, server } = network;
  const transaction = network.signed(await network.payment(carrier), carrier);
  const sent = await server.sendTransaction(transaction);
  network.report("send-pending", {
    ...describeSent(sent),
    hashAgrees: sent.hash === Buffer.from(transaction.hash()).toString("hex"),
    latestLedger: sent.latestLedger,
    latestLedgerCloseTime: sent.latestLedgerCloseTime,
    errorResultXdr: sent.errorResult,
  });
  const applied = await network.applied(sent.hash);
  network.report("send-banned", describeSent(await server.sendTransaction(transaction)));
  await network.ledgerAt(applied.ledger + 11);
  network.report("send-applied", describeSent(await server.sendTransaction(transaction)));
}

async function besideAnother(network) {
  const { carrier, server } = network;
  const sendAll = async (transactions) => {
    const answers = [];
    for (const transaction of transactions) answers.push(await server.sendTransaction(transaction));
    return answers;
  };
  const signedPayment = async (ahead) => network.signed(await network.payment(carrier, { ahead }), carrier);
  const twice = async () => sendAll(Array(2).fill(await signedPayment(0)));
  const two = async () => sendAll([await signedPayment(0), await signedPayment(1)]);
  const bumped = async () => {
    const inner = await signedPayment(0);
    return sendAll([inner, network.feeBump(inner, 999), network.feeBump(inner, 1_000)]);
  };
  for (const [ids, attempt] of [
    [["send-duplicate"], twice],
    [["send-second"], two],
    [["send-replacement-too-cheap", "send-replacement"], bumped],
  ]) {
    const [first, ...others] = await network.sentInOneLedger(attempt);
    others.forEach((answer, at) => network.report(ids[at], describeSent(answer)));
    await network.applied(others.at(-1).status === "PENDING" ? others.at(-1).hash : first.hash);
  }
}

async function refusedConditions(network) {
  const { carrier } = network;
  const latest = await network.server.getLatestLedger();
  const [now, { sequence }] = [Number(latest.closeTime), latest];
  for (const [id, options] of [
    ["send-too-early", { timebounds: { minTime: now + FAR_SECONDS, maxTime: 0 } }],
    ["send-too-late", { timebounds: { minTime: 0, maxTime: now - 1 } }],
    ["send-before-ledger", { ledgerbounds: { minLedger: sequence + FAR_LEDGERS, maxLedger: 0 } }],
    ["send-after-ledger", { ledgerbounds: { minLedger: 0, maxLedger: sequence } }],
    ["send-sequence-too-young", { minAccountSequenceAge: BigInt(FAR_SECONDS) }],
    ["send-sequence-gap", { minAccountSequenceLedgerGap: FAR_LEDGERS }],
    ["send-bad-sequence", { ahead: 1 }],
  ]) {
    await reportSent(network, id, network.signed(await network.payment(carrier, options), carrier));
  }
}

async function reportSent(network, id, transaction) {
  network.report(id, describeSent(await network.server.sendTransaction(transaction)));
}

/** Less than two ledgers' time is left: no node lets it in any more. */
async function nearlyLate(network) {
  const now = Number((await network.server.getLatestLedger()).closeTime);
  const builder = await network.payment(network.carrier, { timebounds: { minTime: 0, maxTime: now + 5 } });
  await reportSent(network, "send-nearly-late", network.signed(builder, network.carrier));
}

async function refusedSignatures(network) {
  const { carrier, farmer } = network;
  const ofTheFarmer = (await network.builder(carrier)).addOperation(
    Operation.payment({
      destination: carrier.publicKey(), asset: Asset.native(), amount: "1", source: farmer.publicKey(),
    }),
  );
  for (const [id, builder, signers] of [
    ["send-unsigned", await network.payment(carrier), []],
    ["send-bad-signature", await network.payment(carrier), [farmer]],
    ["send-unused-signature", await network.payment(carrier), [carrier, farmer]],
    ["send-operation-unsigned", ofTheFarmer, [carrier]],
  ]) {
    await reportSent(network, id, network.signed(builder, ...signers));
  }
}

async function refusedPayers(network) {
  const { carrier } = network;
  const ghost = Keypair.random();
  const nobody = new TransactionBuilder(new Account(ghost.publicKey(), "1"), {
    fee: "100", timebounds: { minTime: 0, maxTime: 0 }, networkPassphrase: network.passphrase,
  }).addOperation(
    Operation.payment({ destination: carrier.publicKey(), asset: Asset.native(), amount: "1" }),
  );
  const poor = Keypair.random();
  const creating = (await network.builder(carrier)).addOperation(
    Operation.createAccount({ destination: poor.publicKey(), startingBalance: "1.00001" }),
  );
  await network.include(network.signed(creating, carrier));
  for (const [id, builder, signer] of [
    ["send-no-account", nobody, ghost],
    ["send-insufficient-fee", await network.payment(carrier, { fee: "99" }), carrier],
    ["send-no-operation", await network.builder(carrier), carrier],
    ["send-insufficient-balance", await network.payment(poor, { fee: "1000" }), poor],
  ]) {
    await reportSent(network, id, network.signed(builder, signer));
  }
}

async function malformed(network) {
  const { farmer, server } = network;
  const planting = [address(farmer), nativeToScVal(1n, { type: "i128" })];
  const bare = await contractCall(network, farmer, network.farm, "plant", planting);
  await reportSent(network, "send-no-soroban-data", network.signed(bare, farmer));
  const view = await assetCall(network, "decimals", []);
  const ready = await server.prepareTransaction(view.build());
  for (const [id, change] of [
    ["send-fee-below-resource-fee", (tx) => { tx.fee = Number(tx.ext.value.resourceFee) - 1; }],
    ["send-resource-fee-too-low", (tx) => withData(tx, (data) => data.setResourceFee("1"))],
    ["send-doubled-key", (tx) => withData(tx, (data) => data.setReadOnly(doubled(data.getReadOnly())))],
    ["send-soroban-memo", (tx) => { tx.memo = Memo.text("kale").toXdrObject(); }],
  ]) {
    const transaction = network.changed(ready, change);
    transaction.sign(farmer);
    await reportSent(network, id, transaction);
  }
  await network.reportError("send-malformed", server.sendTransaction({ toXdr: () => "AAAA" }));
}

const doubled = (keys) => [...keys, keys[0]];

function withData(tx, change) {
  tx.ext = xdr.TransactionExt.sorobanData(change(new SorobanDataBuilder(tx.ext.value)).build());
}

async function feeBumpOfABadOne(network) {
  const inner = network.signed(await network.payment(network.carrier, { ahead: 5 }), network.carrier);
  const sent = describeSent(await network.server.sendTransaction(network.feeBump(inner, 200)));
  const innerHash = Buffer.from(inner.hash()).toString("hex");
  network.report("send-bumped-bad-sequence", { ...sent, innerHash: sent.innerHash === innerHash });
}

export const SCENARIOS = [
  pending, besideAnother, refusedConditions, nearlyLate, refusedSignatures, refusedPayers, malformed,
  feeBumpOfABadOne,
];
