"""What the API server calls: admission webhooks, aggregated APIs, conversions of custom resources.

From its addresses and its tunnels where these are seen; else from everyone, since a managed API server has no address
that stays.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.hooks import (
    APIService,
    CustomResourceDefinition,
    MutatingWebhookConfiguration,
    ServiceReference,
    ValidatingWebhookConfiguration,
)
from podwall.api.topology import TopologyObject
from podwall.cluster.objects import Located
from podwall.errors import CannotWrite
from podwall.needs.application import Application
from podwall.needs.controlplane import found_api_servers, tunnels
from podwall.needs.finder import Finder
from podwall.needs.need import Need, Question, Sureness, Unseen
from podwall.needs.party import EVERYONE, Party
from podwall.needs.serving import over
from podwall.needs.telling import told
from podwall.text.where import Path

__all__ = ["FINDER"]

_DEFAULT = 443
_Hooks = MutatingWebhookConfiguration | ValidatingWebhookConfiguration
_Called = tuple[Located[TopologyObject], Path, str, ServiceReference]


def _find(application: Application) -> Iterator[Need | Question | Unseen]:
    sources = _sources(application)
    hidden = sources == (EVERYONE,)
    for located, path, what, service in _called(application):
        named = service.namespace, service.name
        if application.service(*named) is None:  # nobody in the input is called
            continue
        port = service.port or _DEFAULT
        says = f"the API server calls {what} at Service {service.name}.{service.namespace}:{port}"
        evidence = told(located, f"{says}, from where is not told" if hidden else says, *path)
        sureness = Sureness.NAMED if hidden else Sureness.STATED
        for source in sources:
            found = application.reaches(source, named, [port], evidence, sureness)
            yield from (item for item in over("TCP", found) if source is sources[0] or isinstance(item, Need))


def _sources(application: Application) -> tuple[Party, ...]:
    grants = found_api_servers(application.site)
    try:
        through = tunnels(application.site)
    except CannotWrite:  # a tunnel on its host's network, and nobody knows which node that is
        return (EVERYONE,)
    return (*(grant.peers for grant in grants), *through) or (EVERYONE,)


def _called(application: Application) -> Iterator[_Called]:
    kinds: tuple[type[_Hooks], ...] = (MutatingWebhookConfiguration, ValidatingWebhookConfiguration)
    for hook in application.topology.every(*kinds):
        for number, webhook in enumerate(hook.object.webhooks or ()):
            if webhook.clientConfig and webhook.clientConfig.service:
                path: Path = ("webhooks", number, "clientConfig", "service")
                yield hook, path, f"webhook {webhook.name}", webhook.clientConfig.service
    for api in application.topology.every(APIService):
        if api.object.spec and api.object.spec.service:
            yield api, ("spec", "service"), "this API", api.object.spec.service
    for definition in application.topology.every(CustomResourceDefinition):
        service = _converting(definition.object)
        if service is not None:
            yield definition, ("spec", "conversion", "webhook", "clientConfig", "service"), "the conversion", service


def _converting(item: CustomResourceDefinition) -> ServiceReference | None:
    hook = item.spec.conversion.webhook if item.spec and item.spec.conversion else None
    return hook.clientConfig.service if hook and hook.clientConfig else None


FINDER = Finder(name="webhooks", says="webhooks and APIs that the API server calls", find=_find)
