// getTransactions and getLedgers: pages, cursors and ranges.

async function transactions(network) {
  const { carrier, server } = network;
  const applied = [];
  for (let count = 0; count < 3; count += 1) {
    applied.push(await network.include(network.signed(await network.payment(carrier), carrier)));
  }
  const first = await server.getTransactions({
    startLedger: applied[0].ledger, pagination: { limit: 2 },
  });
  const { transactions: items, ...page } = first;
  const { envelopeXdr, resultXdr, resultMetaXdr, events, ...item } = items[0];
  network.report("transactions-page", {
    ...page,
    count: items.length,
    first: item,
    metaVersion: Number(resultMetaXdr.type.slice(1)),
  });
  const rest = await server.getTransactions({ pagination: { cursor: first.cursor, limit: 2 } });
  const hashes = [...items, ...rest.transactions].map((transaction) => transaction.txHash);
  const sent = applied.map((transaction) => transaction.txHash);
  network.report("transactions-cursor", { complete: hashes.join() === sent.join() });
  const nothing = await server.getTransactions({ pagination: { cursor: rest.cursor } });
  network.report("transactions-end", { count: nothing.transactions.length, cursor: nothing.cursor });
}

async function ledgers(network) {
  const { server } = network;
  const latest = (await server.getLatestLedger()).sequence;
  const first = await server.getLedgers({ startLedger: latest - 4, pagination: { limit: 3 } });
  const { ledgers: items, ...page } = first;
  const sequences = (found) => found.ledgers.map((ledger) => ledger.sequence - latest);
  network.report("ledgers-page", {
    ...page,
    sequences: sequences(first),
    hash: items[0].hash,
    ledgerCloseTime: items[0].ledgerCloseTime,
    hashAgrees: items[0].headerXdr.hash.toString() === items[0].hash,
    metaVersion: Number(items[0].metadataXdr.type.slice(1)),
    cursorAgrees: first.cursor === String(items.at(-1).sequence),
  });
  const rest = await server.getLedgers({ pagination: { cursor: first.cursor, limit: 2 } });
  network.report("ledgers-cursor", { sequences: sequences(rest) });
}

async function refused(network) {
  const { server } = network;
  const latest = (await server.getLatestLedger()).sequence;
  for (const [name, get] of [
    ["transactions", (request) => server.getTransactions(request)],
    ["ledgers", (request) => server.getLedgers(request)],
  ]) {
    await network.reportError(`${name}-forgotten`, get({ startLedger: 2 }));
    await network.reportError(`${name}-future`, get({ startLedger: latest + 1_000 }));
    await network.reportError(`${name}-limit`, get({ startLedger: latest, pagination: { limit: 201 } }));
    const both = { startLedger: latest, pagination: { cursor: String(latest) } };
    await network.reportError(`${name}-start-and-cursor`, get(both));
    await network.reportError(`${name}-bad-cursor`, get({ pagination: { cursor: "kale" } }));
  }
}

export const SCENARIOS = [transactions, ledgers, refused];
