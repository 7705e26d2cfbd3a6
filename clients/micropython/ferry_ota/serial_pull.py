"""Pulling over a serial line: SMP's file-system download in console framing, one block after the other, each asked for
by its offset. A block that is lost or damaged is asked for again."""
from . import smp
from .clock import Deadline, sleep_ms
from .console import Decoder, lines
from .errors import HttpError, LinkError, ProtocolError, RangeError, SmpError
from .transport import Body, Transport

_NO_ENTRY = 5
_NOT_SUPPORTED = 8


class SerialPull(Transport):
    """`uart`: readinto(buffer), which gives None or 0 when nothing has come, and write(bytes), which gives how many it
    took; machine.UART is one. `packet`: bytes of the longest answer that fits; larger ones are lost. `timeout_ms`: how
    long an answer may take; `tries`: how often a request is sent."""

    def __init__(self, uart, packet=2048, timeout_ms=2000, tries=4):
        self._uart = uart
        self._decoder = Decoder(packet)
        self._timeout_ms = timeout_ms
        self._tries = tries
        self._sequence = 0
        self._input = bytearray(64)
        self._have = 0  # bytes in it, and how many of them were looked at
        self._used = 0

    def open(self, name, offset, tag):
        body = SerialBody(self, name, offset)
        try:
            body.begin()
        except SmpError as error:
            if error.code == _NO_ENTRY:
                raise HttpError(404, name) from None
            raise
        return body

    def ask(self, command, name, values):
        """The answer's map; parts of it lie in a buffer that the next request overwrites."""
        self._sequence = (self._sequence + 1) & 0xFF
        packet = smp.request(smp.FILES, command, self._sequence, values)
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
            answer = smp.answer(packet, smp.FILES, command, self._sequence, name)
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


class SerialBody(Body):
    def __init__(self, line, name, offset):
        self._line = line
        self._name = name
        self._next = offset  # the first byte that has not been received
        self._block = None   # what was received and not yet taken
        self.start = offset
        self.total = None

    def begin(self):
        if self.start:
            self._status()
        if self.total is not None and self.start >= self.total:
            raise RangeError(self.total)
        self._ask()

    def _status(self):
        """The length is told at offset 0 alone, or here, where the other end knows this command."""
        try:
            length = self._line.ask(smp.STATUS, self._name, (("name", self._name),)).get("len")
        except SmpError as error:
            if error.code != _NOT_SUPPORTED:
                raise
            length = self._line.ask(smp.DOWNLOAD, self._name, (("name", self._name), ("off", 0))).get("len")
        self._set_total(length)

    def _set_total(self, length):
        if not isinstance(length, int) or length < 0:
            raise ProtocolError("a file without a length: %s" % self._name)
        self.total = length

    def _ask(self):
        values = self._line.ask(smp.DOWNLOAD, self._name, (("name", self._name), ("off", self._next)))
        data = values.get("data")
        if values.get("off") != self._next or not isinstance(data, memoryview):
            raise ProtocolError("another block than was asked for: %s" % self._name)
        if self.total is None:
            self._set_total(values.get("len"))
        if len(data) > self.total - self._next or not len(data) and self._next < self.total:
            raise ProtocolError("a block that does not fit its file: %s" % self._name)
        self._block = data
        self._next += len(data)

    def readinto(self, view):
        if not len(self._block):
            if self._next == self.total:
                return 0
            self._ask()
        count = min(len(view), len(self._block))
        view[:count] = self._block[:count]
        self._block = self._block[count:]
        return count
