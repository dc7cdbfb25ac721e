"""Network namespaces of this benchmark's own: never a rule, address or route in those of the machine.

A `Lane` is a client, a node that forwards, and a server, joined by veth pairs. The server drops UDP where it comes in
and counts it, so that what is measured is the way there. Everything ends with the process that unshared it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

CLIENTS = "10.1.0.0/16"  # where packets come from
PODS = "10.2.0.0/16"  # where they go to
OWN = Path("/run")  # a file system in memory that nobody else sees, and that ends with the namespaces
_NAMES = OWN / "netns"
_INSIDE = "PODWALL_BENCHMARK_INSIDE"
_CLONE_NEWNET = 0x40000000
_FLUSH = 1 << 8 | 2  # nfnetlink: subsystem conntrack, delete; without a tuple it means all of this namespace
_NETLINK_NETFILTER = 12
_DROP_UDP = """table netdev sink {
 chain c {
  type filter hook ingress device "eth0" priority 0
  meta l4proto udp counter drop
 }
}
"""


class CannotUnshare(Exception):
    """Here nobody may have namespaces of their own."""


class Lane(msgspec.Struct, frozen=True):
    """Names of the three namespaces; `conntrack` is a netlink socket that lies in the node's."""

    name: str
    conntrack: socket.socket

    @property
    def client(self) -> str:
        return f"{self.name}-client"

    @property
    def node(self) -> str:
        return f"{self.name}-node"

    @property
    def server(self) -> str:
        return f"{self.name}-server"

    def forget_connections(self) -> None:
        """Empty the node's conntrack table."""
        header = struct.pack("=LHHLL", 20, _FLUSH, 1 | 4, 1, 0)  # request, with an acknowledgment
        self.conntrack.send(header + struct.pack("=BBH", socket.AF_INET, 0, 0))
        answer = self.conntrack.recv(4096)
        (code,) = struct.unpack_from("=i", answer, 16)
        if code:
            raise OSError(-code, "conntrack flush")

    def arrived(self) -> int:
        """UDP packets that the server has counted."""
        listed = run(self.server, ["nft", "list", "table", "netdev", "sink"])
        return int(listed.split("counter packets ")[1].split()[0])


def enter_own_namespaces() -> None:
    """Go on in namespaces of one's own, by starting this program again in them; returns only there.

    Without root, a user namespace gives the rights in them.
    """
    if os.environ.pop(_INSIDE, ""):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(OWN)], check=True)  # where iptables has its lock, too
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    unshare = ["unshare", "--net", "--mount"] + (["--user", "--map-root-user"] if os.geteuid() else [])
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise CannotUnshare(tried.stderr.strip() or "unshare failed")
    again = [sys.executable, *sys.orig_argv[1:]]
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", [*unshare, "--fork", "--kill-child", *again])  # noqa: S606


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Sockets and processes made here are made in that namespace. For one thread only."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _set_namespace(_NAMES / namespace)
        yield
    finally:
        _check(_LIBC.setns(before, _CLONE_NEWNET))
        os.close(before)


_LIBC = ctypes.CDLL(None, use_errno=True)


def _set_namespace(path: Path) -> None:
    there = os.open(path, os.O_RDONLY)
    try:
        _check(_LIBC.setns(there, _CLONE_NEWNET))
    finally:
        os.close(there)


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(namespace: str, command: list[str], text: str = "") -> str:
    """Run a command in a namespace, with `text` on its standard input; what it printed."""
    with inside(namespace):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr.strip()[:500]}")
    return done.stdout


@contextmanager
def opened_lane(name: str, pods: list[str]) -> Iterator[Lane]:
    """A lane with those pod addresses on the server, which goes with all that is in it."""
    client, node, server = lane = [f"{name}-{role}" for role in ("client", "node", "server")]
    for namespace in lane:
        subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        with _linked(client, node, server, pods) as conntrack:
            yield Lane(name, conntrack)
    finally:
        for namespace in lane:
            subprocess.run(["ip", "netns", "del", namespace], check=True)


def _linked(client: str, node: str, server: str, pods: list[str]) -> socket.socket:
    """Join the three; a socket to the node's conntrack."""
    _ip(client, _links(client, node, 1))
    _ip(server, _links(server, node, 2))
    _ip(client, f"route add default via 10.0.1.1\naddr add {CLIENTS.replace('.0.0/16', '.0.1/32')} dev lo\n")
    _ip(server, "route add default via 10.0.2.1\n" + "".join(f"addr add {pod}/32 dev lo\n" for pod in pods))
    _ip(node, f"route add {CLIENTS} via 10.0.1.2\nroute add {PODS} via 10.0.2.2\n")
    with inside(node):
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        conntrack = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    for end in (client, server):
        run(end, ["nft", "-f", "-"], _DROP_UDP)
    return conntrack


def _links(end: str, node: str, number: int) -> str:
    """A veth pair from an end to its node, with addresses and neighbors that nobody has to ask for."""
    own, other = f"02:00:00:00:0{number}:02", f"02:00:00:00:0{number}:01"
    peer = f"eth{number}"
    _ip(end, f"link add eth0 address {own} type veth peer name {peer} address {other} netns {node}\n")
    _ip(
        node,
        f"addr add 10.0.{number}.1/30 dev {peer}\nlink set {peer} up\n"
        f"neigh replace 10.0.{number}.2 lladdr {own} dev {peer} nud permanent\n",
    )
    return (
        f"link set lo up\naddr add 10.0.{number}.2/30 dev eth0\nlink set eth0 up\n"
        f"neigh replace 10.0.{number}.1 lladdr {other} dev eth0 nud permanent\n"
    )


def _ip(namespace: str, batch: str) -> None:
    run(namespace, ["ip", "-batch", "-"], batch)
