"""The trees of calls that addresses authorise: which call uses which node.

A node is used up when its address is asked for in a call that equals it; a child only from within the call
that matched its parent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.call_reader import AuthorizedCall
from localnet.ledger.call_wire import authorized_call


class Call:
    """One contract call: what an authorisation must equal. `args` are encoded values."""

    __slots__ = ("_encoded", "args", "contract_id", "function")

    def __init__(self, contract_id: str, function: str, args: tuple[bytes, ...]) -> None:
        self.contract_id = contract_id
        self.function = function
        self.args = args
        self._encoded: bytes | None = None

    def __repr__(self) -> str:
        return f"Call({self.contract_id}.{self.function})"

    @property
    def encoded(self) -> bytes:
        """XDR `SorobanAuthorizedFunction`: the form in which it is signed, and compared."""
        if self._encoded is None:
            self._encoded = authorized_call(self.contract_id, self.function, self.args)
        return self._encoded


class CallNode:
    """A call in a tree, encoded; `used` when it has been asked for."""

    __slots__ = ("children", "encoded", "used")

    def __init__(self, encoded: bytes, children: list["CallNode"], *, used: bool) -> None:
        self.encoded = encoded
        self.children = children
        self.used = used

    @classmethod
    def demanded(cls, call: AuthorizedCall) -> "CallNode":
        return cls(call.function, [cls.demanded(child) for child in call.children], used=False)

    @classmethod
    def recorded(cls, call: Call) -> "CallNode":
        return cls(call.encoded, [], used=True)

    def walk(self) -> Iterator["CallNode"]:
        """The node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def invocation(self) -> bytes:
        """XDR `SorobanAuthorizedInvocation`."""
        return self.encoded + wire.array([child.invocation() for child in self.children])


class AuthTree:
    """One tree of one address, and the nodes that the calls in progress matched."""

    __slots__ = ("address", "authenticated", "credentials", "path", "root")

    def __init__(
        self, address: str, root: CallNode, credentials: xdr.SorobanCredentials, path: list[CallNode | None]
    ) -> None:
        self.address = address
        self.root = root
        self.credentials = credentials
        self.path = path
        self.authenticated = False

    @property
    def matched_here(self) -> bool:
        """Whether the current call has used a node already: each asking needs one of its own."""
        return self.path[-1] is not None

    @property
    def innermost(self) -> CallNode | None:
        """The node of the nearest call in progress that matched."""
        for node in reversed(self.path):
            if node is not None:
                return node
        return None

    def match(self, encoded: bytes) -> bool:
        """Uses the node that equals the current call, if there is one in reach."""
        if self.matched_here:
            return False
        parent = self.innermost
        candidates = [self.root] if parent is None else parent.children
        for node in candidates:
            if not node.used and node.encoded == encoded:
                node.used = True
                self.path[-1] = node
                return True
        return False


@dataclass(frozen=True)
class AuthSnapshot:
    """Which trees there were, who had authenticated, and each node's use and number of children."""

    trees: tuple[tuple[AuthTree, bool], ...]
    nodes: tuple[tuple[CallNode, bool, int], ...]

    @classmethod
    def of(cls, trees: Sequence[AuthTree]) -> "AuthSnapshot":
        nodes = [node for tree in trees for node in tree.root.walk()]
        return cls(
            tuple((tree, tree.authenticated) for tree in trees),
            tuple((node, node.used, len(node.children)) for node in nodes),
        )

    def restored(self) -> list[AuthTree]:
        """The trees as they were."""
        for tree, authenticated in self.trees:
            tree.authenticated = authenticated
        for node, used, children in self.nodes:
            node.used = used
            del node.children[children:]
        return [tree for tree, _ in self.trees]
