// What a transaction's result, meta and values say, in plain JSON.

import { scValToNative } from "@stellar/stellar-sdk";

/** Result code, fee, and the operations' codes or the inner transaction of a fee bump. */
export function describeResult(result) {
  const pair = result.result.innerResultPair;
  const operations = (pair ? pair.result : result).result.results;
  return {
    code: result.result.type,
    feeCharged: Number(result.feeCharged),
    ...(pair && {
      innerHash: pair.transactionHash.toString(),
      innerCode: pair.result.result.type,
      innerFeeCharged: Number(pair.result.feeCharged),
    }),
    ...(operations && { operations: operations.map(operationCode) }),
  };
}

function operationCode(operation) {
  return operation.type === "opInner" ? operation.tr.value.type : operation.type;
}

/** Version, operations with changes, names of the events by operation, and the stages of fee events. */
export function describeMeta(meta) {
  const { operations, events, sorobanMeta } = meta.value;
  return {
    metaVersion: Number(meta.type.slice(1)),
    changedOperations: operations.filter((operation) => operation.changes.length > 0).length,
    eventNames: operations.map((operation) => operation.events.map(eventName)),
    feeStages: events.map((event) => event.stage.value),
    hasReturnValue: sorobanMeta?.returnValue != null,
  };
}

export function describeCall(applied) {
  return {
    status: applied.status,
    ...describeResult(applied.resultXdr),
    ...describeMeta(applied.resultMetaXdr),
  };
}

export function eventName(event) {
  return scValToNative(event.body.v0.topics[0]);
}

/** A value in JSON: numbers as text, addresses as strkey, bytes as hex. */
export function plain(value) {
  return plainNative(scValToNative(value));
}

function plainNative(native) {
  if (typeof native === "bigint" || typeof native === "number") return String(native);
  if (native instanceof Uint8Array) return Buffer.from(native).toString("hex");
  if (Array.isArray(native)) return native.map(plainNative);
  if (native !== null && typeof native === "object") {
    return Object.fromEntries(Object.entries(native).map(([name, item]) => [name, plainNative(item)]));
  }
  return native ?? null;
}
