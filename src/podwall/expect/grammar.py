"""How ends, ports and whole assertions are spelled in one line. The patterns are those of the JSON Schema as well."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from podwall.admission.addresses import read_cidr
from podwall.engine.rules import AnyPort, NamedPort, PortRange, PortTerm
from podwall.errors import PodwallError
from podwall.expect.expectation import Block, Everyone, Named, Set, Spec

__all__ = ["END", "PORT", "SHORT", "Misspelled", "SetOf", "read_end", "read_port", "read_short"]

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}(?:/(?:3[0-2]|[12]?[0-9]))?"
_V6 = r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
_WORDS = rf"(?:\*/\*|\*|{_LABEL}/\*|{_LABEL}/[A-Za-z]+/{_NAME}|{_LABEL}/{_NAME}|{_NAME})"
_NUMBER = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_PROTOCOL = r"(?:[Tt][Cc][Pp]|[Uu][Dd][Pp]|[Ss][Cc][Tt][Pp])"
_PORT_NAME = r"(?=[a-z0-9-]{1,15}(?![a-z0-9-]))(?=[0-9-]*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*"  # V5
_PORT = rf"(?:{_NUMBER}-{_NUMBER}|{_NUMBER}|{_PORT_NAME})"

END = rf"(?:{_V4}|{_V6}|{_WORDS})"
PORT = rf"(?:{_PROTOCOL}/{_PORT}|{_PORT}(?:/{_PROTOCOL})?)"
_PORTS = rf":{PORT}(?:,{PORT})*"
SHORT = rf" *{END} +-> +(?:(?:{_V4}|{_WORDS})(?:{_PORTS})?|{_V6}|\[{_V6}\](?:{_PORTS})?) +(?:allow|deny) *"

_is_end = re.compile(END).fullmatch
_is_port = re.compile(PORT).fullmatch
_is_v6 = re.compile(_V6).fullmatch

SetOf = Callable[[str], Set | None]  # the set of a name, None for what is none

_ENDS = (
    "write [ns/]name, ns/*, */*, ns/Kind/name, ns/service/name, node/NAME, an address or a CIDR, "
    "or a set as dns and internet"
)
_PORT_FORMS = "write 8080, 8000-8100, http, 53/udp or any"
_FORM = "write `FROM -> TO[:PORT] allow`, or deny"


class Misspelled(PodwallError):
    """A text that is no end, no port or no assertion, and what to write."""


def read_short(text: str, namespace: str, set_of: SetOf) -> tuple[Spec, Spec, tuple[PortTerm, ...] | None, str]:
    """The ends, the ports (None where there are none) and the verdict of `web -> api:8080 allow`. Raises Misspelled."""
    source, arrow, rest = text.partition("->")
    words = rest.split()
    if not arrow or len(source.split()) != 1:
        raise Misspelled(f"`{text}` is no assertion: {_FORM}")
    if len(words) != 2 or words[1] not in ("allow", "deny"):
        wrong = f"`{words[1]}` is neither allow nor deny" if len(words) == 2 else f"`{text}` is no assertion"
        raise Misspelled(f"{wrong}: {_FORM}")
    if not (source.endswith(" ") and rest.startswith(" ")):
        raise Misspelled(f"`{text}`: put a space before and behind `->`")
    end, ports = _split(words[0])
    terms = None if ports is None else tuple(read_port(port) for port in ports.split(","))
    return read_end(source.strip(), namespace, set_of), read_end(end, namespace, set_of), terms, words[1]


def _split(target: str) -> tuple[str, str | None]:
    """The end and its ports; those of an IPv6 address stand behind brackets."""
    if target.startswith("["):
        address, closed, ports = target[1:].partition("]")
        if not closed or not _is_v6(address) or (ports and not ports.startswith(":")):
            raise Misspelled(f"`{target}`: an IPv6 address with a port is written [2001:db8::7]:443")
        return address, ports[1:] if ports else None
    if target.count(":") == 1:
        end, _, ports = target.partition(":")
        return end, ports
    return target, None


def read_end(text: str, namespace: str, set_of: SetOf) -> Spec:
    """An end; a name without a namespace is a set's, else of `namespace`. Raises Misspelled."""
    if not _is_end(text):
        hint = "the port of the long form stands in `port`" if text.count(":") == 1 else _ENDS
        raise Misspelled(f"`{text}` is no end of a connection: {hint}")
    found = _address(text)
    if found is not None:
        return found
    if text in ("*", "*/*"):
        return Everyone(None if text == "*/*" else namespace)
    if text.endswith("/*"):
        return Everyone(text.removesuffix("/*"))
    if "/" in text:
        return Named(text)
    return set_of(text) or Named(f"{namespace}/{text}")


def _address(text: str) -> Spec | None:
    try:
        return Named(str(ipaddress.ip_address(text)))
    except ValueError:
        block = read_cidr(text)
    if block is not None:
        return Block(str(block.network))
    if ":" in text:
        raise Misspelled(f"`{text}` is neither an IPv6 address nor a CIDR")
    return None


def read_port(port: int | str) -> PortTerm:
    """A port, a range, a name, or any; TCP unless a protocol is said. Raises Misspelled."""
    text = str(port)
    if text == "any":
        return AnyPort()
    if not _is_port(text):
        raise Misspelled(f"`{text}` is no port: {_PORT_FORMS}")
    value, protocol = _protocol(text)
    if value == "any":
        return PortRange(protocol, 1, 65535)
    first, dash, last = value.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        return NamedPort(protocol, value)
    if dash and int(first) > int(last):
        raise Misspelled(f"`{text}` is no range of ports: write the smaller one first")
    return PortRange(protocol, int(first), int(last or first))


def _protocol(text: str) -> tuple[str, str]:
    """`53/udp` and `udp/53` → 53 and UDP."""
    first, _, second = text.partition("/")
    if not second:
        return first, "TCP"
    value, protocol = (second, first) if re.fullmatch(_PROTOCOL, first) else (first, second)
    return value, protocol.upper()
