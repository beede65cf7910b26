package main

import (
	"crypto/sha256"
	"strings"

	"github.com/stellar/go-stellar-sdk/keypair"
	"github.com/stellar/go-stellar-sdk/network"
	"github.com/stellar/go-stellar-sdk/txnbuild"
	"github.com/stellar/go-stellar-sdk/xdr"
)

// authorised is the authorisation that a simulation records for a call, signed. The SDK has no call that signs one.
func (n *localNetwork) authorised(
	calling *txnbuild.Transaction, signer *keypair.Full, addressBound bool, validLedgers int64,
) xdr.SorobanAuthorizationEntry {
	simulated := n.simulate(calling, simulation{upgraded: addressBound})
	entry := recordedEntries(simulated)[0]
	credentials := addressCredentials(entry)
	credentials.SignatureExpirationLedger = xdr.Uint32(int64(simulated.LatestLedger) + validLedgers)
	payload := sha256.Sum256(must(n.preimage(entry).MarshalBinary()))
	signature := must(signer.Sign(payload[:]))
	public := must(xdr.AddressToAccountId(signer.Address())).MustEd25519()
	signed := xdr.ScMap{
		{Key: symbol("public_key"), Val: bytes(public[:])},
		{Key: symbol("signature"), Val: bytes(signature)},
	}
	fields := &signed
	credentials.Signature = vec(must(xdr.NewScVal(xdr.ScValTypeScvMap, fields)))
	return entry
}

// addressCredentials are the entry's own, to be filled in.
func addressCredentials(entry xdr.SorobanAuthorizationEntry) *xdr.SorobanAddressCredentials {
	if entry.Credentials.AddressV2 != nil {
		return entry.Credentials.AddressV2
	}
	return entry.Credentials.Address
}

// preimage is what is signed: the legacy one says everything but whose authorisation it is.
func (n *localNetwork) preimage(entry xdr.SorobanAuthorizationEntry) xdr.HashIdPreimage {
	credentials := addressCredentials(entry)
	id := xdr.Hash(network.ID(n.Passphrase))
	if entry.Credentials.AddressV2 == nil {
		return must(xdr.NewHashIdPreimage(
			xdr.EnvelopeTypeEnvelopeTypeSorobanAuthorization,
			xdr.HashIdPreimageSorobanAuthorization{
				NetworkId:                 id,
				Nonce:                     credentials.Nonce,
				SignatureExpirationLedger: credentials.SignatureExpirationLedger,
				Invocation:                entry.RootInvocation,
			},
		))
	}
	return must(xdr.NewHashIdPreimage(
		xdr.EnvelopeTypeEnvelopeTypeSorobanAuthorizationWithAddress,
		xdr.HashIdPreimageSorobanAuthorizationWithAddress{
			NetworkId:                 id,
			Nonce:                     credentials.Nonce,
			SignatureExpirationLedger: credentials.SignatureExpirationLedger,
			Address:                   credentials.Address,
			Invocation:                entry.RootInvocation,
		},
	))
}

func arm(entry xdr.SorobanAuthorizationEntry) string {
	return strings.TrimPrefix(entry.Credentials.Type.String(), "SorobanCredentialsTypeSorobanCredentials")
}
