"""What `connect.c` does, where there is no compiler: the same arguments and output."""

from __future__ import annotations

import os
import socket
import statistics
import struct
import sys
import time

_RESET = struct.pack("ii", 1, 0)


def _serve(address: str, port: int) -> None:
    with socket.create_server((address, port), backlog=128) as listener:
        print("ready", flush=True)
        while True:
            peer, _ = listener.accept()
            with peer:
                try:
                    peer.send(b"x")
                    peer.recv(1)  # until the reset
                except ConnectionError:
                    continue


def _connect_once(target: tuple[str, int], own: str) -> int:
    begin = time.perf_counter_ns()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.bind((own, 0))
        connection.connect(target)
        connection.recv(1)
    return time.perf_counter_ns() - begin


def main() -> None:
    """Serve until killed, or connect and print the median of nanoseconds."""
    if sys.argv[1] == "serve":
        _, _, address, port, core = sys.argv
        os.sched_setaffinity(0, {int(core)})
        _serve(address, int(port))
    target, port, own, count, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    print(f"{statistics.median(_connect_once((target, int(port)), own) for _ in range(int(count))):.1f}")


if __name__ == "__main__":
    main()
