// getTransaction: what became of a transaction, classic and Soroban.

import { Asset, Keypair, nativeToScVal, Operation, SorobanDataBuilder, xdr } from "@stellar/stellar-sdk";
import { address, prepared } from "./kale.mjs";
import { describeCall } from "./results.mjs";
import { assetCall } from "./simulations.mjs";

const UNKNOWN_HASH = "ab".repeat(32);

async function notFound(network) {
  network.report("transaction-not-found", await network.server.getTransaction(UNKNOWN_HASH));
  await network.reportError("transaction-hash-length", network.server.getTransaction("ab"));
  await network.reportError("transaction-hash-digits", network.server.getTransaction("zz".repeat(32)));
}

/** The response's fields, and everything in its XDR. */
function described(applied) {
  const { envelopeXdr, resultXdr, resultMetaXdr, returnValue, events, diagnosticEventsXdr, ...fields } = applied;
  return {
    ...fields,
    ...describeCall(applied),
    transactionEvents: events.transactionEventsXdr.length,
    contractEvents: events.contractEventsXdr.map((operation) => operation.length),
    hasDiagnostics: diagnosticEventsXdr !== undefined,
  };
}

async function payment(network) {
  const { carrier } = network;
  const paid = await network.include(network.signed(await network.payment(carrier), carrier));
  network.report("transaction-payment", described(paid));
}

async function classic(network) {
  const { carrier, farmer, asset } = network;
  const created = Keypair.random();
  const apply = async (key, operation) =>
    network.include(network.signed((await network.builder(key)).addOperation(operation), key));
  const pay = (destination, paidAsset, amount = "1") =>
    Operation.payment({ destination, asset: paidAsset, amount });
  const create = Operation.createAccount({ destination: created.publicKey(), startingBalance: "10" });
  network.report("classic-create-account", describeCall(await apply(carrier, create)));
  const trust = Operation.changeTrust({ asset });
  network.report("classic-trustline", describeCall(await apply(created, trust)));
  network.report("classic-payment", describeCall(await apply(farmer, pay(created.publicKey(), asset))));
  const tooMuch = pay(created.publicKey(), Asset.native(), "1000000");
  network.report("transaction-failed", described(await apply(carrier, tooMuch)));
  const untrusted = pay(carrier.publicKey(), asset);
  network.report("classic-no-trustline", describeCall(await apply(farmer, untrusted)));
  const toNobody = pay(Keypair.random().publicKey(), Asset.native());
  network.report("classic-no-destination", describeCall(await apply(farmer, toNobody)));
}

async function housekeeping(network) {
  const { carrier, farmer } = network;
  const sponsored = Keypair.random();
  const apply = async (source, operations, ...signers) => {
    const builder = await network.builder(source);
    for (const operation of operations) builder.addOperation(operation);
    return describeCall(await network.include(network.signed(builder, source, ...signers)));
  };
  const ahead = BigInt((await network.server.getAccount(carrier.publicKey())).sequenceNumber()) + 10n;
  network.report("classic-set-options", await apply(carrier, [
    Operation.setOptions({ homeDomain: "kale.example" }),
    Operation.manageData({ name: "kale", value: "1" }),
    Operation.bumpSequence({ bumpTo: String(ahead) }),
  ]));
  const [destination, source] = [carrier.publicKey(), sponsored.publicKey()];
  network.report("classic-sponsorship", await apply(carrier, [
    Operation.beginSponsoringFutureReserves({ sponsoredId: source }),
    Operation.createAccount({ destination: source, startingBalance: "0" }),
    Operation.endSponsoringFutureReserves({ source }),
  ], sponsored));
  const merge = Operation.accountMerge({ destination, source });
  network.report("classic-merge", await apply(carrier, [merge], sponsored));
  network.report("classic-merge-refused", await apply(farmer, [Operation.accountMerge({ destination })]));
}

async function missingOperationSource(network) {
  const { carrier } = network;
  const ghost = Keypair.random();
  const builder = (await network.builder(carrier)).addOperation(
    Operation.payment({
      destination: carrier.publicKey(), asset: Asset.native(), amount: "1", source: ghost.publicKey(),
    }),
  );
  const applied = await network.include(network.signed(builder, carrier, ghost));
  network.report("operation-no-account", describeCall(applied));
}

async function skippedSequence(network) {
  const builder = await network.payment(network.carrier, {
    ahead: 3, minAccountSequence: "1", ledgerbounds: { minLedger: 1, maxLedger: 0 },
  });
  const applied = await network.include(network.signed(builder, network.carrier));
  network.report("preconditions-met", describeCall(applied));
}

async function feeBump(network) {
  const { carrier } = network;
  const inner = network.signed(await network.payment(carrier), carrier);
  const bump = network.feeBump(inner, 200);
  await network.include(bump);
  const innerHash = Buffer.from(inner.hash()).toString("hex");
  const outerHash = Buffer.from(bump.hash()).toString("hex");
  for (const [id, hash] of [["fee-bump-outer-hash", outerHash], ["fee-bump-inner-hash", innerHash]]) {
    const applied = await network.applied(hash);
    const outcome = described(applied);
    network.report(id, {
      ...outcome,
      txHash: outcome.txHash === hash,
      innerHash: outcome.innerHash === innerHash,
      envelope: applied.envelopeXdr.type.replace("envelopeType", ""),
    });
  }
}

async function contractCalls(network) {
  const { farmer, boundFarmer } = network;
  const args = [address(farmer), address(boundFarmer), nativeToScVal(3n, { type: "i128" })];
  const transfer = await assetCall(network, "transfer", args);
  const done = await network.include(await prepared(network, transfer, farmer));
  network.report("call-transfer", described(done));
  for (const [id, change] of [
    ["call-outside-footprint", (data) => data.setReadWrite(data.getReadWrite().slice(0, -1))],
    ["call-too-few-instructions", withOneInstruction],
  ]) {
    const ready = await prepared(network, await assetCall(network, "transfer", args), farmer);
    const unfit = network.changed(ready, (tx) => {
      tx.ext = xdr.TransactionExt.sorobanData(change(new SorobanDataBuilder(tx.ext.value)).build());
    });
    unfit.sign(farmer);
    network.report(id, described(await network.include(unfit)));
  }
}

function withOneInstruction(data) {
  const { diskReadBytes, writeBytes } = data.build().resources;
  return data.setResources(1, diskReadBytes, writeBytes);
}

export const SCENARIOS = [
  notFound, payment, classic, housekeeping, missingOperationSource, skippedSequence, feeBump, contractCalls,
];
