// simulateTransaction: recording, enforcing, and every way to fail.

import { Account, Keypair, Memo, nativeToScVal, Operation, TransactionBuilder } from "@stellar/stellar-sdk";
import { address, authorised, contractCall } from "./kale.mjs";
import { eventName, plain } from "./results.mjs";

const NOWHERE = "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD2KM";

const arm = (entry) => entry.credentials.type.replace("sorobanCredentials", "");
const i128 = (value) => nativeToScVal(value, { type: "i128" });

export const assetCall = (network, name, args, options) =>
  contractCall(network, network.farmer, network.assetContract, name, args, [], options);

async function recorded(network) {
  const args = [address(network.farmer), address(network.boundFarmer), i128(1n)];
  const transfer = await assetCall(network, "transfer", args);
  const simulated = await network.server.simulateTransaction(transfer.build());
  const data = simulated.transactionData.build();
  network.report("simulate-source", {
    auth: simulated.result.auth.map(arm),
    minResourceFee: simulated.minResourceFee,
    feeAgrees: data.resourceFee === BigInt(simulated.minResourceFee),
    readOnly: data.resources.footprint.readOnly.map((key) => key.type),
    readWrite: data.resources.footprint.readWrite.map((key) => key.type),
    stateChanges: simulated.stateChanges.map((change) => change.type),
    returnValue: plain(simulated.result.retval),
    events: simulated.events.map(({ event }) => eventName(event)),
    latestLedger: simulated.latestLedger,
  });
}

/** The carrier burns a stroop of the farmer's. */
const burnForAnother = (network, auth = []) =>
  contractCall(
    network, network.carrier, network.assetContract, "burn", [address(network.farmer), i128(1n)], auth,
  );

async function recordedForAnother(network) {
  for (const [id, upgraded] of [["simulate-address-bound", true], ["simulate-legacy", false]]) {
    const calling = (await burnForAnother(network)).build();
    const simulated = await network.server.simulateTransaction(calling, undefined, undefined, upgraded);
    const [entry] = simulated.result.auth;
    const given = entry.credentials.value;
    network.report(id, {
      auth: arm(entry),
      expiration: given.signatureExpirationLedger,
      signature: given.signature.type,
      hasNonce: given.nonce !== 0n,
    });
  }
}

async function enforced(network) {
  const { server } = network;
  const entry = await authorised(network, await burnForAnother(network), network.farmer);
  const calling = (await burnForAnother(network, [entry])).build();
  const simulated = await server.simulateTransaction(calling);
  network.report("simulate-enforce", {
    unchanged: simulated.result.auth[0].toXdr("base64") === entry.toXdr("base64"),
  });
  const empty = (await burnForAnother(network)).build();
  const simulate = (transaction, mode) => server.simulateTransaction(transaction, undefined, mode);
  network.report("simulate-enforce-nothing", failure(await simulate(empty, "enforce")));
  network.report("simulate-record-with-entries", failure(await simulate(calling, "record")));
  const nested = await simulate(empty, "record_allow_nonroot");
  network.report("simulate-record-nonroot", { auth: nested.result.auth.map(arm) });
}

/** The first line of the error, and what comes with it. */
export function failure(simulated) {
  return {
    error: (simulated.error ?? "no error").split("\n")[0],
    hasEvents: simulated.events.length > 0,
    hasTransactionData: "transactionData" in simulated,
    latestLedger: simulated.latestLedger,
  };
}

async function failingCalls(network) {
  const { farmer } = network;
  for (const [id, calling] of [
    ["simulate-contract-error", await assetCall(network, "burn", [address(farmer), i128(10n ** 17n)])],
    ["simulate-missing-contract", await contractCall(network, farmer, NOWHERE, "f", [])],
    ["simulate-missing-function", await contractCall(network, farmer, network.farm, "sow", [])],
  ]) {
    network.report(id, failure(await network.server.simulateTransaction(calling.build())));
  }
}

async function unfitTransactions(network) {
  const args = [address(network.farmer)];
  const two = await assetCall(network, "balance", args);
  two.addOperation(
    Operation.invokeContractFunction({ contract: network.assetContract, function: "balance", args }),
  );
  for (const [id, builder] of [
    ["simulate-memo", await assetCall(network, "balance", args, { memo: Memo.text("kale") })],
    ["simulate-classic", await network.payment(network.farmer)],
    ["simulate-two-operations", two],
  ]) {
    network.report(id, failure(await network.server.simulateTransaction(builder.build())));
  }
  const garbage = { toXdr: () => "AAAA" };
  network.report("simulate-malformed", failure(await network.server.simulateTransaction(garbage)));
}

async function views(network) {
  const { server } = network;
  const balance = (await assetCall(network, "balance", [address(network.farmer)])).build();
  const { retval } = (await server.simulateTransaction(balance)).result;
  network.report("simulate-view", { type: retval.type, isPositive: BigInt(plain(retval)) > 0n });
  const unknown = new TransactionBuilder(new Account(Keypair.random().publicKey(), "0"), {
    fee: "100", timebounds: { minTime: 0, maxTime: 1 }, networkPassphrase: network.passphrase,
  });
  unknown.addOperation(
    Operation.invokeContractFunction({ contract: network.assetContract, function: "decimals", args: [] }),
  );
  const decimals = await server.simulateTransaction(unknown.build());
  network.report("simulate-unknown-source", { value: plain(decimals.result.retval) });
  const generous = await server.simulateTransaction(balance, { cpuInstructions: 50_000_000 });
  const { instructions } = generous.transactionData.build().resources;
  network.report("simulate-leeway", { granted: instructions > 50_000_000 });
}

export const SCENARIOS = [recorded, recordedForAnother, enforced, failingCalls, unfitTransactions, views];
