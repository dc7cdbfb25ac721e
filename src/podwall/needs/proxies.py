"""Who lets requests in from outside: ingress controllers and gateways, by their class, labels, names and images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from podwall.api.gateway import Gateway
from podwall.api.ingress import IngressClass
from podwall.cluster.endpoints import Endpoint
from podwall.needs.application import Application
from podwall.needs.finding import APP_LABELS
from podwall.needs.party import EVERYONE, Party
from podwall.needs.running import Running

__all__ = ["Proxies", "ingress_class", "labels_of", "selectable", "sources"]

# Family → what its proxies are called in the app labels that their charts and manifests give them.
_NAMES: Mapping[str, frozenset[str]] = {
    "contour": frozenset({"contour-envoy"}),
    "haproxy": frozenset({"haproxy-ingress", "kubernetes-ingress"}),
    "istio": frozenset({"istio-ingressgateway"}),
    "kong": frozenset({"kong", "kong-gateway", "kong-proxy"}),
    "nginx": frozenset({"ingress-nginx", "nginx-ingress", "nginx-ingress-controller", "rke2-ingress-nginx"}),
    "traefik": frozenset({"traefik"}),
    "": frozenset({"ingress-controller"}),
}
# Family → the ends of the names of their images, registry and tag left out.
_IMAGES: Mapping[str, tuple[str, ...]] = {
    "haproxy": ("haproxy-ingress", "haproxytech/kubernetes-ingress"),
    "kong": ("/kong", "/kong-gateway"),
    "nginx": (
        "ingress-nginx/controller",
        "nginx-ingress",
        "nginx-ingress-controller",
        "nginx-ingress-controller-chroot",
    ),
    "traefik": ("/traefik", "/mirrored-library-traefik"),
    "": ("/ingress-controller",),
}
# Words in a class or its controller → family; those of None are outside of the cluster, or on its hosts.
_CLASSES: tuple[tuple[str, str | None], ...] = (
    ("contour", "contour"),
    ("haproxy", "haproxy"),
    ("istio", "istio"),
    ("kong", "kong"),
    ("nginx", "nginx"),
    ("traefik", "traefik"),
    ("alb", None),
    ("azure", None),
    ("cilium", None),
    ("cloudflare", None),
    ("gce", None),
    ("ngrok", None),
    ("tailscale", None),
)
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_COMPONENT = "app.kubernetes.io/component"
_OTHER_PARTS = frozenset({"admission-webhook", "default-backend", "defaultbackend"})
_TASKS = frozenset({"CronJob", "Job"})
_GATEWAY = "gateway.networking.k8s.io/gateway-name"
_ENVOY = "gateway.envoyproxy.io/owning-gateway-name"
_ENVOY_HOME = "gateway.envoyproxy.io/owning-gateway-namespace"
_ENVOY_CLASS = "gateway.envoyproxy.io/owning-gatewayclass"  # of a proxy for all Gateways of a class
_SHARED = ("haproxy", "kong", "traefik")
_CONTOUR = "projectcontour.io/owning-gateway-name"


def sources(parties: Iterable[Party]) -> tuple[Party, ...]:
    """Those parties, or everyone where there is none, or of one nobody knows which addresses it has."""
    found = tuple(parties)
    known = all(party.endpoints or party.cidrs for party in found)
    return found if found and known else (EVERYONE,)


def selectable(application: Application) -> Iterator[Running]:
    """The workloads that policies select: not those that are on their hosts' network (D3)."""
    return (workload for workload in application.workloads if workload.party.endpoints)


def labels_of(application: Application, workload: Running) -> Mapping[str, str]:
    """The labels of a workload's pods."""
    party = workload.party
    pods: Iterable[Endpoint] = party.endpoints or application.site.hosts(party)
    return next((pod.labels for pod in pods), workload.meta.labels or {})


