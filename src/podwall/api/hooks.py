"""What the API server calls: admission and conversion webhooks, and APIs that others serve."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import ObjectMeta

__all__ = [
    "APIService",
    "APIServiceSpec",
    "ClientConfig",
    "Conversion",
    "ConversionWebhook",
    "CustomResourceDefinition",
    "CustomResourceDefinitionSpec",
    "MutatingWebhookConfiguration",
    "ServiceReference",
    "ValidatingWebhookConfiguration",
    "Webhook",
]


class ServiceReference(Struct, frozen=True, gc=False):
    """A Service that the API server calls; its port is 443 where none is given."""

    namespace: str = ""
    name: str = ""
    port: int | None = None


class ClientConfig(Struct, frozen=True, gc=False):
    """Where a webhook is."""

    service: ServiceReference | None = None


class Webhook(Struct, frozen=True, gc=False):
    """One webhook of a configuration."""

    name: str = ""
    clientConfig: ClientConfig | None = None


class ValidatingWebhookConfiguration(
    Struct, frozen=True, gc=False, tag_field="kind", tag="ValidatingWebhookConfiguration"
):
    """admissionregistration.k8s.io ValidatingWebhookConfiguration."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    webhooks: list[Webhook] | None = None


class MutatingWebhookConfiguration(Struct, frozen=True, gc=False, tag_field="kind", tag="MutatingWebhookConfiguration"):
    """admissionregistration.k8s.io MutatingWebhookConfiguration."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    webhooks: list[Webhook] | None = None


class ConversionWebhook(Struct, frozen=True, gc=False):
    """What converts between versions of a custom resource."""

    clientConfig: ClientConfig | None = None


class Conversion(Struct, frozen=True, gc=False):
    """How a custom resource is converted."""

    webhook: ConversionWebhook | None = None


class CustomResourceDefinitionSpec(Struct, frozen=True, gc=False):
    """Of a CustomResourceDefinition, what the API server calls for it."""

    conversion: Conversion | None = None


class CustomResourceDefinition(Struct, frozen=True, gc=False, tag_field="kind", tag="CustomResourceDefinition"):
    """apiextensions.k8s.io CustomResourceDefinition."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: CustomResourceDefinitionSpec | None = None


class APIServiceSpec(Struct, frozen=True, gc=False):
    """Who serves a group of the API; nobody else than the API server itself where there is no Service."""

    service: ServiceReference | None = None


class APIService(Struct, frozen=True, gc=False, tag_field="kind", tag="APIService"):
    """apiregistration.k8s.io APIService."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: APIServiceSpec | None = None
