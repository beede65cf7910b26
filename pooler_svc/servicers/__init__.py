"""The gRPC edge: decode, call one function, encode."""
