"""A node with a client's side and a server's side, in network namespaces: real packets through the real kernel.

Runs in a process whose own network namespace is the node; `main` of `played` is such a process. Packets are written to
the wires as bytes and read from them as bytes, so that both sides can say whatever a case wants.
"""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from podwall.dataplane import wire
from podwall.dataplane.connections import connection
from podwall.dataplane.netlink import Socket
from podwall.dataplane.packet import Ends, Packet
from podwall.dataplane.ruleset import TABLE
from podwall.dataplane.wire import Request
from tests.dataplane.frames import ICMP, ICMP6, frame
from tests.dataplane.walk_cases import key

# Who lives where; the node itself has an address on the client's side.
CLIENTS = {4: tuple(map(key, ("10.0.0.1", "10.0.0.2"))), 6: tuple(map(key, ("fd00::1", "fd00::2")))}
SERVERS = {4: tuple(map(key, ("10.0.1.2", "10.0.3.4"))), 6: tuple(map(key, ("fd00:1::2", "fd00:3::4")))}
NODE = {4: key("10.0.0.254"), 6: key("fd00::fe")}

_FENCE = 0x88B5  # an Ethernet type that is nobody's
_ALL = 0x0003
_MACS = {"c": "02:00:00:00:00:0c", "s": "02:00:00:00:00:05"}
_NFT = """
table inet around {
 chain out { type filter hook output priority -400; policy drop; }
 chain raw { type filter hook prerouting priority -300; udp dport 53 notrack; udp sport 53 notrack; }
}
table ip around {
 chain nat { type nat hook prerouting priority -100;
  ip daddr 10.96.0.3 tcp dport 8080 dnat to 10.0.1.2:80
  ip daddr 10.96.0.3 udp dport 8080 dnat to 10.0.1.2:80
 }
}
table ip6 around {
 chain nat { type nat hook prerouting priority -100;
  ip6 daddr fd00:96::3 tcp dport 8080 dnat to [fd00:1::2]:80
  ip6 daddr fd00:96::3 udp dport 8080 dnat to [fd00:1::2]:80
 }
}
"""


def lacking() -> str:
    """Which program is not here that the wires are made with; empty where all are."""
    return ", ".join(name for name in ("ip", "nft", "unshare") if shutil.which(name) is None)


class Wires:
    """Two wires from this namespace, which becomes the node, into another one. Raises OSError where it may not be."""

    def __init__(self) -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the order of packets is that of one CPU
        self._ends = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)  # ends with this process
        self._number = 0
        _wait_for_own_namespace(self._ends.pid)
        for side in "cs":
            peer = ("peer", f"{side}1", "netns", str(self._ends.pid))
            _run("ip", "link", "add", f"{side}0", "address", _MACS[side], "type", "veth", *peer)
        self._inside = {side: _packets(f"{side}0") for side in "cs"}
        with self._entered():
            self._outside = {side: _packets(f"{side}1", "disable_ipv6=1") for side in "cs"}
        _become_a_node()
        self._local = [
            _raw(family, protocol) for family in (socket.AF_INET, socket.AF_INET6) for protocol in (6, 17, 132, 1, 58)
        ]

    def close(self) -> None:
        self._ends.kill()
        self._ends.wait()

    @contextlib.contextmanager
    def _entered(self) -> Iterator[None]:
        with Path("/proc/self/ns/net").open() as own, Path(f"/proc/{self._ends.pid}/ns/net").open() as other:
            _set_namespace(other.fileno())
            try:
                yield
            finally:
                _set_namespace(own.fileno())

    def arrives(self, packet: Packet, side: str, about: Packet | None = None) -> bool:
        """Sends a packet from a side and tells whether it comes out on the other, or at the node if it is for it."""
        self._number += 1
        marker = b"\xa5" + self._number.to_bytes(3)
        kind = 0x0800 if len(packet.source) == 4 else 0x86DD
        to, other = bytes.fromhex(_MACS[side].replace(":", "")), "s" if side == "c" else "c"
        self._outside[side].send(to + b"\x02" + bytes(5) + struct.pack("!H", kind) + frame(packet, marker, about))
        # What is behind a packet on the same wires comes after it: nobody has to wait for what does not come.
        _fence(self._outside[side], self._inside[side], marker)
        seen = _fence(self._inside[other], self._outside[other], marker)
        return any(marker in data for data in (*seen, *_read_all(self._local)))


