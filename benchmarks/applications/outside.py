"""Who is called by what is no workload's text: Ingresses, routes, load balancers, monitors, webhooks, peers."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from benchmarks.applications.application import ADDRESSES, EVERYONE, Asked, Connection, Object, Statement
from benchmarks.applications.draft import Draft
from benchmarks.applications.manifests import api_server, namespace
from benchmarks.applications.sheet import Sheet
from benchmarks.applications.world import Listener, Service, Trade, Workload

__all__ = ["add_outside", "add_peers"]

_GATEWAY = "gateway.networking.k8s.io"
_PROXY = Trade("proxy", (), ())
_ROUTES = {"grpc": ("GRPCRoute", "v1"), "web": ("HTTPRoute", "v1"), "tls": ("HTTPRoute", "v1")}


def add_peers(draft: Draft) -> None:
    """Replicas of a StatefulSet call one another by its headless Service; one alone may or may not be going to."""
    for service in draft.world.services:
        for one in draft.world.behind(service):
            if service.name == one.governing:
                found = draft.world.reached(one.key, service)
                if one.replicas > 1:
                    draft.state(Statement("StatefulSet peers", "object", one.name, connections=found))
                else:
                    draft.tolerated |= found


def add_outside(draft: Draft) -> None:
    """Some of everything, for some of the Services."""
    _Edge(draft).add()


class _Edge:
    """The parts of the cluster around an application, as far as they are in the input."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.rng = draft.rng
        self.controller = self._workload("ingress-nginx", "ingress-nginx-controller", "ingress-nginx", 0.7)
        self.prometheus = self._workload("monitoring", "prometheus", "prometheus", 0.7)
        self.knows_api_server = self.rng.random() < 0.5
        self.gateway = ""
        if self.knows_api_server:
            draft.objects += api_server(self.rng)

    def _workload(self, home: str, name: str, app: str, chance: float) -> str:
        """A workload that is part of no application; empty where the input has it not."""
        if self.rng.random() >= chance:
            return ""
        labels = {"app.kubernetes.io/name": app, "app.kubernetes.io/instance": app}
        one = Workload(home, name, "Deployment", _PROXY, labels, labels, (Listener("http", 8080),))
        self.draft.sheets[one.key] = Sheet(self.rng, one)
        self.draft.objects.append(namespace(home))
        return one.key

    def add(self) -> None:
        """About one for every third Service."""
        sorts: tuple[Callable[[Service], None], ...] = (
            self._ingress,
            self._ingress,
            self._route,
            self._exposed,
            self._scraped,
            self._monitored,
            self._pods_monitored,
            self._webhook,
        )
        for service in self.draft.world.services:
            if self.rng.random() < 0.4:
                self.rng.choice(sorts)(service)
        for one in self.draft.world.workloads:
            if self.rng.random() < 0.15:
                self._account(one)

    def _state(self, form: str, mark: str, connections: frozenset[Connection]) -> None:
        self.draft.state(Statement(form, "object", mark, connections=connections))

    def _object(self, kind: tuple[str, str], name: str, home: str, spec: Object) -> Object:
        version, sort = kind
        meta = {"name": name, **({"namespace": home} if home else {})}
        item = {"apiVersion": version, "kind": sort, "metadata": meta, **spec}
        self.draft.objects.append(item)
        return item

    # ------------------------------------------------------------------------------------------------- from outside

    def _ingress(self, service: Service) -> None:
        port = self.rng.choice(service.ports)
        source = self.controller or EVERYONE
        found = self.draft.world.reached(source, service, port.number)
        if service.trade.protocol != "TCP" or not self.draft.is_new(found):
            return
        said = {"name": port.name} if port.name and self.rng.random() < 0.5 else {"number": port.number}
        backend = {"service": {"name": service.name, "port": said}}
        rule = {
            "host": "shop.example.com",
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
        }
        spec: Object = {"rules": [rule]} if self.rng.random() < 0.8 else {"defaultBackend": backend}
        if self.rng.random() < 0.6:
            spec["ingressClassName"] = "nginx"
        name = f"{service.name}-web"
        self._object(("networking.k8s.io/v1", "Ingress"), name, service.namespace, {"spec": spec})
        self._state("Ingress" if self.controller else "Ingress without its controller", name, found)

    def _route(self, service: Service) -> None:
        port = self.rng.choice(service.ports)
        known = self.rng.random() < 0.5
        source = self._gateway_pods() if known else EVERYONE
        found = self.draft.world.reached(source, service, port.number)
        kind, version = _ROUTES.get(service.trade.name, ("TCPRoute", "v1alpha2"))
        if service.trade.protocol != "TCP" or not self.draft.is_new(found):
            return
        parent = {"name": "edge" if known else "outer", "namespace": "gateways"}
        backend: Object = {"name": service.name, "port": port.number}
        home = service.namespace
        if self.rng.random() < 0.3:
            home, backend = "gateways", {**backend, "namespace": service.namespace}
        spec = {"parentRefs": [parent], "rules": [{"backendRefs": [backend]}]}
        name = f"{service.name}-route-{service.namespace}"
        self._object((f"{_GATEWAY}/{version}", kind), name, home, {"spec": spec})
        self._state("Gateway route" if known else "route without its gateway", name, found)

    def _gateway_pods(self) -> str:
        """A Gateway whose pods are in the input."""
        if not self.gateway:
            labels = {f"{_GATEWAY}/gateway-name": "edge", "app": "edge"}
            one = Workload("gateways", "edge-proxy", "Deployment", _PROXY, labels, {"app": "edge"})
            self.draft.sheets[one.key] = Sheet(self.rng, one)
            self.draft.objects.append(namespace("gateways"))
            listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
            spec = {"gatewayClassName": "any", "listeners": listeners}
            self._object((f"{_GATEWAY}/v1", "Gateway"), "edge", "gateways", {"spec": spec})
            self.gateway = one.key
        return self.gateway

    def _exposed(self, service: Service) -> None:
        found = self.draft.world.reached(EVERYONE, service)
        if service.headless or not self.draft.is_new(found):
            return
        sort = self.rng.choice(("LoadBalancer", "NodePort"))
        self._changed(service, type=sort)
        self._state(sort, service.name, found)

    def _changed(self, service: Service, **changes: object) -> None:
        kept = self.draft.services
        where = next(n for n, s in enumerate(kept) if (s.namespace, s.name) == (service.namespace, service.name))
        kept[where] = structs.replace(kept[where], **changes)

    # ---------------------------------------------------------------------------------------------------- monitoring

    def _scraped(self, service: Service) -> None:
        """Pods with the annotations of Prometheus."""
        one = self.draft.world.behind(service)[0]
        number = self.rng.choice((9102, *(at.number for at in one.listeners if at.protocol == "TCP")))
        found = frozenset({Connection(self.prometheus, one.key, "TCP", number)})
        if not self.prometheus or not self.draft.is_new(found):
            return
        annotations = self.draft.sheets[one.key].annotations
        if "prometheus.io/port" in annotations:
            return
        annotations |= {"prometheus.io/scrape": "true", "prometheus.io/port": str(number)}
        self._state("Prometheus annotations", one.name, found)

    def _monitored(self, service: Service) -> None:
        port = self.rng.choice(service.ports)
        found = self.draft.world.reached(self.prometheus, service, port.number)
        if not (self.prometheus and port.name and port.protocol == "TCP" and self.draft.is_new(found)):
            return
        label = {"monitored-as": f"{service.namespace}-{service.name}"}
        self._changed(service, labels=label)
        spec: Object = {"selector": {"matchLabels": label}, "endpoints": [{"port": port.name}]}
        self._monitor("ServiceMonitor", service, spec, found)

    def _pods_monitored(self, service: Service) -> None:
        one = self.draft.world.behind(service)[0]
        named = [at for at in one.listeners if at.name and at.protocol == "TCP"]
        if not self.prometheus or not named:
            return
        at = self.rng.choice(named)
        found = frozenset({Connection(self.prometheus, one.key, "TCP", at.number)})
        if self.draft.is_new(found):
            spec = {"selector": {"matchLabels": one.selector}, "podMetricsEndpoints": [{"port": at.name}]}
            self._monitor("PodMonitor", service, spec, found)

    def _monitor(self, kind: str, service: Service, spec: Object, found: frozenset[Connection]) -> None:
        home = service.namespace
        if self.rng.random() < 0.4:
            home = "monitoring"
            spec["namespaceSelector"] = {"matchNames": [service.namespace]}
        name = f"{service.name}-{service.namespace}"
        self._object(("monitoring.coreos.com/v1", kind), name, home, {"spec": spec})
        self._state(kind, name, found)

    # ---------------------------------------------------------------------------------------------------- API server

    def _account(self, one: Workload) -> None:
        """A ServiceAccount with a role, which may do without its token and then is no user of the API server."""
        uses = self.rng.random() < 0.7
        name, home = f"{one.name}-account", one.namespace
        account: Object = {} if uses else {"automountServiceAccountToken": False}
        self._object(("v1", "ServiceAccount"), name, home, account)
        wide = self.rng.random() < 0.5
        kind, role = ("ClusterRoleBinding", "ClusterRole") if wide else ("RoleBinding", "Role")
        subject = {"kind": "ServiceAccount", "name": name, "namespace": home}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": "reader"}
        binding = {"subjects": [subject], "roleRef": reference}
        mark = f"{name}-{home}"
        self._object(("rbac.authorization.k8s.io/v1", kind), mark, "" if wide else home, binding)
        self.draft.sheets[one.key].account = name
        if not uses:
            self._state("noise: role without a token", mark, frozenset())
        elif self.knows_api_server:
            self._state(kind, mark, frozenset({Connection(one.key, ADDRESSES, "TCP", 6443)}))
        else:
            asked = Asked(one.key, "egress", frozenset(("kubernetes.default",)))
            self.draft.state(Statement(kind, "object", mark, "API server hidden", asked=asked))

    def _webhook(self, service: Service) -> None:
        port = self.rng.choice(service.ports)
        source = ADDRESSES if self.knows_api_server else EVERYONE
        found = self.draft.world.reached(source, service, port.number)
        if port.protocol != "TCP" or not self.draft.is_new(found):
            return
        reference: Object = {"name": service.name, "namespace": service.namespace, "path": "/validate"}
        if port.number != 443 or self.rng.random() < 0.5:
            reference["port"] = port.number
        kind = self.rng.choice(("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"))
        name = f"{service.name}.{service.namespace}.example.com"
        hook = {"name": name, "clientConfig": {"service": reference}, "admissionReviewVersions": ["v1"]}
        hook["sideEffects"] = "None"
        self._object(("admissionregistration.k8s.io/v1", kind), name, "", {"webhooks": [hook]})
        self._state("webhook" if self.knows_api_server else "webhook, API server hidden", name, found)
