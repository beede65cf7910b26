"""The host in which contracts run: storage, authorisation, events, footprints."""
