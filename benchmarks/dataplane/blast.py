"""What `blast.c` does, where there is no compiler: the same arguments and output, but slower than what it measures."""

from __future__ import annotations

import ipaddress
import os
import socket
import statistics
import struct
import sys
import time

_PORTS, _BATCH, _PAYLOAD = 40_000, 64, 18


def _packets(target: bytes, port: int, source: str, first: int, flows: int) -> list[bytes]:
    base = int(ipaddress.IPv4Address(source))
    made = []
    for flow in range(flows):
        address = (base + flow // _PORTS).to_bytes(4)
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + _PAYLOAD, 0, 0, 64, 17, 0, address, target)
        made.append(head + struct.pack("!HHHH", first + flow % _PORTS, port, 8 + _PAYLOAD, 0) + bytes(_PAYLOAD))
    return made


def main() -> None:
    """Send, and print nanoseconds for a packet: the median of all batches."""
    target, port, source, first, count, flows, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    packets = _packets(socket.inet_aton(target), int(port), source, int(first), int(flows))
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for start in range(0, int(count), _BATCH):
            batch = range(start, min(start + _BATCH, int(count)))
            begin = time.perf_counter_ns()
            for number in batch:
                raw.sendto(packets[number % len(packets)], (target, 0))
            times.append((time.perf_counter_ns() - begin) / len(batch))
    print(f"{statistics.median(times):.1f}")


if __name__ == "__main__":
    main()
