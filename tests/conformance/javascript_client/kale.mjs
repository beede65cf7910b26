// A KALE block: plant, work, harvest; and plants that others carry for their farmers.

import { setTimeout as sleep } from "node:timers/promises";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { authorizeEntry, nativeToScVal, Operation, rpc, scValToNative, xdr } from "@stellar/stellar-sdk";
import { STROOPS } from "./network.mjs";
import { describeCall, plain } from "./results.mjs";

const STAKE_STROOPS = 10n * STROOPS;
const BLOCK_SECONDS = 300;
const NONCE = 7n;

export const address = (key) => nativeToScVal(key.publicKey(), { type: "address" });

/** A call of a contract, as a transaction of `source`. */
export async function contractCall(network, source, contract, name, args, auth = [], options = {}) {
  const builder = await network.builder(source, options);
  return builder.addOperation(Operation.invokeContractFunction({ contract, function: name, args, auth }));
}

const farmCall = (network, source, name, args, auth) =>
  contractCall(network, source, network.farm, name, args, auth);

const plantArguments = (farmer, stroops = STAKE_STROOPS) => [
  address(farmer),
  nativeToScVal(stroops, { type: "i128" }),
];

export async function prepared(network, builder, key) {
  const transaction = await network.server.prepareTransaction(builder.build());
  transaction.sign(key);
  return transaction;
}

/** The first line of why a call fails. */
async function simulationError(network, builder) {
  const simulated = await network.server.simulateTransaction(builder.build());
  return (simulated.error ?? "no error").split("\n")[0];
}

async function stored(network, key, durability = rpc.Durability.Temporary) {
  return (await network.server.getContractData(network.farm, key, durability)).val.value.val;
}

export async function farmIndex(network) {
  const instance = await stored(
    network, xdr.ScVal.scvLedgerKeyContractInstance(), rpc.Durability.Persistent,
  );
  const entry = instance.value.storage.find(({ key }) => scValToNative(key)[0] === "FarmIndex");
  return scValToNative(entry.val);
}

const u32 = (value) => nativeToScVal(value, { type: "u32" });
const blockKey = (index) => xdr.ScVal.scvVec([xdr.ScVal.scvSymbol("Block"), u32(index)]);
export const pailKey = (farmer, index) =>
  xdr.ScVal.scvVec([xdr.ScVal.scvSymbol("Pail"), address(farmer), u32(index)]);

async function plant(network) {
  const { farmer } = network;
  const calling = await farmCall(network, farmer, "plant", plantArguments(farmer));
  const planted = await network.include(await prepared(network, calling, farmer));
  const again = await farmCall(network, farmer, "plant", plantArguments(farmer));
  network.report("plant-again", { error: await simulationError(network, again) });
  network.report("plant", { ...describeCall(planted), returnValue: plain(planted.returnValue) });
  const index = await farmIndex(network);
  const pail = plain(await stored(network, pailKey(farmer, index)));
  network.report("pail", { ...pail, sequenceAgrees: pail.sequence === String(planted.ledger) });
  const block = plain(await stored(network, blockKey(index)));
  network.report("block", { ...block, entropyHexDigits: block.entropy.length });
}

function solution(farmer, index, entropy, nonce) {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(index, 0);
  head.writeBigUInt64BE(nonce, 4);
  return keccak_256(Buffer.concat([head, entropy, farmer.rawPublicKey()]));
}

async function work(network) {
  const { farmer, carrier } = network;
  const index = await farmIndex(network);
  const block = scValToNative(await stored(network, blockKey(index)));
  const pail = scValToNative(await stored(network, pailKey(farmer, index)));
  await network.ledgerAt(pail.sequence + 1);
  const hash = nativeToScVal(solution(farmer, index, block.entropy, NONCE), { type: "bytes" });
  const args = (nonce) => [address(farmer), hash, nativeToScVal(nonce, { type: "u64" })];
  const wrong = await farmCall(network, carrier, "work", args(NONCE + 1n));
  network.report("work-wrong-hash", { error: await simulationError(network, wrong) });
  const calling = await farmCall(network, carrier, "work", args(NONCE));
  const worked = await network.include(await prepared(network, calling, carrier));
  network.report("work", {
    ...describeCall(worked),
    gapAgrees: scValToNative(worked.returnValue) === worked.ledger - pail.sequence,
  });
}

