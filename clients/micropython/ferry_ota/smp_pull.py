"""What the links that speak SMP have in common: the file-system group's download, one block after the other, each asked
for by its offset."""
from . import smp
from .errors import HttpError, LinkError, ProtocolError, RangeError, SmpError
from .transport import Body, Transport

# (group, code) of a refusal.
_NO_ENTRY = ((0, 5), (smp.FILES, 3))
_NOT_SUPPORTED = (0, 8)
_CHANGED = (smp.FILES, 11)
_BEYOND_END = (smp.FILES, 12)


class SmpPull(Transport):
    """A link adds exchange()."""

    _sequence = 0

    def exchange(self, packet, command, name):
        """Sends a request, and gives the map of the first packet that self.answer() takes for its answer."""
        raise NotImplementedError

    def open(self, name, offset, tag):
        body = SmpBody(self, name, offset)
        try:
            body.begin()
        except SmpError as error:
            if error.means(*_NO_ENTRY):
                raise HttpError(404, name) from None
            if error.means(_BEYOND_END):
                raise RangeError(None) from None
            if error.means(_CHANGED) and offset:
                return self.open(name, 0, "")
            raise
        return body

    def ask(self, command, name, values):
        """The answer's map; parts of it lie in a buffer that the next request overwrites."""
        self._sequence = (self._sequence + 1) & 0xFF
        return self.exchange(smp.request(smp.FILES, command, self._sequence, values), command, name)

    def answer(self, packet, command, name):
        """The map of a packet that answers what was asked last, else None. SmpError when it refuses."""
        return smp.answer(packet, smp.FILES, command, self._sequence, name)


class SmpBody(Body):
    def __init__(self, link, name, offset):
        self._link = link
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
            length = self._link.ask(smp.STATUS, self._name, (("name", self._name),)).get("len")
        except SmpError as error:
            if not error.means(_NOT_SUPPORTED):
                raise
            length = self._link.ask(smp.DOWNLOAD, self._name, (("name", self._name), ("off", 0))).get("len")
        self._set_total(length)

    def _set_total(self, length):
        if not isinstance(length, int) or length < 0:
            raise ProtocolError("a file without a length: %s" % self._name)
        self.total = length

    def _ask(self):
        values = self._link.ask(smp.DOWNLOAD, self._name, (("name", self._name), ("off", self._next)))
        data = values.get("data")
        if values.get("off") != self._next or not isinstance(data, memoryview):
            raise ProtocolError("another block than was asked for: %s" % self._name)
        if self.total is None:
            self._set_total(values.get("len"))
        if len(data) > self.total - self._next or not len(data) and self._next < self.total:
            raise ProtocolError("a block that does not fit its file: %s" % self._name)
        self._block = data
        self._next += len(data)

    def _ask_on(self):
        try:
            self._ask()
        except SmpError as error:
            if error.means(_CHANGED):
                raise LinkError("%s became another file" % self._name) from None
            raise

    def readinto(self, view):
        if not len(self._block):
            if self._next == self.total:
                return 0
            self._ask_on()
        count = min(len(view), len(self._block))
        view[:count] = self._block[:count]
        self._block = self._block[count:]
        return count
