"""What Backend and Pooler share: settings, errors, gRPC, the Stellar client, chain time, logs."""