def ingress_class(name: str | None, annotations: Mapping[str, str] | None) -> str | None:
    """The class of an Ingress: of the two ways to say it, the older one has the last word, as controllers have it."""
    return (annotations or {}).get(_CLASS_ANNOTATION) or name


class Proxies:
    """The proxies of an application, each looked for once."""

    def __init__(self, application: Application) -> None:
        self._topology = application.topology
        self._labeled = [(w, labels_of(application, w)) for w in application.workloads]
        self._classes: dict[str | None, list[Party]] = {}
        self._gateways: dict[tuple[str, str], list[Party]] = {}

    def of_class(self, chosen: str | None) -> list[Party]:
        """The proxies that serve the Ingresses of a class, all that are seen where the class does not tell which."""
        if chosen not in self._classes:
            family = self._family_of_class(chosen)
            found = [] if family is None else [w.party for own, w in self._known if not family or own in (family, "")]
            self._classes[chosen] = found
        return self._classes[chosen]

    def of_gateway(self, namespace: str, name: str) -> list[Party]:
        """The pods that serve a Gateway, by the labels that those who make them give them.

        Where nobody makes pods for it, the proxy that serves Gateways beside Ingresses.
        """
        gateway = namespace, name
        if gateway not in self._gateways:
            located = self._topology.get(Gateway, namespace, name)
            chosen = (located.object.spec.gatewayClassName if located and located.object.spec else None) or ""
            found = [w.party for w, labels in self._labeled if _serves(labels, w.namespace, gateway, chosen)]
            shared = not found and any(word in chosen for word in _SHARED)
            self._gateways[gateway] = self.of_class(chosen) if shared else found
        return self._gateways[gateway]

    @cached_property
    def _known(self) -> list[tuple[str, Running]]:
        """Every proxy with its family."""
        found = ((_family(workload, labels), workload) for workload, labels in self._labeled)
        return [(family, workload) for family, workload in found if family is not None]

    def _family_of_class(self, chosen: str | None) -> str | None:
        """None for controllers that are no pods, empty where nobody knows."""
        if not chosen:
            return ""
        located = self._topology.get(IngressClass, "", chosen)
        spec = located.object.spec if located else None
        text = f"{spec.controller if spec else ''} {chosen}".lower()
        return next((family for word, family in _CLASSES if word in text), "")


def _family(workload: Running, labels: Mapping[str, str]) -> str | None:
    name, component = workload.party.name, labels.get(_COMPONENT, "")
    if workload.about[0] in _TASKS or component in _OTHER_PARTS or name.endswith(("default-backend", "defaultbackend")):
        return None
    if "contour" in workload.namespace and "envoy" in (name, component, labels.get("app")):
        return "contour"
    if workload.namespace.startswith("ingress") and name in ("controller", "ingress-controller"):
        return ""
    images = [_image(container.image or "") for _, container in workload.containers()]
    called = {name, *(labels.get(key, "") for key in APP_LABELS)}
    for family, names in _NAMES.items():
        if called & names and not _only_control(images):
            return family
    return next((f for f, ends in _IMAGES.items() if any(i.endswith(ends) for i in images)), None)


def _only_control(images: list[str]) -> bool:
    """Whether nothing but Kong's control plane is in a pod."""
    return bool(images) and all(image.endswith("kong/kubernetes-ingress-controller") for image in images)


def _image(text: str) -> str:
    """An image without its tag and digest: `/registry.example/ingress-nginx/controller`."""
    path, _, last = text.partition("@")[0].rpartition("/")
    return f"/{path}/{last.partition(':')[0]}".replace("//", "/")


def _serves(labels: Mapping[str, str], home: str, gateway: tuple[str, str], chosen: str) -> bool:
    if (labels.get(_ENVOY_HOME), labels.get(_ENVOY)) == gateway or (chosen and labels.get(_ENVOY_CLASS) == chosen):
        return True
    return gateway in ((home, labels.get(_GATEWAY)), (home, labels.get(_CONTOUR)))
