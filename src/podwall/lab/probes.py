"""Probes in flight: who has been asked, how long one waits, what is asked again, and the proof that listeners live.

Listeners and probes share one process and one loop, and packets between namespaces of one machine cross it while they
are sent. So silence is told from slowness: nothing is given up while the loop still has something to handle.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

from msgspec import Struct

from podwall.lab.listening import Listeners
from podwall.lab.loop import Handler, Loop
from podwall.lab.probe import Outcome, Place, Probe, Seen, Target, place_of
from podwall.lab.sending import Connections, Datagrams, Inits, Way
from podwall.lab.sockets import Spaces, allowed_descriptors

__all__ = ["Prober", "Progress", "Setting"]

_SECONDS = (1.0, 2.0, 4.0)  # of patience: for all, then for those that came out otherwise than predicted
_AGAIN = (0.3, 0.7)  # of that time: when datagrams are sent once more
_AT_ONCE = 64  # probes of one source between two looks at the loop, so that no queue of answers overflows
_LOOKS = 20  # for who waits too long, in the time of patience
_MOST_OPEN = 10_000  # probes on their way
_MOST_LISTENERS = 8000
_ANSWERED = 1000  # descriptors for the other ends of connections, which are here as well, but never for long
_SPARE = 64  # descriptors for everything else

Progress = Callable[[int], None]
"""Told how many probes have their outcome."""
_TIMEOUT = Outcome(Seen.TIMEOUT)


class Setting(Struct, frozen=True):
    """Where probes are sent: the namespaces, all addresses of the namespace of each seat, and whom the kernel tells.

    `watched` are descriptors that are read beside the probes, each with its handler.
    """

    spaces: Spaces
    addresses: Mapping[str, Sequence[str]]
    watched: tuple[tuple[int, Handler], ...] = ()


class Prober:
    """Sends probes in one lab."""

    def __init__(self, setting: Setting, progress: Progress = lambda _: None) -> None:
        self._setting = setting
        self._progress = progress
        self._room = allowed_descriptors() - _SPARE - len(setting.addresses) * 4
        self._listeners = max(1, min(_MOST_LISTENERS, self._room // 2))
        self._done = 0

    def run(self, probes: Sequence[Probe]) -> list[Outcome]:
        """What came of each."""
        found: list[Outcome] = [_TIMEOUT] * len(probes)
        self._done = 0
        for numbers in _portions(probes, self._listeners):
            part = [probes[number] for number in numbers]
            for number, outcome in zip(numbers, self._portion(part), strict=True):
                found[number] = outcome
        return found

    def _portion(self, probes: Sequence[Probe]) -> list[Outcome]:
        """Probes whose listeners all fit into the process at once."""
        with Loop() as loop:
            for descriptor, handler in self._setting.watched:
                loop.add(descriptor, handler)
            listeners = Listeners(self._setting.spaces, loop, self._setting.addresses)
            listeners.open({place_of(p, t) for p in probes for t in p.targets if t.seat and p.protocol != "SCTP"})
            window = max(1, min(_MOST_OPEN, self._room - len(listeners) - _ANSWERED))
            flight = _Flight(self._setting.spaces, loop, window, self._count)
            try:
                flight.answer_inits(probes)
                outcomes = _asked(flight, probes)
                return _controlled(flight, probes, outcomes, listeners.faults)
            finally:
                flight.close()
                listeners.close()

    def _count(self, number: int) -> None:
        self._done += number
        self._progress(self._done)


def _portions(probes: Sequence[Probe], most: int) -> Iterator[list[int]]:
    """Numbers of probes, in parts that need no more listeners than that; all of one source stay together."""
    by_place: dict[tuple[Place, ...], list[int]] = {}
    for number, probe in enumerate(probes):
        places = tuple(place_of(probe, target) for target in probe.targets if target.seat)
        by_place.setdefault(places, []).append(number)
    part: list[int] = []
    held: set[Place] = set()
    for places, numbers in by_place.items():
        if part and len(held.union(places)) > most:
            yield sorted(part)
            part, held = [], set()
        part += numbers
        held.update(places)
    if part:
        yield sorted(part)


def _asked(flight: _Flight, probes: Sequence[Probe], patience: Sequence[float] = _SECONDS) -> list[Outcome]:
    """All of them once; what came out otherwise than predicted, but for an answer, is tried again with more patience.

    An answer needs no second try: whatever came through has come through.
    """
    found = flight.run(probes, patience[0])
    for seconds in patience[1:]:
        doubtful = [n for n, o in enumerate(found) if o.seen is not Seen.ALLOW and not o.agrees(probes[n])]
        if not doubtful:
            break
        for number, outcome in zip(doubtful, flight.run([probes[n] for n in doubtful], seconds), strict=True):
            found[number] = outcome
    return found


def _controlled(
    flight: _Flight, probes: Sequence[Probe], outcomes: list[Outcome], faults: Mapping[Place, str]
) -> list[Outcome]:
    """Silence counts where the listener lives: it has answered somebody, or it answers its own namespace now."""
    alive = {
        place_of(probe, target)
        for probe, outcome in zip(probes, outcomes, strict=True)
        if outcome.seen is Seen.ALLOW
        for target in probe.targets
        if outcome.by in (("", 0), (target.address, target.port))
    }
    asked: dict[Place, Probe] = {}
    for probe, outcome in zip(probes, outcomes, strict=True):
        if outcome.seen is Seen.TIMEOUT:
            for target in probe.targets:
                place = place_of(probe, target)
                if target.seat and place not in alive:
                    asked.setdefault(place, _control(place, target))
    answers = dict(zip(asked, _asked(flight, list(asked.values()), _SECONDS[:2]), strict=True))
    dead = {place for place, outcome in answers.items() if outcome.seen is not Seen.ALLOW}
    return [_proved(p, o, dead, faults) if dead else o for p, o in zip(probes, outcomes, strict=True)]


def _control(place: Place, target: Target) -> Probe:
    """A probe of a listener from within its own namespace, which no policy sees."""
    own = Target(target.seat, target.address, target.port, allowed=True)
    at = target.address
    return Probe(place.seat, at, place.seat, at, place.protocol, place.port, place.family, (own,))


def _proved(probe: Probe, outcome: Outcome, dead: set[Place], faults: Mapping[Place, str]) -> Outcome:
    if outcome.seen is not Seen.TIMEOUT:
        return outcome
    for target in probe.targets:
        place = place_of(probe, target)
        if place in dead:
            why = faults.get(place)
            note = f"nothing listens on {target.address} {place.protocol} {place.port}"
            return Outcome(Seen.ERROR, note=f"{note}: {why}" if why else note)
    return outcome


class _Waiting(Struct):
    """A probe that was sent: what number it goes by in this run, and when it was last sent again."""

    index: int
    sent: float
    again: int = 0


class _Flight:
    """Probes that were sent and not heard of yet. `counted` is told how many have ended."""

    def __init__(self, spaces: Spaces, loop: Loop, window: int, counted: Callable[[int], None]) -> None:
        self._spaces = spaces
        self._loop = loop
        self._window = window
        self._counted = counted
        self._numbers = count(1)  # of all probes of this flight, those that are tried again included
        self._connections = Connections(loop, self._hear)
        self._datagrams = Datagrams(loop, self._hear)
        self._inits = Inits(spaces, loop, self._hear)
        self._ways: dict[str, Way] = {"TCP": self._connections, "UDP": self._datagrams, "SCTP": self._inits}
        self._probes: Sequence[Probe] = ()
        self._waiting: dict[int, _Waiting] = {}  # in the order in which they were sent
        self._outcomes: dict[int, Outcome] = {}
        self._patience = _SECONDS[0]
        self._looked = 0.0  # when it was last looked who waits too long

    def answer_inits(self, probes: Iterable[Probe]) -> None:
        """Makes everyone answer SCTP who is to be asked by it."""
        for seat, address in {(t.seat, t.address) for p in probes if p.protocol == "SCTP" for t in p.targets}:
            if seat:
                self._inits.wires.open(seat, address)

    def close(self) -> None:
        """Hangs up."""
        for number in list(self._waiting):
            self._connections.forget(number)
        self._datagrams.close()
        self._inits.wires.close()

    def run(self, probes: Sequence[Probe], patience: float) -> list[Outcome]:
        """What came of each within a time of so many seconds."""
        self._probes, self._patience = probes, patience
        self._waiting, self._outcomes = {}, {}
        queue = deque(range(len(probes)))
        while queue or self._waiting:
            while queue and len(self._waiting) < self._window:
                self._launch(queue)
                self._turn(0)
            self._turn(self._patience / _LOOKS)
        return [self._outcomes[index] for index in range(len(probes))]

    def _launch(self, queue: deque[int]) -> None:
        """Sends the next probes of one source."""
        source = self._probes[queue[0]].source
        with self._spaces.inside(source):
            for _ in range(_AT_ONCE):
                if not queue or self._probes[queue[0]].source != source:
                    return
                index, number = queue.popleft(), next(self._numbers)
                self._waiting[number] = _Waiting(index, _now())
                self._send(number, self._probes[index])

    def _send(self, number: int, probe: Probe) -> None:
        self._ways[probe.protocol].send(number, probe)

    def _turn(self, seconds: float) -> None:
        before = len(self._outcomes)
        if not self._loop.turn(seconds) and _now() - self._looked > self._patience / _LOOKS:
            self._looked = _now()
            self._send_again()
            self._give_up()
        if len(self._outcomes) > before:
            self._counted(len(self._outcomes) - before)

    def _hear(self, number: int, outcome: Outcome) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:  # else an answer to what was answered before, or given up
            self._outcomes[waiting.index] = outcome

    def _send_again(self) -> None:
        now = _now()
        due: dict[str, list[int]] = {}
        for number, waiting in self._waiting.items():
            probe = self._probes[waiting.index]
            step = waiting.again
            if probe.protocol != "TCP" and step < len(_AGAIN) and now - waiting.sent >= _AGAIN[step] * self._patience:
                waiting.again = step + 1
                due.setdefault(probe.source, []).append(number)
        for source, numbers in due.items():
            with self._spaces.inside(source):
                for number in numbers:
                    self._send(number, self._probes[self._waiting[number].index])

    def _give_up(self) -> None:
        now = _now()
        late = [(n, w) for n, w in self._waiting.items() if now - w.sent >= self._patience]
        for number, _ in late:
            half = self._connections.forget(number)
            self._hear(number, Outcome(Seen.ERROR, note="connected, but no answer came") if half else _TIMEOUT)


def _now() -> float:
    return time.monotonic()  # noqa: TID251 - an edge
