"""`explain` as text for 80 columns: the verdict in words, each side with what decides it, and what would turn it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from podwall.report.changes import changes_text
from podwall.report.gist import gist, miss_name, nearest, rule_name
from podwall.report.public import Ref
from podwall.report.public_explanation import (
    Explained,
    Explanation,
    OtherFamily,
    Otherwise,
    PortReasons,
    SideReasons,
)
from podwall.report.wording import counted, cut, listed, place, policy_name, ports_text, wrapped
from podwall.text.excerpt import Line

__all__ = ["Excerpts", "deciding_text", "explanation_text"]

Excerpts = Mapping[tuple[str, int], Sequence[Line]]

_MOST_LISTED = 4  # policies named one by one
_BEYOND = {
    "external": "no policy decides outside of the cluster",
    "host network": "policies do not see pods on their node's network",
    "node": "policies decide about pods, not about nodes",
    "own node": "a pod's own node is always let in",
    "loopback": "a pod always reaches itself",
}
_OUTCOMES = {
    "no rule": "no rule about it",
    "no match": "none matches",
    "not isolated": "no policy isolates it",
    "not reached": "not reached",
}


def explanation_text(answer: Explanation, excerpts: Excerpts) -> Iterator[str]:
    """The whole answer, line by line."""
    for line in _lines(answer, excerpts):
        yield f"{line.rstrip()}\n"


def _lines(answer: Explanation, excerpts: Excerpts) -> Iterator[str]:
    yield from wrapped(_verdict(answer), "")
    yield from gist(answer)
    yield from _conditions(answer)
    if isinstance(answer.ports, list):
        yield from _port_blocks(answer.ports)
        yield ""
        yield "Give a PORT to see the rules, and what would turn the answer."
    elif isinstance(answer.backends, list):
        yield from _backends(answer.backends, excerpts)
    elif isinstance(answer.egress, SideReasons) and isinstance(answer.ingress, SideReasons):
        yield from _side(f"EGRESS of {answer.src}", answer.egress, excerpts)
        yield from _side(f"INGRESS of {answer.dst}", answer.ingress, excerpts)
    yield from changes_text(answer)


def _verdict(answer: Explanation) -> str:
    where = f"{answer.src} -> {answer.dst}"
    if answer.port is not None:
        where += f" {answer.protocol} {answer.port}"
    if isinstance(answer.ports, list):
        return f"{where}: {_on_ports(answer.ports)}"
    if isinstance(answer.backends, list):
        return f"{where}: {_on_backends(answer, answer.backends)}"
    return f"{where}: {_at_sides(answer.egress, answer.ingress)}"


def _at_sides(egress: object, ingress: object) -> str:
    sides = [("egress", egress), ("ingress", ingress)]
    denying = [name for name, side in sides if isinstance(side, SideReasons) and side.verdict == "deny"]
    return f"DENIED by {' and '.join(denying)}" if denying else "allowed"


def _on_ports(ports: Sequence[PortReasons]) -> str:
    allowed = [p for one in ports if one.verdict == "allow" for p in one.ports]
    if not allowed:
        return "DENIED on every port"
    return f"allowed on {ports_text(allowed, {})}"


def _on_backends(answer: Explanation, backends: Sequence[Explained]) -> str:
    denied = [backend for backend in backends if backend.verdict == "deny"]
    if len(backends) == 1:
        return _at_sides(backends[0].egress, backends[0].ingress)
    if answer.port is not None:
        return f"DENIED for {len(denied)} of {counted(len(backends), 'backend')}" if denied else "allowed"
    bad = {(backend.protocol, backend.port) for backend in denied}
    good = {(backend.protocol, backend.port) for backend in backends} - bad
    said = (("allowed", good), ("DENIED", bad))
    return "; ".join(f"{word} on {listed([f'{p} {n}' for p, n in sorted(found)])}" for word, found in said if found)


def _conditions(answer: Explanation) -> Iterator[str]:
    """What the answer rests on, as far as it is not what everybody expects."""
    if answer.profile != "kubernetes" or answer.family != 4:
        yield f"profile {answer.profile}, IPv{answer.family}"
    if answer.assumed == "pod-cidr":
        yield "rests on an address that was assumed (--pod-cidr)"
    if answer.byName is True:
        yield "judged by name alone: no address of it is known (--resolutions)"
    if isinstance(answer.otherFamily, OtherFamily):
        word = "allowed" if answer.otherFamily.verdict == "allow" else "DENIED"
        yield f"over IPv{answer.otherFamily.family} it is {word} (--family {answer.otherFamily.family})"


def deciding_text(answer: Explanation, excerpts: Excerpts) -> Iterator[str]:
    """The sides that deny, or else those that allow, of the first pair that does; without what stands between."""
    one = next((b for b in answer.backends or () if b.verdict == answer.verdict), None)
    found: Explanation | Explained = answer if one is None else one
    for word, end, side in (("EGRESS", found.src, found.egress), ("INGRESS", found.dst, found.ingress)):
        if isinstance(side, SideReasons) and side.verdict == answer.verdict:
            yield from islice(_side(f"{word} of {end}", side, excerpts), 1, None)


# One side


def _side(title: str, side: SideReasons, excerpts: Excerpts) -> Iterator[str]:
    yield ""
    yield from wrapped(f"{title}: {_decided(side)}", "  ")
    yield from _tiers(side, excerpts)
    for decision in side.decidedBy[:1]:
        yield from _at(decision.policy, decision.line, excerpts)
    yield from _otherwise(side)
    yield from _near(side, excerpts)


def _decided(side: SideReasons) -> str:
    word = "allowed" if side.verdict == "allow" else "DENIED"
    match side.reason:
        case "rule" | "deny rule":
            return f"{word} by {rule_name(side.decidedBy[0])}"
        case "no rule":
            return f"{word}, no rule allows it"
        case "not isolated":
            return f"{word}, no policy isolates it"
        case reason:
            return f"{word}, {_BEYOND[reason]}"


def _tiers(side: SideReasons, excerpts: Excerpts) -> Iterator[str]:
    """The walk through the tiers; the outer ones only where they have rules at all."""
    for tier in side.tiers:
        if tier.tier == "NetworkPolicy":
            if side.isolated:
                yield from _isolation(side, tier.rules)
            elif any(other.rules for other in side.tiers) and tier.outcome != "not reached":
                yield "  NetworkPolicy tier: no policy isolates it"
        elif tier.rules:
            passed = next((d for d in side.passed if d.tier == tier.tier), None)
            said = _OUTCOMES.get(tier.outcome) or tier.outcome
            if passed is not None:
                said = f"passed on by {rule_name(passed)}"
            elif tier.outcome in ("accept", "deny"):
                said = "decides"
            yield from wrapped(f"  {tier.tier} tier, {counted(tier.rules, 'rule')}: {said}", "    ")
            if passed is not None:
                yield from _at(passed.policy, passed.line, excerpts)


def _isolation(side: SideReasons, rules: int) -> Iterator[str]:
    """Who isolates; where nothing allows, with their places, since that is where to look."""
    names = [policy_name(ref) for ref in side.isolatedBy]
    if side.reason != "no rule" or len(names) > _MOST_LISTED:
        yield from wrapped(f"  isolated by {listed(names)}", "    ")
    else:
        yield "  isolated by"
        width = max(map(len, names))
        for ref, name in zip(side.isolatedBy, names, strict=True):
            yield from wrapped(f"    {name:<{width}}  {place(ref, ref.line)}", "      ")
    if side.reason == "no rule":
        yield f"  {counted(rules, 'rule')}, none matches" if rules else "  they have no rule that could allow it"


def _at(ref: Ref, first: int | None, excerpts: Excerpts) -> Iterator[str]:
    """A place, with what stands there."""
    yield from wrapped(f"  {place(ref, first)}", "    ")
    lines = excerpts.get((ref.file or "", first or 0), ())
    width = len(str(max((line.number for line in lines), default=0)))
    shift = min((len(line.text) - len(line.text.lstrip()) for line in lines if line.number), default=0)
    for line in lines:
        number = str(line.number) if line.number else ""
        shown = line.text[shift:] if line.number else line.text
        yield cut(f"  {'>' if line.marked else ' '} {number:>{width}} | {shown}")


def _otherwise(side: SideReasons) -> Iterator[str]:
    other = side.otherwise
    if other is None:
        return
    rest = _without(side, other)
    yield from wrapped(f"  without this rule: {rest}", "    ")


def _without(side: SideReasons, other: Otherwise) -> str:
    if other.decidedBy:
        word = "allowed" if other.verdict == "allow" else "denied"
        same = "still " if other.verdict == side.verdict else ""
        return f"{same}{word} by {listed([rule_name(d) for d in other.decidedBy])}"
    return "denied, nothing else allows it" if other.verdict == "deny" else "allowed, nothing else denies it"


def _near(side: SideReasons, excerpts: Excerpts) -> Iterator[str]:
    """The nearest misses; farther ones are counted only."""
    shown = nearest(side)
    for number, miss in enumerate(shown):
        yield from wrapped(f"  near miss: {miss_name(miss)}", "    ")
        yield from wrapped(f"  would match but for {', and '.join(term.text for term in miss.terms)}", "    ")
        yield from _at(miss.policy, miss.line, excerpts if number == 0 else {})
    more = len(side.nearMisses) - len(shown) + side.moreNearMisses
    if more > 0:
        yield f"  {counted(more, 'farther miss', 'es')}: -o json"


# Ports and backends


def _port_blocks(blocks: Sequence[PortReasons]) -> Iterator[str]:
    """Ports whose blocks read the same stand together; the widest of the denied ones are `all other ports`."""
    together: dict[tuple[str, ...], list[PortReasons]] = {}
    for block in blocks:
        together.setdefault(tuple(_short_sides(block)), []).append(block)
    for number, (lines, found) in enumerate(together.items()):
        ports = sorted(port for block in found for port in block.ports)
        named = {place: name for block in found for place, name in block.named.items()}
        yield ""
        rest = number > 0 and number == len(together) - 1
        yield from wrapped(_rest(named) if rest else ports_text(ports, named), "")
        yield from lines


def _rest(named: Mapping[str, str]) -> str:
    if not named:
        return "all other ports"
    return f"all other ports, among them {listed([f'{place} ({name})' for place, name in sorted(named.items())])}"


def _short_sides(block: PortReasons) -> Iterator[str]:
    for name, side in (("egress ", block.egress), ("ingress", block.ingress)):
        yield from wrapped(f"  {name}  {_decided(side)}", "           ")
        if side.decidedBy:
            decision = side.decidedBy[0]
            yield from wrapped(f"           {place(decision.policy, decision.line)}", "             ")
        elif side.isolated:
            names = [policy_name(ref) for ref in side.isolatedBy]
            yield from wrapped(f"           isolated by {listed(names)}", "             ")


def _backends(backends: Sequence[Explained], excerpts: Excerpts) -> Iterator[str]:
    """Each pair; sides that were shown already are named only."""
    shown: list[tuple[str, str, SideReasons]] = []
    for backend in backends:
        pair = f"{backend.src} -> {backend.dst} {backend.protocol} {backend.port}"
        verdict = f": {_at_sides(backend.egress, backend.ingress)}" if len(backends) > 1 else ", behind the Service"
        yield ""
        yield from wrapped(f"{pair}{verdict}", "  ")
        for word, end, side in (("EGRESS", backend.src, backend.egress), ("INGRESS", backend.dst, backend.ingress)):
            if (word, end, side) in shown:
                yield from wrapped(f"  {word} of {end}: {_decided(side)}, as above", "    ")
            else:
                shown.append((word, end, side))
                yield from _side(f"{word} of {end}", side, excerpts)
