"""A TCP proxy in front of one server, which can be shut: connections end, new ones are refused."""

import asyncio


class TcpProxy:
    """Forwards 127.0.0.1:`port` to the target while it is open."""

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        """Listen; on the same port as before if it was open already once."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Nobody gets through any more."""
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def forward(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
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
