"""A plan brought up: its namespaces with their cables, addresses and routes, Services and DNS, and ways into them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from podwall.errors import LabUnavailable
from podwall.lab import spaces
from podwall.lab.plan import Link, Plan
from podwall.lab.services import service_rules
from podwall.lab.spaces import Space, program
from podwall.lab.wiring import Wiring, node_key, space_of, wiring_of

__all__ = ["Network"]

_OTHER_FILES = 100


class Network:
    """The namespaces of a plan while the context lasts; in a process of `spaces.enclosed`.

    Seats go by their names, nodes by theirs. Entering raises LabUnavailable where the machine lacks something.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._spaces: dict[str, Space] = {}
        self._kept = False
        self._keys = {seat.name: space_of(seat) for seat in plan.seats}

    def __enter__(self) -> Self:
        try:
            self._bring_up(wiring_of(self.plan))
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.kept:
            self._close()

    @property
    def kept(self) -> bool:
        """Whether the namespaces stay when the context ends."""
        return self._kept

    def keep(self) -> None:
        """Has the namespaces stay, held by this process, which stays too; `ways_in` says how others get in."""
        self._kept = True
        spaces.keep()

    # Ways in

    def fd(self, seat: str) -> int:
        """The descriptor of a seat's network namespace; it stays the network's."""
        return self.space(seat).fd

    def space(self, seat: str) -> Space:
        """A seat's namespace; seats on one host share it, and so do those outside."""
        return self._spaces[self._keys[seat]]

    def node_space(self, node: str) -> Space:
        """A node's namespace, where the rules for its pods are loaded."""
        return self._spaces[node_key(node)]

    def inside(self, seat: str) -> contextlib.AbstractContextManager[None]:
        """The calling thread is in a seat's namespace; see `Space.entered`."""
        return self.space(seat).entered()

    def inside_node(self, node: str) -> contextlib.AbstractContextManager[None]:
        """The same for a node."""
        return self.node_space(node).entered()

    def run(
        self, seat: str, argv: Sequence[str], data: str = "", timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command inside to its end. Raises subprocess.TimeoutExpired."""
        with self.inside(seat):
            return _run(argv, data, timeout)

    def run_on_node(
        self, node: str, argv: Sequence[str], data: str = "", timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same on a node, for `nft -f -` and the like."""
        with self.inside_node(node):
            return _run(argv, data, timeout)

    def ways_in(self) -> dict[str, str]:
        """For each seat the command that opens a shell there from outside, while the network is kept."""
        pid = spaces.outer_pid()
        user = f" -t {pid} -U --preserve-credentials" if spaces.unprivileged() else ""
        return {name: f"nsenter{user} --net=/proc/{pid}/fd/{self.fd(name)}" for name in self._keys}

    # How

    def _bring_up(self, wiring: Wiring) -> None:
        ip = program("ip")
        spaces.allow_descriptors(2 * len(wiring.batches) + _OTHER_FILES)  # a namespace, and a socket in it
        for name in wiring.batches:
            space = self._spaces[name] = Space()
            with space.entered():
                _write(wiring.sysctls[name], bridged=self.plan.link is Link.BRIDGED)
        self._connect(ip, wiring)
        for name, batch in wiring.batches.items():
            with self._spaces[name].entered():
                _batch(ip, batch)
        self._serve()

    def _serve(self) -> None:
        """Loads what makes Services of addresses."""
        nft = program("nft")
        for node in self.plan.nodes:
            for rules in service_rules(self.plan, node.name, small=spaces.unprivileged()):
                done = self.run_on_node(node.name, [nft, "-f", "-"], rules)
                if done.returncode == 0:
                    continue
                raise LabUnavailable(f"the kernel refuses the rules for Services: {done.stderr.strip()}")

    def _connect(self, ip: str, wiring: Wiring) -> None:
        """Makes every cable, each end where it belongs."""
        fds = {name: space.fd for name, space in self._spaces.items()}
        lines = [
            f"link add name {c.device} address {c.mac} netns /proc/self/fd/{fds[c.space]} type veth"
            f" peer name {c.far_device} address {c.far_mac} netns /proc/self/fd/{fds[c.far_space]}"
            for c in wiring.cables
        ]
        _batch(ip, "\n".join(lines) + "\n", list(fds.values()))

    def _close(self) -> None:
        for space in self._spaces.values():
            space.close()
        self._spaces.clear()


def _run(argv: Sequence[str], data: str, timeout: float | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, input=data, text=True, capture_output=True, check=False, timeout=timeout)  # noqa: S603


def _batch(ip: str, text: str, fds: Sequence[int] = ()) -> None:
    done = subprocess.run(  # noqa: S603
        [ip, "-batch", "-"], input=text, text=True, capture_output=True, check=False, pass_fds=fds
    )
    if done.returncode != 0:
        raise LabUnavailable(f"the lab's network cannot be made: {_failed(text, done.stderr)}")


def _failed(text: str, stderr: str) -> str:
    """What `ip` said, with the line that it stopped at."""
    said, _, rest = stderr.strip().partition("\nCommand failed -:")
    number = rest.strip()
    line = text.splitlines()[int(number) - 1] if number.isdigit() else ""
    return f"`ip {line}`: {said}" if line else said


def _write(sysctls: Sequence[tuple[str, str]], *, bridged: bool) -> None:
    """Sets sysctls of the namespace that the thread is in; limits that a kernel does not have are none."""
    for name, value in sysctls:
        try:
            Path("/proc/sys", name).write_text(value)
        except FileNotFoundError:
            if "/bridge/" in name and bridged:
                raise LabUnavailable(
                    "a bridged lab needs the kernel module br_netfilter: `modprobe br_netfilter` as root, or leave"
                    " --bridged out"
                ) from None
        except PermissionError:
            if "icmp" not in name:
                raise LabUnavailable(
                    f"/proc/sys/{name} cannot be written: in a container, run it with --privileged or with"
                    " --security-opt systempaths=unconfined"
                ) from None
        except OSError as error:
            if "icmp" not in name:
                raise LabUnavailable(f"/proc/sys/{name}: {error.strerror}") from None
