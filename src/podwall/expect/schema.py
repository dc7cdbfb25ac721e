"""The JSON Schema (draft 2020-12) of Expectations files, made from the grammar and the fields that the parser reads.

It says what a text alone can say. What it leaves to the parser: whether an IPv6 address is well formed, which end of a
range is the smaller one, whether a CIDR of a set can be read, and what a name stands for.
"""

from __future__ import annotations

from typing import Any

from podwall.expect.grammar import END as END_PATTERN
from podwall.expect.grammar import PORT as PORT_PATTERN
from podwall.expect.grammar import SHORT
from podwall.expect.parse import API_VERSION, KIND

__all__ = ["schema"]

_Schema = dict[str, Any]

_TEXT: _Schema = {"type": "string", "minLength": 1}
_LABELS: _Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_NAMESPACE: _Schema = {"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_PORT: _Schema = {
    "description": "8080, 8000-8100, http, 53/udp or any.",
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 65535},
        {"type": "string", "pattern": f"^(?:any|{PORT_PATTERN})$"},
    ],
}
_PORTS: _Schema = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/port"}}
_END: _Schema = {
    "description": (
        "[ns/]name, ns/* (every workload), */*, ns/Kind/name, ns/service/name, node/NAME, an address, a CIDR, a set "
        "(dns, internet, apiserver, monitoring, or one of `sets`), or labels."
    ),
    "anyOf": [
        {"type": "string", "pattern": f"^(?:{END_PATTERN})$"},
        {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "namespace": _NAMESPACE,
                "namespaceLabels": {**_LABELS, "description": "Labels that the pods' namespaces have."},
                "podLabels": {**_LABELS, "description": "Labels that the pods have."},
                "labels": {**_LABELS, "description": "The same as podLabels."},
            },
            "not": {"required": ["podLabels", "labels"]},
        },
    ],
}
_LONG: _Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["from", "to", "verdict"],
    "properties": {
        "from": {"$ref": "#/$defs/end"},
        "to": {"$ref": "#/$defs/end"},
        "port": {"$ref": "#/$defs/port"},
        "ports": {"$ref": "#/$defs/ports"},
        "verdict": {"enum": ["allow", "deny"], "description": "allow: every pair on all ports; deny: no pair on any."},
        "because": {**_TEXT, "description": "Shown where the assertion fails."},
        "some": {"type": "boolean", "description": "With allow: at least one pair has it."},
    },
    "not": {"required": ["port", "ports"]},
    "if": {"required": ["some"], "properties": {"some": {"const": True}}},
    "then": {"properties": {"verdict": {"const": "allow"}}},
}
_SET: _Schema = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": [{"required": [name]} for name in ("namespace", "namespaceLabels", "podLabels", "cidrs")],
    "dependentRequired": {"except": ["cidrs"]},
    "properties": {
        "namespace": _NAMESPACE,
        "namespaceLabels": _LABELS,
        "podLabels": _LABELS,
        "cidrs": {"type": "array", "minItems": 1, "items": {**_TEXT, "pattern": "/"}},
        "except": {"type": "array", "minItems": 1, "items": {**_TEXT, "pattern": "/"}},
        "ports": {"$ref": "#/$defs/ports"},
    },
}


def schema() -> _Schema:
    """The schema as plain values."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Podwall expectations",
        "description": "Assertions about who can talk to whom, for `podwall test`.",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "expect"],
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": KIND},
            "metadata": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "name": _TEXT,
                    "namespace": {**_NAMESPACE, "description": "The namespace of names without one."},
                    "labels": _LABELS,
                    "annotations": _LABELS,
                },
            },
            "sets": {
                "type": "object",
                "description": "Sets by name: new ones, or what a well-known one is here.",
                "propertyNames": _NAMESPACE,
                "additionalProperties": {"$ref": "#/$defs/set"},
            },
            "expect": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "anyOf": [
                        {"type": "string", "description": "web -> api:8080 allow", "pattern": f"^(?:{SHORT})$"},
                        {"$ref": "#/$defs/expectation"},
                    ]
                },
            },
        },
        "$defs": {"end": _END, "port": _PORT, "ports": _PORTS, "expectation": _LONG, "set": _SET},
    }
