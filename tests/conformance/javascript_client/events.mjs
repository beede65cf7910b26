// getEvents: filters, pages and ranges.

import { nativeToScVal, scValToNative, xdr } from "@stellar/stellar-sdk";
import { address, prepared } from "./kale.mjs";
import { plain } from "./results.mjs";
import { assetCall } from "./simulations.mjs";

const BURNT_STROOPS = 11n;

const names = (found) => found.events.map((event) => scValToNative(event.topic[0]));
const symbol = (name) => xdr.ScVal.scvSymbol(name).toXdr("base64");

/** One burn of the farmer's, found in every way. */
async function burn(network) {
  const { farmer, server } = network;
  const args = [address(farmer), nativeToScVal(BURNT_STROOPS, { type: "i128" })];
  const applied = await network.include(
    await prepared(network, await assetCall(network, "burn", args), farmer),
  );
  const startLedger = applied.ledger;
  const [burnt, holder] = [symbol("burn"), args[0].toXdr("base64")];
  const get = (topics, type = "contract") => {
    const filter = { type, contractIds: [network.assetContract], ...(topics.length && { topics: [topics] }) };
    return server.getEvents({ startLedger, filters: [filter] });
  };
  const { events: [event], ...page } = await get([burnt, holder, "*"]);
  network.report("events-found", {
    ...event,
    ...page,
    topics: event.topic.slice(0, 1).map(plain),
    topic: undefined,
    value: plain(event.value),
    ledger: event.ledger === startLedger,
    txHash: event.txHash === applied.txHash,
    contractId: event.contractId.toString() === network.assetContract,
  });
  network.report("events-rest-wildcard", { names: names(await get([burnt, "**"])) });
  network.report("events-topic-count", { names: names(await get([burnt, holder])) });
  network.report("events-system", { names: names(await get([], "system")) });
  const either = await server.getEvents({
    startLedger,
    endLedger: startLedger + 1,
    filters: [{ topics: [[burnt, "**"]] }, { topics: [[symbol("fee"), "*"]] }],
  });
  network.report("events-either-filter", { names: names(either) });
  await pages(network, startLedger);
}

/** The events of one ledger (fee, burn, refund), all at once and one by one. */
async function pages(network, startLedger) {
  const { server } = network;
  await network.ledgerAt(startLedger + 2);
  const everything = await server.getEvents({ startLedger, endLedger: startLedger + 1, filters: [] });
  const lastPlace = (BigInt(startLedger) << 32n) + (1_048_575n << 12n) + 4095n;
  network.report("events-range", {
    names: names(everything),
    cursorAgrees: everything.cursor === `${String(lastPlace).padStart(19, "0")}-4294967295`,
  });
  let page = await server.getEvents({ startLedger, filters: [], limit: 1 });
  const ids = page.events.map((event) => event.id);
  const cursorIsLast = page.cursor === ids[0];
  for (let count = 0; count < 2; count += 1) {
    page = await server.getEvents({ cursor: page.cursor, filters: [], limit: 1 });
    ids.push(...page.events.map((event) => event.id));
  }
  const all = everything.events.map((event) => event.id);
  network.report("events-cursor", { complete: ids.join() === all.join(), cursorIsLast });
}

async function refused(network) {
  const { server } = network;
  const startLedger = (await server.getLatestLedger()).sequence;
  for (const [id, request] of [
    ["events-forgotten", { startLedger: 2 }],
    ["events-future", { startLedger: startLedger + 1_000 }],
    ["events-no-start", {}],
    ["events-limit", { startLedger, limit: 10_001 }],
    ["events-start-and-cursor", { startLedger, cursor: "0000000004294967296-0000000000" }],
    ["events-bad-cursor", { cursor: "kale" }],
    ["events-too-many-filters", { startLedger, filters: Array(6).fill({}) }],
    ["events-too-many-contracts", { startLedger, filters: [{ contractIds: Array(6).fill(network.farm) }] }],
    ["events-bad-contract", { startLedger, filters: [{ contractIds: ["CABC"] }] }],
    ["events-diagnostic", { startLedger, filters: [{ type: "diagnostic" }] }],
    ["events-too-many-topics", { startLedger, filters: [{ topics: Array(6).fill(["*"]) }] }],
    ["events-too-many-segments", { startLedger, filters: [{ topics: [Array(5).fill("*")] }] }],
    ["events-rest-not-last", { startLedger, filters: [{ topics: [["**", "*"]] }] }],
    ["events-bad-segment", { startLedger, filters: [{ topics: [["kale"]] }] }],
  ]) {
    await network.reportError(id, server.getEvents({ filters: [], ...request }));
  }
}

export const SCENARIOS = [burn, refused];
