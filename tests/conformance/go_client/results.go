package main

import (
	"encoding/hex"
	"reflect"
	"strconv"
	"strings"

	"github.com/stellar/go-stellar-sdk/xdr"
)

// describeResult tells result code, fee, and the operations' codes or the inner transaction of a fee bump.
func describeResult(result xdr.TransactionResult) outcome {
	described := outcome{"code": codeName(result.Result.Code), "feeCharged": int64(result.FeeCharged)}
	operations := result.Result.Results
	if pair := result.Result.InnerResultPair; pair != nil {
		described["innerHash"] = hex.EncodeToString(pair.TransactionHash[:])
		described["innerCode"] = codeName(pair.Result.Result.Code)
		described["innerFeeCharged"] = int64(pair.Result.FeeCharged)
		operations = pair.Result.Result.Results
	}
	if operations != nil {
		codes := []string{}
		for _, operation := range *operations {
			codes = append(codes, operationCode(operation))
		}
		described["operations"] = codes
	}
	return described
}

// codeName leaves the type's name out, which Go's constants begin with.
func codeName(code interface{ String() string }) string {
	_, name, _ := strings.Cut(code.String(), "ResultCode")
	return name
}

func operationCode(operation xdr.OperationResult) string {
	if operation.Tr == nil {
		return codeName(operation.Code)
	}
	inner := reflect.ValueOf(*operation.Tr)
	for field := range inner.NumField() {
		if arm := inner.Field(field); arm.Kind() == reflect.Pointer && !arm.IsNil() {
			return codeName(arm.Elem().FieldByName("Code").Interface().(interface{ String() string }))
		}
	}
	panic("an operation's result has no arm")
}

// describeMeta tells version, operations with changes, names of the events by operation, and the stages of fee events.
func describeMeta(meta xdr.TransactionMeta) outcome {
	v4 := meta.MustV4()
	changed, eventNames, stages := 0, [][]string{}, []int32{}
	for _, operation := range v4.Operations {
		if len(operation.Changes) > 0 {
			changed++
		}
		names := []string{}
		for _, event := range operation.Events {
			names = append(names, eventName(event))
		}
		eventNames = append(eventNames, names)
	}
	for _, event := range v4.Events {
		stages = append(stages, int32(event.Stage))
	}
	return outcome{
		"metaVersion":       meta.V,
		"changedOperations": changed,
		"eventNames":        eventNames,
		"feeStages":         stages,
		"hasReturnValue":    v4.SorobanMeta != nil && v4.SorobanMeta.ReturnValue != nil,
	}
}

func describeCall(done applied) outcome {
	status := outcome{"status": done.response.Status}
	return merged(status, describeResult(done.result), describeMeta(done.meta))
}

func (done applied) returnValue() xdr.ScVal { return *done.meta.MustV4().SorobanMeta.ReturnValue }

func eventName(event xdr.ContractEvent) string {
	return string(event.Body.MustV0().Topics[0].MustSym())
}

// Values

func symbol(name string) xdr.ScVal {
	return must(xdr.NewScVal(xdr.ScValTypeScvSymbol, xdr.ScSymbol(name)))
}

func u32(value uint32) xdr.ScVal { return must(xdr.NewScVal(xdr.ScValTypeScvU32, xdr.Uint32(value))) }

func u64(value uint64) xdr.ScVal { return must(xdr.NewScVal(xdr.ScValTypeScvU64, xdr.Uint64(value))) }

func i128(value int64) xdr.ScVal {
	parts := xdr.Int128Parts{Hi: xdr.Int64(value >> 63), Lo: xdr.Uint64(value)}
	return must(xdr.NewScVal(xdr.ScValTypeScvI128, parts))
}

func bytes(value []byte) xdr.ScVal {
	return must(xdr.NewScVal(xdr.ScValTypeScvBytes, xdr.ScBytes(value)))
}

func vec(items ...xdr.ScVal) xdr.ScVal {
	inner := xdr.ScVec(items)
	return must(xdr.NewScVal(xdr.ScValTypeScvVec, &inner))
}

// plain is a value in JSON: numbers as text, bytes as hex.
func plain(value xdr.ScVal) any {
	switch value.Type {
	case xdr.ScValTypeScvVoid:
		return nil
	case xdr.ScValTypeScvU32:
		return strconv.FormatUint(uint64(value.MustU32()), 10)
	case xdr.ScValTypeScvU64:
		return strconv.FormatUint(uint64(value.MustU64()), 10)
	case xdr.ScValTypeScvI128:
		return value.String()
	case xdr.ScValTypeScvSymbol:
		return string(value.MustSym())
	case xdr.ScValTypeScvBytes:
		return hex.EncodeToString(value.MustBytes())
	case xdr.ScValTypeScvMap:
		fields := outcome{}
		for _, entry := range *value.MustMap() {
			fields[string(entry.Key.MustSym())] = plain(entry.Val)
		}
		return fields
	}
	panic("no plain form of " + value.Type.String())
}