async function notReady(network) {
  const index = await farmIndex(network);
  const early = await farmCall(network, network.carrier, "harvest", [address(network.farmer), u32(index)]);
  network.report("harvest-not-ready", { error: await simulationError(network, early) });
  network.workedIndex = index;
}

/** The authorisation that a simulation records for a call, signed. */
export async function authorised(network, calling, signer, { addressBound = true, validLedgers = 500 } = {}) {
  const simulated = await network.server.simulateTransaction(
    calling.build(), undefined, undefined, addressBound,
  );
  const [entry] = simulated.result.auth;
  return authorizeEntry(entry, signer, simulated.latestLedger + validLedgers, network.passphrase);
}

/** A farmer's plant in a transaction of the carrier's. */
const carriedPlant = (network, farmer, auth = [], stroops = STAKE_STROOPS) =>
  farmCall(network, network.carrier, "plant", plantArguments(farmer, stroops), auth);

/** Both farmers sign first; then the carrier sends one after the other. */
async function carried(network) {
  const { legacyFarmer, boundFarmer, carrier } = network;
  const cases = [["plant-legacy", legacyFarmer, false], ["plant-address-bound", boundFarmer, true]];
  const entries = [];
  for (const [, farmer, addressBound] of cases) {
    entries.push(await authorised(network, await carriedPlant(network, farmer), farmer, { addressBound }));
  }
  for (const [at, [id, farmer]] of cases.entries()) {
    const calling = await carriedPlant(network, farmer, [entries[at]]);
    const planted = await network.include(await prepared(network, calling, carrier));
    const credentials = entries[at].credentials.type.replace("sorobanCredentials", "");
    network.report(id, { ...describeCall(planted), credentials });
  }
  const used = await carriedPlant(network, boundFarmer, [entries[1]]);
  network.report("authorisation-replayed", { error: await simulationError(network, used) });
}

async function refusedAuthorisations(network) {
  const { farmer, carrier } = network;
  const calling = await carriedPlant(network, farmer);
  for (const [id, signer, validLedgers, stroops] of [
    ["authorisation-forged", carrier, 500, STAKE_STROOPS],
    ["authorisation-expired", farmer, -1, STAKE_STROOPS],
    ["authorisation-too-long", farmer, 10_000_000, STAKE_STROOPS],
    ["authorisation-other-call", farmer, 500, STAKE_STROOPS + 1n],
  ]) {
    const entry = await authorised(network, calling, signer, { validLedgers });
    const refused = await carriedPlant(network, farmer, [entry], stroops);
    network.report(id, { error: await simulationError(network, refused) });
  }
}

/** Waits until the next block can be opened; the farmer's plant opens it. */
async function nextBlock(network) {
  const { farmer, carrier } = network;
  const before = await farmIndex(network);
  const opened = scValToNative(await stored(network, blockKey(before)));
  const due = Number(opened.timestamp) + BLOCK_SECONDS;
  while (Number((await network.server.getLatestLedger()).closeTime) < due) await sleep(100);
  await refusedAuthorisations(network);
  const calling = await farmCall(network, farmer, "plant", plantArguments(farmer));
  await network.include(await prepared(network, calling, farmer));
  network.report("next-block", { opened: (await farmIndex(network)) - before });
  const args = [address(farmer), u32(network.workedIndex)];
  const reaping = await farmCall(network, carrier, "harvest", args);
  const harvested = await network.include(await prepared(network, reaping, carrier));
  network.report("harvest", {
    ...describeCall(harvested),
    rewarded: scValToNative(harvested.returnValue) > 0n,
  });
  const again = await farmCall(network, carrier, "harvest", args);
  network.report("harvest-again", { error: await simulationError(network, again) });
}

export const OPENING = [plant, work, notReady, carried];
export const CLOSING = [nextBlock];
