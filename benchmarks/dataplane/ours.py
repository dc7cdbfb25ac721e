"""Our own rules for a scenario."""

from __future__ import annotations

from benchmarks.dataplane.namespaces import Lane, run
from benchmarks.dataplane.scenario import PROTOCOLS, Scenario

__all__ = ["load_ours", "ours_text", "reload_ours"]

_EPOCH, _MASK = 0x7A510000, 0xFFFF0000
_TUPLE = "ct original ip saddr . meta l4proto . ct reply proto-src"


def load_ours(lane: Lane, scenario: Scenario) -> None:
    """Load them into a lane's node."""
    run(lane.node, ["nft", "-f", "-"], ours_text(scenario))


def reload_ours(lane: Lane, scenario: Scenario) -> None:
    """Replace the whole table in one transaction."""
    run(lane.node, ["nft", "-f", "-"], "table inet podwall\ndelete table inet podwall\n" + ours_text(scenario))


def ours_text(scenario: Scenario) -> str:
    """What `nft -f -` reads."""
    apps = sorted({pod.app for pod in scenario.local})
    parts = [_set(scenario, app) for app in apps]
    jumps = ", ".join(f"{pod.address} : jump i_{_id(pod.app)}" for pod in scenario.local)
    parts.append(f"map in4 {{ type ipv4_addr : verdict\n elements = {{ {jumps} }}\n}}")
    parts.append("map eg4 { type ipv4_addr : verdict\n}")
    parts += [_chains(_id(app)) for app in apps]
    epoch = f"{_EPOCH:#x}"
    parts.append(
        "chain c_eval {\n ct state invalid drop\n ct state related accept\n ct original ip saddr vmap @eg4\n"
        f" ct reply ip saddr vmap @in4\n ct mark set ct mark and {0xFFFFFFFF ^ _MASK:#x} or {epoch}\n}}"
    )
    parts.append(
        "chain c_forward {\n type filter hook forward priority filter; policy accept\n"
        f" ct mark and {_MASK:#x} == {epoch} accept\n jump c_eval\n}}"
    )
    return "table inet podwall {\n" + "\n".join(parts) + "\n}\n"


def _set(scenario: Scenario, app: str) -> str:
    elements = ", ".join(
        f"{peer} . {protocol.lower()} . {rule.port}"
        for policy in scenario.policies_of(app)
        for rule in policy.rules
        for peer in rule.peers
        for protocol in PROTOCOLS
    )
    return f"set p_{_id(app)} {{ type ipv4_addr . inet_proto . inet_service\n elements = {{ {elements} }}\n}}"


def _chains(name: str) -> str:
    asked = "\n".join(f" meta l4proto {protocol} {_TUPLE} @p_{name} return" for protocol in ("tcp", "udp", "sctp"))
    return f"chain d_i_{name} {{\n counter drop\n}}\nchain i_{name} {{\n{asked}\n goto d_i_{name}\n}}"


def _id(app: str) -> str:
    return app.replace("-", "")
