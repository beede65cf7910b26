"""The Stellar RPC of the local network: JSON-RPC over HTTP."""