def marks() -> dict[tuple[int, Ends], int]:
    """The marks of all connections, by protocol and tuple, in both directions."""
    found = {}
    with contextlib.closing(Socket()) as netlink:
        for body in netlink.dump(Request(1 << 8 | 1, 0, wire.generic(0), lambda _: "connections")):
            entry = connection(body)
            assert entry is not None
            for kind, one in ((1, entry.original), (2, entry.reply)):
                ports = (one.source_port, one.destination_port)
                if entry.protocol in {ICMP, ICMP6}:
                    ports = (_identifier(wire.found(body, 4)[kind]),) * 2
                found[entry.protocol, Ends(one.source, one.destination, *ports)] = entry.mark
    return found


def _identifier(ends: bytes) -> int:
    """CTA_PROTO_ICMP_ID, or CTA_PROTO_ICMPV6_ID, of a tuple."""
    parts = wire.found(wire.found(ends)[2])
    return wire.number(parts.get(4) or parts.get(7))


def counts() -> dict[str, list[int]]:
    """How many packets each counted rule of our table was read for, by chain."""
    listed = subprocess.run(["nft", "--json", "list", "table", "inet", TABLE], capture_output=True, check=True).stdout
    found: dict[str, list[int]] = {}
    for one in json.loads(listed)["nftables"]:
        for part in one.get("rule", {}).get("expr", ()):
            if "counter" in part:
                found.setdefault(one["rule"]["chain"], []).append(part["counter"]["packets"])
    return found


def forget() -> None:
    """Ends all connections for conntrack: its message for deletion, naming none."""
    with contextlib.closing(Socket()) as netlink:
        netlink.ask(Request(1 << 8 | 2, 0, wire.generic(0), lambda _: "all connections"))


def _wait_for_own_namespace(pid: int) -> None:
    own = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == own:
        os.sched_yield()


def _set_namespace(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _run(*command: str, text: str = "") -> None:
    subprocess.run(command, input=text, text=True, check=True)


def _packets(link: str, setting: str = "accept_dad=0") -> socket.socket:
    """Brings a link up that says nothing of its own, and listens to all that comes."""
    name, _, value = setting.partition("=")
    Path(f"/proc/sys/net/ipv6/conf/{link}/{name}").write_text(value)
    _run("ip", "link", "set", link, "up")
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    opened.bind((link, _ALL))
    opened.settimeout(10)
    return opened


def _raw(family: int, protocol: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_RAW, protocol)
    opened.setblocking(False)
    return opened


def _become_a_node() -> None:
    settings = ["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1", "netfilter/nf_conntrack_tcp_be_liberal=1"]
    settings += [f"ipv4/conf/{link}/rp_filter=0" for link in ("all", "c0", "s0")]
    _run("nft", "-f", "-", text=_NFT)
    _run("ip", "link", "set", "lo", "up")
    for setting in settings:
        name, _, value = setting.partition("=")
        Path(f"/proc/sys/net/{name}").write_text(value)
    for side, homes in (("c", CLIENTS), ("s", SERVERS)):
        for family, addresses in homes.items():
            for address in map(str, map(ip_address, addresses)):
                _run("ip", f"-{family}", "route", "add", address, "dev", f"{side}0")
                _run("ip", f"-{family}", "neigh", "add", address, "lladdr", "02:00:00:00:00:99", "dev", f"{side}0")
    for family, bits in ((4, 32), (6, 128)):
        _run("ip", f"-{family}", "addr", "add", f"{ip_address(NODE[family])}/{bits}", "dev", "c0")


def _fence(sender: socket.socket, receiver: socket.socket, marker: bytes) -> list[bytes]:
    """What came before a frame of no protocol that is sent now."""
    sender.send(b"\xff" * 6 + b"\x02" + bytes(5) + struct.pack("!H", _FENCE) + marker + bytes(46))
    seen: list[bytes] = []
    while True:
        data, address = receiver.recvfrom(1 << 16)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        if data[12:18] == struct.pack("!H", _FENCE) + marker:
            return seen
        seen.append(data)


def _read_all(sockets: list[socket.socket]) -> Iterator[bytes]:
    for one in sockets:
        with contextlib.suppress(BlockingIOError):
            while True:
                yield one.recv(1 << 16)
