// The network under test as the scenarios use it: accounts, transactions, and the outcomes that are told.

import { setTimeout as sleep } from "node:timers/promises";
import { Asset, Keypair, Operation, Transaction, TransactionBuilder } from "@stellar/stellar-sdk";
import { describeResult } from "./results.mjs";

const POLL_MILLISECONDS = 50;
const ATTEMPTS = 400;
export const STROOPS = 10_000_000n;

/** Farmers have 10,000 XLM and 1,000 KALE; the carrier has XLM alone, and pays for what others have signed. */
export class LocalNetwork {
  constructor(server, description) {
    this.server = server;
    this.passphrase = description.passphrase;
    this.friendbotUrl = description.friendbotUrl;
    this.farm = description.farm;
    this.asset = new Asset(description.assetCode, description.assetIssuer);
    this.assetContract = description.assetContract;
    this.faucet = Keypair.fromSecret(description.faucetSecret);
    this.farmer = Keypair.random();
    this.legacyFarmer = Keypair.random();
    this.boundFarmer = Keypair.random();
    this.carrier = Keypair.random();
    this.archivedHolder = description.archivedHolder;
    this.dormantHolder = description.dormantHolder;
    this.workedIndex = 0;
  }

  async fundEverybody() {
    const farmers = [this.farmer, this.legacyFarmer, this.boundFarmer];
    for (const key of [...farmers, this.carrier]) await this.friendbot(key.publicKey());
    for (const key of farmers) {
      const trusting = await this.builder(key);
      await this.include(this.signed(trusting.addOperation(Operation.changeTrust({ asset: this.asset })), key));
    }
    const paying = await this.builder(this.faucet);
    for (const key of farmers) {
      paying.addOperation(
        Operation.payment({ destination: key.publicKey(), asset: this.asset, amount: "1000" }),
      );
    }
    await this.include(this.signed(paying, this.faucet));
  }

  // Outcomes

  report(id, outcome) {
    console.log(JSON.stringify({ id, outcome }));
  }

  /** The JSON-RPC error that a request ends with. */
  async reportError(id, asking) {
    try {
      await asking;
      this.report(id, { code: 0, message: "no error" });
    } catch (error) {
      this.report(id, { code: error.code, message: error.message });
    }
  }

  // Requests

  /** Status and body of the friendbot's answer, without the SDK. */
  async friendbot(address) {
    const answer = await fetch(`${this.friendbotUrl}?addr=${address}`);
    return { status: answer.status, body: await answer.json() };
  }

  /** Waits until that ledger has closed; the latest one's sequence. */
  async ledgerAt(sequence) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const latest = (await this.server.getLatestLedger()).sequence;
      if (latest >= sequence) return latest;
      await sleep(POLL_MILLISECONDS);
    }
    throw new Error(`ledger ${sequence} did not close`);
  }

  // Transactions

  /** A transaction without time bounds, unless `options` says so; `ahead` leaves that many numbers out. */
  async builder(source, { ahead = 0, ...options } = {}) {
    const account = await this.server.getAccount(source.publicKey());
    for (let left = ahead; left > 0; left -= 1) account.incrementSequenceNumber();
    return new TransactionBuilder(account, {
      fee: "100",
      timebounds: { minTime: 0, maxTime: 0 },
      networkPassphrase: this.passphrase,
      ...options,
    });
  }

  signed(builder, ...keys) {
    const transaction = builder.build();
    if (keys.length) transaction.sign(...keys);
    return transaction;
  }

  /** A transaction that pays one XLM to its own source. */
  async payment(source, options) {
    const builder = await this.builder(source, options);
    return builder.addOperation(
      Operation.payment({ destination: source.publicKey(), asset: Asset.native(), amount: "1" }),
    );
  }

  /** A fee bump that the farmer pays for. */
  feeBump(inner, baseFee) {
    const bump = TransactionBuilder.buildFeeBumpTransaction(
      this.farmer, String(baseFee), inner, this.passphrase,
    );
    bump.sign(this.farmer);
    return bump;
  }

  /** The transaction with its XDR changed, unsigned. */
  changed(transaction, change) {
    const envelope = transaction.toEnvelope();
    change(envelope.v1.tx);
    envelope.v1.signatures.length = 0;
    return new Transaction(envelope, this.passphrase);
  }

  /** Sends a transaction that the queue takes in and waits for its ledger. */
  async include(transaction) {
    const sent = await this.server.sendTransaction(transaction);
    if (sent.status !== "PENDING") throw new Error(JSON.stringify(describeSent(sent)));
    return this.applied(sent.hash);
  }

  /** Waits until a transaction is in a ledger. */
  async applied(hash) {
    const found = await this.server.pollTransaction(hash, {
      attempts: ATTEMPTS, sleepStrategy: () => POLL_MILLISECONDS,
    });
    if (found.status === "NOT_FOUND") throw new Error(`transaction ${hash} was not included`);
    return found;
  }

  /** The answers to transactions between which no ledger closed; tried until it is so. */
  async sentInOneLedger(attempt) {
    for (let tries = 0; tries < ATTEMPTS; tries += 1) {
      const answers = await attempt();
      if (new Set(answers.map((answer) => answer.latestLedger)).size === 1) return answers;
      await this.applied(answers[0].hash);
    }
    throw new Error("ledgers close faster than two transactions are sent");
  }
}

/** The status, and what the error result says. */
export function describeSent(sent) {
  return {
    status: sent.status,
    ...(sent.errorResult && describeResult(sent.errorResult)),
    ...(sent.diagnosticEvents?.length && {
      diagnosticEvents: sent.diagnosticEvents.filter((event) => !event.inSuccessfulContractCall).length,
    }),
  };
}
