// Runs every scenario through the JavaScript SDK. The network's description is JSON on stdin; each case's outcome
// is a line of JSON on stdout.

import { text } from "node:stream/consumers";
import { rpc } from "@stellar/stellar-sdk";
import * as entries from "./entries.mjs";
import * as events from "./events.mjs";
import * as kale from "./kale.mjs";
import * as lifetimes from "./lifetimes.mjs";
import { LocalNetwork } from "./network.mjs";
import * as node from "./node.mjs";
import * as paging from "./paging.mjs";
import * as simulations from "./simulations.mjs";
import * as submissions from "./submissions.mjs";
import * as transactions from "./transactions.mjs";

const SCENARIOS = [
  ...node.SCENARIOS,
  ...entries.SCENARIOS,
  ...kale.OPENING,
  ...simulations.SCENARIOS,
  ...submissions.SCENARIOS,
  ...transactions.SCENARIOS,
  ...lifetimes.SCENARIOS,
  ...paging.SCENARIOS,
  ...events.SCENARIOS,
  ...kale.CLOSING,
];

const description = JSON.parse(await text(process.stdin));
const network = new LocalNetwork(new rpc.Server(description.rpcUrl, { allowHttp: true }), description);
await network.fundEverybody();
for (const scenario of SCENARIOS) {
  try {
    await scenario(network);
  } catch (failure) {
    // The scenario's other cases stay without an outcome, and the tests show this text.
    console.error(scenario.name, failure);
  }
}
