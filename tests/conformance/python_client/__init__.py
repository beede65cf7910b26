"""The conformance scenarios through stellar-sdk's Python clients."""
