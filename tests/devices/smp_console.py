"""The receiving and sending end of SMP on a small device's console: a few line buffers that a task empties, a few
packet buffers, and other output on the same line.

A line that finds no free buffer, or is longer than 127 bytes, is dropped in silence; so is a packet that finds no
packet buffer, is larger than one, or comes damaged. A request being answered holds two packet buffers: its own and
the answer's. Both kinds of loss are counted in `dropped_lines` and `dropped_packets`.
"""
import collections
import random

import smp_packet

NOISE = b"[00:00:%02d.%03d,000] <inf> main: temperature %d\r\n"


class Console:
    """`device` is the TimedDevice it belongs to; `answer(data)` takes a whole packet and gives (the packet that
    answers it or None, the seconds that takes)."""

    def __init__(self, device, settings, answer):
        self.device = device
        self.settings = settings
        self.answer = answer
        self.random = random.Random(settings.seed)
        self.dropped_lines = 0
        self.dropped_packets = 0
        self.started = 0.0
        self.restart()

    def restart(self):
        """After a reset: every buffer is empty."""
        self.assembler = smp_packet.Assembler(self.settings.buf_size)
        self.free_lines = self.settings.line_buffers
        self.line = None
        self.dropping = False
        self.drained_at = 0.0
        self.queue = collections.deque()
        self.working = False

    # Receiving.

    def receive(self, data):
        while data:
            piece, newline, data = data.partition(b"\n")
            self.take(piece)
            if newline:
                self.end_line()

    def take(self, piece):
        """Part of a line, without its end."""
        if self.line is None and not self.dropping:
            self.begin_line()
        if self.dropping:
            return
        self.line += piece
        if len(self.line) >= smp_packet.LINE:
            self.line = None
            self.free_lines += 1
            self.dropping = True

    def begin_line(self):
        if self.free_lines == 0:
            self.dropping = True
            return
        self.free_lines -= 1
        self.line = bytearray()

    def end_line(self):
        line, self.line = self.line, None
        if self.dropping:
            self.dropping = False
            self.dropped_lines += 1
            return
        now = self.device.now
        self.drained_at = max(now, self.drained_at) + self.settings.line_seconds
        self.device.at(self.drained_at - now, lambda: self.drain(bytes(line)))

    def drain(self, line):
        """The task has come to this line."""
        self.free_lines += 1
        if line.startswith(smp_packet.FIRST):
            self.started = self.device.now
            if len(self.queue) + 2 * self.working + 1 > self.settings.buf_count:
                self.dropped_packets += 1
                self.assembler.raw = None
                return
        damaged = self.assembler.dropped
        packet = self.assembler.line(line)
        self.dropped_packets += self.assembler.dropped - damaged
        if packet is not None:
            self.queue.append(packet)
            self.work()

    # Answering, one request after the other.

    def work(self):
        if self.working or not self.queue:
            return
        self.working = True
        packet, seconds = self.answer(self.queue.popleft())
        self.device.at(seconds, lambda: self.done(packet))

    def done(self, packet):
        self.working = False
        if packet is not None:
            self.put(smp_packet.frame(smp_packet.encode(packet, self.settings.indefinite)))
        self.work()

    def put(self, lines):
        """An answer on the line, with what else the device prints before it or into the middle of it."""
        if self.random.random() < self.settings.noise:
            self.device.put(self.text())
        if self.random.random() < self.settings.torn:
            at = self.random.randrange(1, len(lines))
            lines = lines[:at] + self.text() + lines[at:]
        self.device.put(lines)

    def text(self):
        return NOISE % (self.device.now % 60, self.device.now * 1000 % 1000, self.random.randrange(100))
