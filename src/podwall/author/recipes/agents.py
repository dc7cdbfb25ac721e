"""Egress to the agents that collect traces, metrics and logs: OTLP, statsd, fluent.

  otlp    4317, 4318 TCP     OpenTelemetry Collector, Alloy, Datadog …
  statsd  8125 UDP           Datadog, statsd exporters, Telegraf, Vector
  fluent  24224 TCP and UDP  Fluentd, Fluent Bit

Agents are found by their names and labels, in whichever namespace they run (where some declare the port, these), or
named with --agent. One on its host's network is reached by its node's address (status.hostIP), so the nodes' addresses
are let through; one that takes a port of its host by hostPort is reached as a pod, because the address is rewritten
before a policy sees it.
"""

from __future__ import annotations

from podwall.author.compose import connect
from podwall.author.recipe import Argument, Asked, Draft, Flag, Recipe
from podwall.engine.sets import PortSet
from podwall.errors import CannotWrite
from podwall.needs.finding import listening, workloads_named
from podwall.needs.site import Site

__all__ = ["RECIPE"]

_PORTS = {
    "otlp": PortSet.of("TCP", 4317, 4318),
    "statsd": PortSet.of("UDP", 8125),
    "fluent": PortSet.of("TCP", 24224) | PortSet.of("UDP", 24224),
}
_NAMES = {
    "otlp": (
        "alloy",
        "datadog-agent",
        "grafana-agent",
        "jaeger-collector",
        "opentelemetry-collector",
        "otel-collector",
        "tempo",
    ),
    "statsd": ("datadog-agent", "statsd", "statsd-exporter", "telegraf", "vector"),
    "fluent": ("fluent-bit", "fluentd"),
}


def _draft(site: Site, asked: Asked) -> Draft:
    kind, reference = asked.text("kind"), asked.text("workload")
    sources = site.party(reference) if reference else site.everyone()
    given = asked.texts("agent")
    known = [] if given else listening(site, workloads_named(site, _NAMES[kind]), _PORTS[kind])
    found = [site.party(name) for name in given] or known
    if not found:
        raise CannotWrite(f"the input holds no agent for {kind} that Podwall knows: name it with --agent")
    out = Draft()
    for agent in found:
        out += connect(site, sources, agent, _PORTS[kind], both=asked.yes("both"))
    if not out.policies:
        note = "allowed already: no end is isolated against it (--both writes the policies nevertheless)"
        return Draft(needs=out.needs, notes=(note,))
    return out


RECIPE = Recipe(
    name="agents",
    says="agents that collect traces, metrics and logs",
    draft=_draft,
    examples=(
        "podwall new agents otlp -n shop -f dump/",
        "podwall new agents statsd shop/api --agent monitoring/telegraf -f dump/",
    ),
    arguments=(
        Argument("kind", "otlp, statsd or fluent", choices=tuple(_PORTS)),
        Argument("workload", "who sends; without it, every pod of the namespace", optional=True),
    ),
    flags=(
        Flag("--agent", "The agent; repeatable.", "texts", "WORKLOAD"),
        Flag("--both", "At both ends, also where that isolates one.", "yes"),
    ),
)
