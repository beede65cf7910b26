// Ledger entries, accounts and contract data.

import { Contract, Keypair, rpc, xdr } from "@stellar/stellar-sdk";

const accountKey = (address) =>
  xdr.LedgerKey.account(
    new xdr.LedgerKeyAccount({ accountId: Keypair.fromPublicKey(address).xdrAccountId() }),
  );

const trustlineKey = (network, holder) =>
  xdr.LedgerKey.trustline(
    new xdr.LedgerKeyTrustLine({
      accountId: holder.xdrAccountId(), asset: network.asset.toTrustLineXdrObject(),
    }),
  );

async function order(network) {
  const keys = [
    trustlineKey(network, network.farmer),
    accountKey(Keypair.random().publicKey()),
    accountKey(network.farmer.publicKey()),
    new Contract(network.farm).getFootprint(),
  ];
  const found = await network.server.getLedgerEntries(...keys);
  const asked = [0, 2, 3].map((at) => keys[at].toXdr("base64"));
  network.report("entries-order", {
    types: found.entries.map((entry) => entry.val.type),
    keysAsAsked: found.entries.every((entry, at) => entry.key.toXdr("base64") === asked[at]),
    lastModified: found.entries.map((entry) => entry.lastModifiedLedgerSeq),
    liveUntil: found.entries.map((entry) => entry.liveUntilLedgerSeq),
    latestLedger: found.latestLedger,
  });
  network.report("entries-none", await network.server.getLedgerEntries(keys[1]));
}

async function refused(network) {
  const key = accountKey(network.farmer.publicKey());
  const lifetime = xdr.LedgerKey.ttl(new xdr.LedgerKeyTtl({ keyHash: new xdr.Hash(new Uint8Array(32)) }));
  for (const [id, keys] of [
    ["entries-too-many", Array(201).fill(key)],
    ["entries-no-keys", []],
    ["entries-duplicate", [key, key]],
    ["entries-ttl", [lifetime]],
  ]) {
    await network.reportError(id, network.server.getLedgerEntries(...keys));
  }
}

async function accounts(network) {
  const address = network.farmer.publicKey();
  const loaded = await network.server.getAccount(address);
  const entry = await network.server.getAccountEntry(address);
  network.report("account-load", { sequenceAgrees: loaded.sequenceNumber() === entry.seqNum.toString() });
  const nobody = Keypair.random().publicKey();
  await network.server.getAccount(nobody).catch((error) => {
    network.report("account-missing", { found: error.message !== `Account not found: ${nobody}` });
  });
}

async function contractData(network) {
  const found = await network.server.getContractData(network.farm, xdr.ScVal.scvLedgerKeyContractInstance());
  network.report("contract-data", {
    value: found.val.value.val.type.replace("scv", ""),
    liveUntil: found.liveUntilLedgerSeq,
  });
  const missing = xdr.ScVal.scvSymbol("missing");
  await network.server
    .getContractData(network.farm, missing, rpc.Durability.Temporary)
    .catch((error) => network.report("contract-data-missing", { found: error.code !== 404 }));
}

export const SCENARIOS = [order, refused, accounts, contractData];
