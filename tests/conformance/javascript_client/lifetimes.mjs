// Entry lifetimes: archived, restored, extended, and restored by a call.

import { Address, Contract, nativeToScVal, Operation, SorobanDataBuilder, xdr } from "@stellar/stellar-sdk";
import { address, farmIndex, pailKey, prepared } from "./kale.mjs";
import { describeCall } from "./results.mjs";
import { assetCall, failure } from "./simulations.mjs";

const EXTENDED_LEDGERS = 3_000_000;

const dataKey = (contract, key, durability) =>
  xdr.LedgerKey.contractData(
    new xdr.LedgerKeyContractData({
      contract: new Contract(contract).address().toScAddress(), key, durability,
    }),
  );

const holderValue = (holder) => Address.fromString(holder).toScVal();

function balanceKey(network, holder) {
  const key = xdr.ScVal.scvVec([xdr.ScVal.scvSymbol("Balance"), holderValue(holder)]);
  return dataKey(network.assetContract, key, xdr.ContractDataDurability.persistent);
}

async function liveUntil(network, key) {
  return (await network.server.getLedgerEntries(key)).entries[0].liveUntilLedgerSeq;
}

async function lifetimeBuilder(network, operation, sorobanData) {
  return (await network.builder(network.carrier, { sorobanData })).addOperation(operation);
}

const restoring = (network, key) =>
  lifetimeBuilder(network, Operation.restoreFootprint({}), new SorobanDataBuilder().setReadWrite([key]).build());

const extending = (network, key) =>
  lifetimeBuilder(
    network,
    Operation.extendFootprintTtl({ extendTo: EXTENDED_LEDGERS }),
    new SorobanDataBuilder().setReadOnly([key]).build(),
  );

async function archived(network) {
  const { server } = network;
  const key = balanceKey(network, network.archivedHolder);
  network.report("entry-archived", { liveUntil: await liveUntil(network, key) });
  const bare = await lifetimeBuilder(network, Operation.restoreFootprint({}));
  network.report("restore-without-data", failure(await server.simulateTransaction(bare.build())));
  const pail = dataKey(
    network.farm, pailKey(network.farmer, await farmIndex(network)), xdr.ContractDataDurability.temporary,
  );
  const refused = await server.simulateTransaction((await restoring(network, pail)).build());
  network.report("restore-temporary", failure(refused));
  const { restorePreamble } = await server.simulateTransaction((await extending(network, key)).build());
  network.report("extend-archived", {
    restores: restorePreamble.transactionData.getReadWrite().length,
    minResourceFee: restorePreamble.minResourceFee,
  });
}

async function restored(network) {
  const key = balanceKey(network, network.archivedHolder);
  for (const [id, build] of [["restore", restoring], ["extend", extending]]) {
    const applied = await network.include(await prepared(network, await build(network, key), network.carrier));
    const livesFor = (await liveUntil(network, key)) - applied.ledger;
    network.report(id, { ...describeCall(applied), livesFor });
  }
}

async function restoredByACall(network) {
  const args = [
    address(network.farmer), holderValue(network.dormantHolder), nativeToScVal(1n, { type: "i128" }),
  ];
  const call = () => assetCall(network, "transfer", args);
  const simulated = await network.server.simulateTransaction((await call()).build());
  const { ext } = simulated.transactionData.build();
  const applied = await network.include(await prepared(network, await call(), network.farmer));
  network.report("call-restores", {
    ...describeCall(applied),
    archivedEntries: ext.value.archivedSorobanEntries.length,
    hasPreamble: "restorePreamble" in simulated,
    isAlive: (await liveUntil(network, balanceKey(network, network.dormantHolder))) > 0,
  });
}

export const SCENARIOS = [archived, restored, restoredByACall];
