"""A TCP proxy in front of one server, which can be shut: connections end, new ones are refused."""

import asyncio
from types import TracebackType
from typing import Self

from poolkit.ports import KeptPort

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TcpProxy:
    """Forwards 127.0.0.1:`port` to the target while it is open: at first, inside `async with`."""

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._kept = KeptPort()
        self.port = self._kept.number

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shut()
        self._kept.close()

    async def open(self) -> None:
        """Listen (again)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Nobody gets through any more."""
        if self._server is None:
            return
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()
        self._server = None

    async def forward(self, client: Connection, server: Connection) -> None:
        """Serve one connection until either side ends; any OSError or a short read ends it too."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(client[0], server[1]))
            tasks.create_task(_pump(server[0], client[1]))

    async def _serve(self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            client_writer.transport.abort()
            return
        writers = {client_writer, server_writer}
        self._writers |= writers
        try:
            await self.forward((client_reader, client_writer), (server_reader, server_writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one side is gone: so is the other
        finally:
            for writer in writers:
                writer.transport.abort()
            self._writers -= writers


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError("the sender is done")
