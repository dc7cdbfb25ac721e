"""A lab whose tables are compiled as events come, and what is said between its pods, for the tests of traps.

Pods are named `a`, `b`, … or `namespace/a`; each has the label `app` with its name, and an address of both families.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
from collections.abc import Iterator, Sequence

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.profile import KUBERNETES
from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.connections import Connection
from podwall.dataplane.conntrack import connections
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.log import Logging
from podwall.dataplane.nflog import Reader
from podwall.engine.index import EndpointKey
from podwall.engine.rules import PolicyRules
from podwall.lab.network import Network
from podwall.lab.plan import Link
from podwall.lab.planning import LabOptions, plan_of
from tests.dataplane.wires import forget
from tests.lab.worlds import model, node
from tests.truth.vocabulary import Object

CIDRS = ("10.244.0.0/16", "fd00:10:244::/64")
FAMILIES = (4, 6)
DEFAULTS = Options()
PATIENCE = 10.0  # seconds for what has to come; nothing waits for what must not
_FENCE = 9
_MUTE = "table inet mute {\nchain c { type filter hook output priority 0; tcp flags & rst == rst drop\n}\n}\n"
_AF = {4: socket.AF_INET, 6: socket.AF_INET6}
_tokens = itertools.count(1)


# Objects


def pods(*names: str, on: str = "n1", first: int = 1) -> list[Object]:
    """Pods of one node; `first` is the last number of the first one's addresses."""
    return [_pod(name, on, number) for number, name in enumerate(names, start=first)]


def _pod(name: str, on: str, number: int) -> Object:
    namespace, _, own = name.rpartition("/")
    ports = [{"name": "web", "containerPort": 80}]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": own, "namespace": namespace or "default", "labels": {"app": own}},
        "spec": {"nodeName": on, "containers": [{"name": "main", "ports": ports}]},
        "status": {"phase": "Running", "podIPs": [{"ip": f"10.244.0.{number}"}, {"ip": f"fd00:10:244::{number:x}"}]},
    }


NODES = [node("n1", "192.168.7.1", "fd00:192:168::1"), node("n2", "192.168.7.2", "fd00:192:168::2")]
EVERYONE: Object = {"namespaceSelector": {}}


def app(name: str) -> Object:
    """The pods of one name, as a peer."""
    return {"podSelector": {"matchLabels": {"app": name}}}


def block(cidr: str) -> Object:
    """Addresses, as a peer."""
    return {"ipBlock": {"cidr": cidr}}


