"""Pulling over a serial line: SMP in console framing. A block that is lost or damaged is asked for again."""
from .clock import Deadline, sleep_ms
from .console import Decoder, lines
from .errors import LinkError
from .smp_pull import SmpPull


class SerialPull(SmpPull):
    """`uart`: readinto(buffer), which gives None or 0 when nothing has come, and write(bytes), which gives how many it
    took; machine.UART is one. `packet`: bytes of the longest answer that fits; larger ones are lost. `timeout_ms`: how
    long an answer may take; `tries`: how often a request is sent."""

    def __init__(self, uart, packet=2048, timeout_ms=2000, tries=4):
        self._uart = uart
        self._decoder = Decoder(packet)
        self._timeout_ms = timeout_ms
        self._tries = tries
        self._input = bytearray(64)
        self._have = 0  # bytes in it, and how many of them were looked at
        self._used = 0

    def exchange(self, packet, command, name):
        for _ in range(self._tries):
            self._write(packet)
            answer = self._wait(command, name)
            if answer is not None:
                return answer
        raise LinkError("no answer on the line (%d damaged or too long): %s" % (self._decoder.dropped, name))

    def _write(self, packet):
        deadline = Deadline(self._timeout_ms)
        for line in lines(packet):
            sent = 0
            while sent < len(line):
                count = self._uart.write(line[sent:] if sent else line)
                if not count:
                    deadline.check("writing to the line")
                    sleep_ms(1)
                    count = 0
                sent += count

    def _wait(self, command, name):
        deadline = Deadline(self._timeout_ms)
        while not deadline.over():
            packet = self._packet(deadline)
            if packet is None:
                return None
            answer = self.answer(packet, command, name)
            if answer is not None:
                return answer
        return None

    def _packet(self, deadline):
        decoder = self._decoder
        while True:
            while self._used < self._have:
                self._used = decoder.feed(self._input, self._used, self._have)
                if decoder.packet is not None:
                    return decoder.packet
            if deadline.over():
                return None
            self._have = self._uart.readinto(self._input) or 0
            self._used = 0
            if not self._have:
                sleep_ms(1)
