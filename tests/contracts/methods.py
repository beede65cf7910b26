"""Every RPC of the protos, found in their descriptors."""

import enum
from dataclasses import dataclass

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from kalepool.v1 import admin_pb2, backend_pb2, farmer_pb2, miner_pb2, pooler_pb2

_FILES: tuple[FileDescriptor, ...] = (
    backend_pb2.DESCRIPTOR,
    farmer_pb2.DESCRIPTOR,
    admin_pb2.DESCRIPTOR,
    pooler_pb2.DESCRIPTOR,
    miner_pb2.DESCRIPTOR,
)


class Server(enum.Enum):
    """Which process serves a service."""

    BACKEND = "backend"
    POOLER = "pooler"


class Caller(enum.Enum):
    """Whose key a service asks for."""

    POOLER = "pooler"
    ADMIN = "admin"
    OPERATOR = "operator"


# By the comments of the services. An operator's key is the Pooler's own; outside miners have none yet.
_SERVED_BY: dict[str, tuple[Server, Caller]] = {
    "BackendService": (Server.BACKEND, Caller.POOLER),
    "FarmerService": (Server.BACKEND, Caller.ADMIN),
    "AdminService": (Server.BACKEND, Caller.ADMIN),
    "PoolerService": (Server.POOLER, Caller.OPERATOR),
    "MinerService": (Server.POOLER, Caller.OPERATOR),
}

OPEN_TO_ALL: frozenset[str] = frozenset({"kalepool.v1.BackendService/GetHealth"})


@dataclass(frozen=True)
class Method:
    """One RPC."""

    name: str
    """As "package.Service/Method"."""
    server: Server
    caller: Caller
    request: type[Message]
    response: type[Message]
    client_streaming: bool
    server_streaming: bool

    @property
    def path(self) -> str:
        return f"/{self.name}"

    def __str__(self) -> str:
        return self.name.removeprefix("kalepool.v1.")


def _method(descriptor: MethodDescriptor) -> Method:
    service = descriptor.containing_service
    server, caller = _SERVED_BY[service.name]
    return Method(
        name=f"{service.full_name}/{descriptor.name}",
        server=server,
        caller=caller,
        request=GetMessageClass(descriptor.input_type),
        response=GetMessageClass(descriptor.output_type),
        client_streaming=bool(descriptor.client_streaming),
        server_streaming=bool(descriptor.server_streaming),
    )


METHODS: tuple[Method, ...] = tuple(
    _method(method)
    for file in _FILES
    for service in file.services_by_name.values()
    for method in service.methods
)
METHOD_NAMES: frozenset[str] = frozenset(method.name for method in METHODS)


def method(name: str) -> Method:
    """By "Service/Method"."""
    return next(method for method in METHODS if str(method) == name)
