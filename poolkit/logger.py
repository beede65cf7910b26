"""A module's logger, without the libraries behind it until it says something: a start is silent."""

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import structlog


def get_logger(name: str) -> "structlog.stdlib.BoundLogger":
    """The logger of a module; configured by `configure_logs`, whenever that is called."""
    return cast("structlog.stdlib.BoundLogger", _Logger(name))


class _Logger:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        import structlog

        return getattr(structlog.stdlib.get_logger(self._name), method)
