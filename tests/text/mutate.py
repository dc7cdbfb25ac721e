"""Manifests, and slips of a keyboard or a disk in them: the input of the random tests, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

BODIES = (
    """\
spec:
  podSelector:
    matchLabels: {app: web, tier: "1"}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {}
      namespaceSelector:
        matchExpressions:
        - {key: team, operator: In, values: [red, 'blue', "green"]}
    - ipBlock:
        cidr: 10.0.0.0/8
        except:
        - 10.1.0.0/16
    ports:
    - port: 80
    - {protocol: UDP, port: 53, endPort: 0x40}
  egress:
  - {}
""",
    """\
spec:
  containers:
  - name: main          # the one that counts
    image: example/app:1.0
    args: ["--listen", ':8080', --since=12:30, 2024-01-01]
    env:
    - &entry
      name: A
      value: "yes"
    - <<: *entry
      name: B
    resources: {limits: {cpu: 0.5, memory: 1e3}}
    enabled: yes
    nothing: ~
    ports:
    - containerPort: 8080
      name: http
  hostNetwork: false
""",
    """\
data:
  script: |
    #!/bin/sh
    # a comment that is none
    echo "a: b" | sed 's/x/y/'

    exit 0
  folded: >-
    one
    two

    three
  long: "a text \\
    over lines \\u00e9 \\t end"
  single: 'it''s
    here'
  plain: some text
    goes on
  count: "12"
  mode: 0644
""",
    """\
spec: {a: [1, 2, {b: c, d: [e, "f: g"]}], 'h': "i",
  j: k, l: [m, n
  , o], ? p : q, "r":s, t: u:v}
list:
- - 1
  - - 2
    - 3
-
  x: 1
-   y:
     - z
? complex
: value
""",
)

_TOKENS = [
    ": ",
    ":",
    "- ",
    "-",
    "?",
    "? ",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    " #",
    "\t",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "'",
    '"',
    "&a ",
    "*a",
    "*entry",
    "!!str ",
    "!!int ",
    "!x ",
    "!",
    ">",
    "%",
    "@",
    "`",
    "~",
    "=",
    "|",
    "|",
    "<<: *entry",
    "\n---\n",
    "\n...\n",
    "\n- ",
    "\n\t",
    "\n  ",
    "0x1F",
    "1_000",
    "yes",
    "null",
    ".5",
    "1e3",
    "08",
    "\u00e9",
    "\u00a0",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\\",
]


def slip(text: str, chance: random.Random) -> str:
    """The text with one slip."""
    return chance.choice(_SLIPS)(text, chance)


def _insert(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(_TOKENS) + text[at:]


def _drop(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at + chance.choice((1, 1, 2, 5)) :]


def _swap(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _replace(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chr(chance.randrange(32, 127)) + text[at + 1 :]


def _lines(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    changed = {
        "twice": [lines[at], lines[at]],
        "gone": [],
        "in": [" " + lines[at]],
        "out": [lines[at].removeprefix(" ")],
        "tab": ["\t" + lines[at].lstrip()],
        "moved": [*lines[at + 1 : at + 2], lines[at]],
    }[chance.choice(("twice", "gone", "in", "out", "tab", "moved"))]
    return "".join(lines[:at] + changed + lines[at + 1 :])


def _cut(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _endings(text: str, chance: random.Random) -> str:
    return text.replace("\n", chance.choice(("\r\n", "\r\n", "\n\n", " \n")))


_SLIPS: tuple[Callable[[str, random.Random], str], ...] = (
    _insert,
    _insert,
    _insert,
    _drop,
    _swap,
    _replace,
    _lines,
    _lines,
    _cut,
    _endings,
)