def policy(subject: str, *, name: str = "", **sections: object) -> Object:
    """A NetworkPolicy about the pods of one name (`ns/app`); with `ingress`, `egress` or both, which it isolates."""
    namespace, _, own = subject.rpartition("/")
    kinds = [kind.title() for kind in ("ingress", "egress") if kind in sections]
    metadata = {"name": name or f"{own}-{'-'.join(sections)}", "namespace": namespace or "default"}
    selector = {"matchLabels": {"app": own}} if own else {}
    spec = {"podSelector": selector, "policyTypes": kinds, **{k: v for k, v in sections.items() if v}}
    return {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", "metadata": metadata, "spec": spec}


def allow(*peers: Object, side: str = "from", ports: Sequence[tuple[str, int]] = ()) -> list[Object]:
    """One rule: these peers at these ports."""
    rule: Object = {side: list(peers)}
    return [{**rule, "ports": [{"protocol": protocol, "port": port} for protocol, port in ports]} if ports else rule]


def rules_of(*objects: Object) -> list[PolicyRules]:
    """Policies as the compiler is given them."""
    return list(model(objects).index.policies.values())


# The scene


class Scene:
    """A network with a compiler and a kernel for each node; no table is loaded before `load`."""

    def __init__(self, network: Network, namespaces: Sequence[Object], options: Options) -> None:
        self.network = network
        self.endpoints = {seat.name: seat.endpoint for seat in network.plan.seats}
        self.nodes = [planned.name for planned in network.plan.nodes]
        self.compilers = {name: Compiler(name, KUBERNETES, options) for name in self.nodes}
        self.kernels = {name: NftKernel(network.node_space(name).entered) for name in self.nodes}
        self._fences: dict[str, tuple[socket.socket, socket.socket]] = {}
        labels = {one["metadata"]["name"]: one["metadata"]["labels"] for one in namespaces}
        for compiler in self.compilers.values():
            for name, given in labels.items():
                compiler.put_namespace(name, {"kubernetes.io/metadata.name": name, **given})
            for seat in network.plan.seats:
                if seat.node:
                    compiler.put_endpoint(seat.endpoint)

    # Rules

    def put(self, *objects: Object) -> None:
        """Policies come, or take the place of those of their names."""
        for compiler in self.compilers.values():
            for one in rules_of(*objects):
                compiler.put_policy(one)

    def drop(self, *objects: Object) -> None:
        """Policies go."""
        for compiler in self.compilers.values():
            for one in rules_of(*objects):
                compiler.drop_policy(one.policy)

    def put_endpoint(self, endpoint: Endpoint) -> None:
        for compiler in self.compilers.values():
            compiler.put_endpoint(endpoint)

    def drop_endpoint(self, key: EndpointKey) -> None:
        for compiler in self.compilers.values():
            compiler.drop_endpoint(key)

    def load(self, *objects: Object) -> None:
        """The whole table of every node, with these policies too."""
        self.put(*objects)
        for name, compiler in self.compilers.items():
            compiler.flush()
            self.kernels[name].apply(Change(whole=compiler.ruleset()))
            compiler.bump_due = False

    def commit(self) -> None:
        """What has changed, on every node; then an epoch where one is due."""
        for name, compiler in self.compilers.items():
            self.kernels[name].apply(compiler.flush())
            if compiler.bump_due:
                self.kernels[name].apply(compiler.bump())

    def change(self, *objects: Object, gone: Sequence[Object] = ()) -> None:
        """Policies come and go, at once."""
        self.put(*objects)
        self.drop(*gone)
        self.commit()

    def remove(self) -> None:
        """No table any more."""
        for kernel in self.kernels.values():
            kernel.remove()

    # What is there

    def endpoint(self, who: str) -> Endpoint:
        return self.endpoints[seat(who)]

    def address(self, who: str, family: int) -> str:
        """A pod's, or that of `node/NAME`."""
        return next(a for a in self.endpoint(who).addresses if (":" in a) is (family == 6))

    def home(self, who: str) -> str:
        """The node of a pod."""
        return str(self.endpoint(who).node)

    def connections(self, on: str = "n1") -> list[Connection]:
        return list(connections(self.network.node_space(on).entered))

    def services(self, name: str) -> dict[int, str]:
        """The addresses of a Service, by family."""
        found = [t.address for t in self.network.plan.translations if t.service == f"default/{name}"]
        return {6 if ":" in address else 4: address for address in found}

    def forget(self, on: str = "n1") -> None:
        """Conntrack has no entry any more."""
        with self.network.inside_node(on):
            forget()

    def epoch(self, on: str = "n1") -> int:
        """The one that the kernel's table is in."""
        held = self.kernels[on].dump()
        return held.epoch if held else 0

    def marks(self, port: int, on: str = "n1") -> set[int]:
        """The marks of all connections that asked for a port."""
        return {one.mark for one in self.connections(on) if one.original.destination_port == port}

    def nft(self, text: str, on: str = "n1") -> None:
        """Somebody else's rules."""
        done = self.network.run_on_node(on, ["nft", "-f", "-"], text)
        assert done.returncode == 0, done.stderr

    def ask(self, *command: str, on: str = "n1") -> str:
        """What a command says on a node."""
        done = self.network.run_on_node(on, command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mute(self, *names: str) -> None:
        """These pods do not answer to TCP that they know nothing of."""
        for who in names:
            done = self.network.run(seat(who), ["nft", "-f", "-"], _MUTE)
            assert done.returncode == 0, done.stderr

    def reader(self, on: str = "n1") -> Reader:
        return Reader(Logging().group, self.network.node_space(on).entered)

    # Sockets

    def opened(self, who: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
        with self.network.inside(seat(who)):
            made = socket.socket(_AF[family], kind, protocol)
        made.settimeout(PATIENCE)
        return made

    def bound(self, who: str, family: int, kind: int, port: int) -> socket.socket:
        made = self.opened(who, family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((self.address(who, family), port))
        return made

    def fence(self, who: str) -> None:
        """Returns when what was sent before is where it is going: the pod has a packet of its node that is later."""
        if who not in self._fences:
            receiver = self.bound(who, 4, socket.SOCK_DGRAM, _FENCE)
            self._fences[who] = (self.opened(f"node/{self.home(who)}", 4, socket.SOCK_DGRAM), receiver)
        sender, receiver = self._fences[who]
        for _ in range(2):
            sender.sendto(b"", (self.address(who, 4), _FENCE))
            receiver.recv(1)


def seat(who: str) -> str:
    """The name of a seat."""
    return who if "/" in who else f"default/{who}"


@contextlib.contextmanager
def scene(
    *objects: Object, link: Link = Link.ROUTED, options: Options = DEFAULTS, cache: bool = False
) -> Iterator[Scene]:
    """Pods and Services on their nodes, without any table."""
    namespaces = [one for one in objects if one["kind"] == "Namespace"]
    used = {one["spec"].get("nodeName") for one in objects if one["kind"] == "Pod"}
    nodes = [one for one in NODES if one["metadata"]["name"] in used]
    plan = plan_of(model([*nodes, *objects], CIDRS), LabOptions(link=link, dns_cache=cache))
    with Network(plan) as network:
        yield Scene(network, namespaces, options)


# What is said


To = tuple[str, int] | None


class Talk:
    """One conversation, TCP or UDP, that a client began."""

    def __init__(self, held: Scene, ends: tuple[str, str], sockets: tuple[socket.socket, socket.socket]) -> None:
        self._scene = held
        self._names = dict(zip(("client", "server"), ends, strict=True))
        self._sockets = dict(zip(("client", "server"), sockets, strict=True))

    def end(self, who: str) -> socket.socket:
        return self._sockets[who]

    def says(self, who: str) -> bytes:
        """One side sends something that was not said before."""
        token = struct.pack("!I", next(_tokens))
        self._sockets[who].send(token)
        return token

    def passes(self, who: str = "client") -> bool:
        """Whether the other side gets what one says; waits for it, and for what was said before it."""
        token, receiver, got = self.says(who), self._sockets[_other(who)], b""
        receiver.settimeout(PATIENCE)
        while token not in got:
            try:
                got += receiver.recv(4096)
            except TimeoutError:
                return False
        return True

    def alive(self) -> bool:
        """Whether both sides hear each other."""
        return self.passes("client") and self.passes("server")

    def cut(self, who: str = "client") -> bool:
        """Whether what one says does not come."""
        token, receiver = self.says(who), self._sockets[_other(who)]
        for end in self._names.values():
            if not end.startswith("node/"):
                self._scene.fence(end)
        receiver.settimeout(0)
        try:
            return token not in receiver.recv(4096)
        except BlockingIOError:
            return True

    def close(self) -> None:
        for one in self._sockets.values():
            one.close()


def _other(who: str) -> str:
    return "server" if who == "client" else "client"


def open_tcp(held: Scene, client: str, server: str, port: int, *, family: int = 4, via: To = None) -> Talk:
    """A TCP connection; `via` is the address and port that the client asks for, where they are not the server's."""
    with held.bound(server, family, socket.SOCK_STREAM, port) as listener:
        listener.listen()
        asking = held.opened(client, family, socket.SOCK_STREAM)
        asking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asking.connect(via or (held.address(server, family), port))
        answering = listener.accept()[0]
        answering.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Talk(held, (client, server), (asking, answering))


def open_udp(held: Scene, client: str, server: str, port: int, *, family: int = 4, via: To = None) -> Talk:
    """A UDP flow with something said both ways."""
    asking = held.bound(client, family, socket.SOCK_DGRAM, 0)
    answering = held.bound(server, family, socket.SOCK_DGRAM, port)
    asking.connect(via or (held.address(server, family), port))
    asking.send(b"first")
    answering.connect(answering.recvfrom(16)[1])
    answering.send(b"second")
    asking.recv(16)
    return Talk(held, (client, server), (asking, answering))


OPENING = {"TCP": open_tcp, "UDP": open_udp}


def connects(held: Scene, client: str, server: str, port: int, *, family: int = 4) -> bool:
    """Whether a new TCP connection comes about, by its SYN; the listener is alive."""
    kind, address = socket.SOCK_STREAM, (held.address(server, family), port)
    with held.bound(server, family, kind, port) as listener, held.opened(client, family, kind) as asking:
        listener.listen()
        with held.opened(f"node/{held.home(server)}", family, kind) as control:
            control.connect(address)
            listener.accept()[0].close()
        asking.setblocking(False)
        asking.connect_ex(address)
        held.fence(server)
        held.fence(client)
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            listener.accept()[0].close()
            return True
        return False
