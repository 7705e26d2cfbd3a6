"""A serial wire without hardware and without a clock: the caller says what time it is, in seconds.

    wire = Wire(115200, Faults("1/to_device", flip=1/1000, lose_line=1/100))
    wire.push(b"...", now)                 bytes enter the transmitter; it takes `wire.room(now)` of them
    for when, data in wire.take(now): ...  what has come out at the other end by now, and when its last byte did

A byte takes ten bit times: start, eight bits, stop. Faults come from a seed and the position in the stream, so
the same bytes meet the same faults however they were cut into writes. Lost and dropped bytes take their time too.

VirtualLine joins such wires and a device (see serial_line.py for what one is) in virtual time: nothing waits.

    line = VirtualLine(device, 115200)
    line.send(b"...")
    line.run(seconds, until=lambda: b"\\n" in line.received)
"""
import collections
import math
import random

BITS = 10  # of a byte on the wire
PIECE = 64  # bytes that come out at once, at most: a late look at the wire makes no burst of what was none
KINDS = ("flip", "drop", "duplicate", "delay")


class Chance:
    """Hits positions of a stream with `probability`, drawn as gaps between hits."""

    def __init__(self, seed, probability):
        self.random = random.Random(seed)
        self.probability = probability
        self.left = self.gap()

    def gap(self):
        """Positions before the next hit; never for probability 0."""
        if self.probability <= 0:
            return math.inf
        if self.probability >= 1:
            return 0
        return int(math.log(1 - self.random.random()) / math.log(1 - self.probability))

    def hits(self, count):
        """Which of the next `count` positions are hit."""
        found = []
        while self.left < count:
            found.append(self.left)
            self.left += 1 + self.gap()
        self.left -= count
        return found


class Faults:
    """What a bad line does to its bytes. Probabilities: flip (one bit), drop, duplicate and delay for each byte
    (all behind a delayed one wait as well, for delay_seconds), lose_line for each line as a whole."""

    def __init__(self, seed, flip=0.0, drop=0.0, duplicate=0.0, delay=0.0, lose_line=0.0, delay_seconds=0.05):
        self.chances = {kind: Chance(f"{seed}/{kind}", probability)
                        for kind, probability in zip(KINDS, (flip, drop, duplicate, delay))}
        self.lines = Chance(f"{seed}/line", lose_line)
        self.bits = random.Random(f"{seed}/bit")
        self.delay_seconds = delay_seconds
        self.any = any((flip, drop, duplicate, delay, lose_line))
        self.line_begins = True
        self.losing = False
        self.counts = dict.fromkeys((*KINDS, "lose_line"), 0)

    def apply(self, data):
        """What happens to `data`: a list of bytes (sent), int (so many byte times of silence) and float
        (seconds of delay)."""
        if not self.any:
            return [data]
        hits = {}
        for kind, chance in self.chances.items():
            for at in chance.hits(len(data)):
                hits.setdefault(at, []).append(kind)
        steps, begin = [], 0
        while begin < len(data):
            end = data.find(b"\n", begin) + 1 or len(data)
            if self.line_begins:
                self.losing = bool(self.lines.hits(1))
                self.counts["lose_line"] += self.losing
            self.line_begins = data[end - 1] == 10
            if self.losing:
                steps.append(end - begin)
            else:
                self.segment(data, begin, end, hits, steps)
            begin = end
        return steps

    def segment(self, data, begin, end, hits, steps):
        """Bytes begin to end of one line that is not lost."""
        for at in sorted(at for at in hits if begin <= at < end):
            if data[begin:at]:
                steps.append(data[begin:at])
            steps.extend(self.strike(data[at:at + 1], hits[at]))
            begin = at + 1
        if data[begin:end]:
            steps.append(data[begin:end])

    def strike(self, byte, kinds):
        for kind in kinds:
            self.counts[kind] += 1
        if "delay" in kinds:
            yield float(self.delay_seconds)
        if "drop" in kinds:
            yield 1
            return
        if "flip" in kinds:
            byte = bytes([byte[0] ^ 1 << self.bits.randrange(8)])
        yield byte * (2 if "duplicate" in kinds else 1)


class Wire:
    """One direction. `capacity`: bytes that wait for the transmitter, as a kernel's buffer holds them."""

    def __init__(self, baud, faults=None, capacity=4096):
        self.byte_time = BITS / baud
        self.faults = faults or Faults(0)
        self.capacity = capacity
        self.segments = collections.deque()  # [when its first byte begins, its bytes]
        self.free_at = 0.0
        self.pushed = 0
        self.taken = 0

    def room(self, now):
        """Bytes that may be pushed."""
        return self.capacity - math.ceil(max(0.0, self.free_at - now) / self.byte_time)

    def push(self, data, now):
        self.pushed += len(data)
        self.free_at = max(self.free_at, now)
        for step in self.faults.apply(bytes(data)):
            if isinstance(step, float):
                self.free_at += step
            elif isinstance(step, int):
                self.free_at += step * self.byte_time
            else:
                self.segments.append([self.free_at, step])
                self.free_at += len(step) * self.byte_time

    def take(self, now):
        """[(when, bytes)], cut behind each line's end and into small pieces, in the order of time."""
        pieces = []
        while self.segments:
            begin, data = self.segments[0]
            count = min(len(data), int((now - begin) / self.byte_time + 1e-6))
            if count <= 0:
                break
            at = 0
            while at < count:
                end = data.find(b"\n", at, min(count, at + PIECE)) + 1 or min(count, at + PIECE)
                pieces.append((begin + end * self.byte_time, data[at:end]))
                at = end
            self.taken += count
            if count < len(data):
                self.segments[0] = [begin + count * self.byte_time, data[count:]]
                break
            self.segments.popleft()
        return pieces

    def next_due(self):
        """When the next line, or what is before the next silence, is through; None when nothing is on its way."""
        if not self.segments:
            return None
        begin, data = self.segments[0]
        return begin + (data.find(b"\n") + 1 or len(data)) * self.byte_time

    def clear(self):
        """What is on its way is lost."""
        self.segments.clear()
        self.free_at = 0.0


def play(device, wire, now):
    """Gives `device` what `wire` brings until now, and lets its time pass, in the order in which it happens."""
    for when, data in wire.take(now):
        device.tick(when)
        device.receive(data, when)
    device.tick(now)


class VirtualLine:
    """A device behind two wires, in a time that only run() moves on. `received`: what the gateway's end got."""

    def __init__(self, device, baud=115200, seed=1, **faults):
        self.device = device
        self.down = Wire(baud, Faults(f"{seed}/to_device", **faults), capacity=math.inf)
        self.up = Wire(baud, Faults(f"{seed}/to_gateway", **faults), capacity=math.inf)
        self.now = 0.0
        self.received = b""
        device.power_on(self.up.push, self.now)

    def send(self, data):
        self.down.push(data, self.now)

    def run(self, seconds, until=lambda: False):
        """Lets time pass until the condition holds or `seconds` are over; says whether it holds."""
        end = self.now + seconds
        while not until():
            due = [time for time in (self.down.next_due(), self.up.next_due(), self.device.next_due())
                   if time is not None]
            if not due or min(due) > end:
                self.pass_to(end)
                return until()
            self.pass_to(max(self.now, min(due)))
        return True

    def pass_to(self, when):
        self.now = when
        play(self.device, self.down, when)
        self.received += b"".join(data for _, data in self.up.take(when))
