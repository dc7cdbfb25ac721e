"""Why a lab is impossible on a machine, and what would help. Pure: what is the case comes in as facts."""

from __future__ import annotations

import errno

from msgspec import Struct

__all__ = ["Facts", "cure", "missing_program"]

_PACKAGES = {"ip": "iproute2 (Fedora and RHEL: iproute)", "nft": "nftables"}


class Facts(Struct, frozen=True):
    """What a machine says of itself: values of sysctls as text, None for those that it does not have."""

    root: bool
    unprivileged_userns_clone: str | None = None
    max_user_namespaces: str | None = None
    apparmor_restricts: str | None = None


def cure(step: str, number: int, facts: Facts) -> str:
    """The message about a step that failed with an errno."""
    return f"a lab needs network namespaces, and {step} failed: {errno.errorcode.get(number, number)}; {_advice(facts)}"


def _advice(facts: Facts) -> str:
    if facts.root:
        return (
            "this root has no CAP_SYS_ADMIN, as in most containers: run the container with --privileged,"
            " or run outside of it"
        )
    if facts.unprivileged_userns_clone == "0":
        return "run it as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1"
    if facts.max_user_namespaces == "0":
        return "run it as root, or allow user namespaces: sysctl -w user.max_user_namespaces=15000"
    if facts.apparmor_restricts == "1":
        return (
            "AppArmor takes the rights away that come with a user namespace: run it as root (sudo), or"
            " sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    return (
        "run it as root, or where user namespaces are allowed (in a container: --privileged, or"
        " --security-opt seccomp=unconfined --security-opt systempaths=unconfined)"
    )


def missing_program(name: str) -> str:
    """The message about a program that is not there."""
    return f"a lab needs the program `{name}`: install the package {_PACKAGES.get(name, name)}"
