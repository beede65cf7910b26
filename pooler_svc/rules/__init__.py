"""Pure rules: time and facts are passed in, decisions come out. No clock, no socket, no task."""
