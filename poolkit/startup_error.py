"""The error of a process that cannot start; alone here, because whoever has no gRPC raises it too."""


class StartupError(Exception):
    """The process can't start, or not go on, as configured: one line on stderr, exit code 2.

    The text says what is wrong and what to do; it never travels over gRPC.
    """
