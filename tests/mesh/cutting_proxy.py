"""A TCP proxy that understands enough HTTP/2 and gRPC to cut a connection right behind a chosen message."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hpack import Decoder

from tests.mesh.tcp_proxy import Connection, TcpProxy

# RFC 9113: frame header of 9 bytes, client preface of 24 bytes, the frame types and flags that matter here.
_FRAME_HEADER_BYTES = 9
_CLIENT_PREFACE_BYTES = 24
_DATA, _HEADERS, _CONTINUATION = 0x0, 0x1, 0x9
_PADDED, _PRIORITY = 0x8, 0x20
# gRPC over HTTP/2: each message has a compression flag (1 byte) and a length (4 bytes) in front.
_MESSAGE_PREFIX_BYTES = 5

MessageObserver = Callable[[str, bytes], bool]
"""Sees (method path, serialised message) of each server message; True cuts the connection behind it."""


@dataclass
class _Connection:
    """What is known of one client's connection: which stream calls which method, and unfinished messages."""

    headers: Decoder = field(default_factory=Decoder)
    paths: dict[int, str] = field(default_factory=dict)
    unread: dict[int, bytearray] = field(default_factory=dict)


class CuttingProxy(TcpProxy):
    """Aborts the connection behind the server message for which `observe` says so; `cuts` counts."""

    def __init__(self, target_host: str, target_port: int, observe: MessageObserver) -> None:
        super().__init__(target_host, target_port)
        self._observe = observe
        self.cuts = 0

    async def forward(self, client: Connection, server: Connection) -> None:
        connection = _Connection()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forward_requests(client[0], server[1], connection))
            tasks.create_task(self._forward_responses(server[0], client[1], connection))

    async def _forward_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        writer.write(await reader.readexactly(_CLIENT_PREFACE_BYTES))
        while True:
            frame_type, flags, stream_id, header, payload = await _read_frame(reader)
            if frame_type == _HEADERS:
                block = _without_padding(payload, flags, priority=bool(flags & _PRIORITY))
                for name, value in connection.headers.decode(block, raw=True):
                    if name == b":path":
                        connection.paths[stream_id] = value.decode()
            elif frame_type == _CONTINUATION:
                raise AssertionError("request headers over several frames are not expected in these tests")
            writer.write(header + payload)
            await writer.drain()

    async def _forward_responses(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        while True:
            frame_type, flags, stream_id, header, payload = await _read_frame(reader)
            writer.write(header + payload)
            await writer.drain()
            if frame_type != _DATA or stream_id not in connection.paths:
                continue
            unread = connection.unread.setdefault(stream_id, bytearray())
            unread += _without_padding(payload, flags, priority=False)
            for message in _take_messages(unread):
                if self._observe(connection.paths[stream_id], message):
                    self.cuts += 1
                    raise ConnectionAbortedError("cut by the test")


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes, bytes]:
    """(type, flags, stream id, raw header, payload) of the next HTTP/2 frame."""
    header = await reader.readexactly(_FRAME_HEADER_BYTES)
    payload = await reader.readexactly(int.from_bytes(header[:3], "big"))
    return header[3], header[4], int.from_bytes(header[5:9], "big") & 0x7FFFFFFF, header, payload


def _without_padding(payload: bytes, flags: int, *, priority: bool) -> bytes:
    start, end = 0, len(payload)
    if flags & _PADDED:
        start, end = 1, end - payload[0]
    return payload[start + (5 if priority else 0) : end]


def _take_messages(unread: bytearray) -> list[bytes]:
    """The complete gRPC messages at the front of `unread`, taken out of it."""
    messages = []
    while len(unread) >= _MESSAGE_PREFIX_BYTES:
        end = _MESSAGE_PREFIX_BYTES + int.from_bytes(unread[1:_MESSAGE_PREFIX_BYTES], "big")
        if len(unread) < end:
            break
        messages.append(bytes(unread[_MESSAGE_PREFIX_BYTES:end]))
        del unread[:end]
    return messages
