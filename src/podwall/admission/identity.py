"""metadata: the name, namespace, labels and annotations of any kind that Podwall reads (V8, V9)."""

from __future__ import annotations

from collections.abc import Callable

from podwall.admission.finding import Finding, Findings, invalid, required, within
from podwall.admission.labels import annotation_problems, label_problems
from podwall.admission.names import Details, dns_label, dns_subdomain
from podwall.api.meta import ObjectMeta, PlainMeta

__all__ = ["identity_problems"]

# Their names become parts of DNS names, so dots are out. A Service's name had to start with a letter until Kubernetes
# 1.34 (RelaxedServiceNameValidation); the newer rule is taken, because no verdict depends on it.
_NAMED_BY_LABEL = frozenset({"Namespace", "Service"})
# The API server drops metadata.namespace of these kinds unread.
CLUSTER_SCOPED = frozenset(
    {"AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy", "Namespace", "Node"}
)


def identity_problems(kind: str, meta: PlainMeta) -> list[Finding]:
    """The mistakes of an object's metadata, with paths that start at `metadata`.

    An absent namespace is none: it comes from `-n` (D12). Neither is an absent name beside a generateName.
    Source: V8, V9 and apimachinery's ObjectMeta validation.
    """
    found = [*_names(kind, meta), *_namespace(kind, meta.namespace)]
    if wrong := label_problems(meta.labels):
        found += within(wrong, "labels")
    if isinstance(meta, ObjectMeta) and (wrong := annotation_problems(meta.annotations)):
        found += within(wrong, "annotations")
    return list(within(found, "metadata")) if found else found


def _names(kind: str, meta: PlainMeta) -> Findings:
    rule = dns_label if kind in _NAMED_BY_LABEL else dns_subdomain
    if meta.generateName:
        named = _misnamed("name", meta.name, rule) if meta.name else ()
        return (*named, *_generate_name(meta.generateName, rule))
    if not meta.name:
        return (Finding(("name",), required("name or generateName is required")),)
    return _misnamed("name", meta.name, rule)


def _generate_name(base: str, rule: Callable[[str], Details]) -> Findings:
    # The name becomes 58 characters of it and five random ones.
    details = rule(f"{base[:-1]}a" if base.endswith("-") else base) or rule(f"{base[:58]}aaaaa")
    return [Finding(("generateName",), invalid(base, detail)) for detail in details]


def _namespace(kind: str, namespace: str | None) -> Findings:
    if not namespace or kind in CLUSTER_SCOPED:
        return ()
    return _misnamed("namespace", namespace, dns_label)


def _misnamed(field: str, text: str, rule: Callable[[str], Details]) -> Findings:
    details = rule(text)
    if not details:  # nearly always
        return ()
    other = text.strip().lower().replace("_", "-")
    advice = f"write {other}" if other != text and not rule(other) else ""
    return [Finding((field,), invalid(text, detail, advice)) for detail in details]
