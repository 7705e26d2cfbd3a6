"""The two ways that SMP packets go over a BLE connection: an L2CAP channel, and a characteristic. Both are streams: a
packet comes in pieces, with no framing but the length in its header, and whatever does not fit into that ends the
connection. Objects are aioble's, or of its shape."""
from collections import deque

from .errors import ProtocolError

_HEADER = 8
_SHORTEST_MTU = 23   # Bluetooth Core, Vol 3, Part G, 5.2.1
_LONGEST_MTU = 517   # more than the longest attribute takes brings nothing
_MTU = 512           # asked for
_CHANNEL_MTU = 512   # bytes of an SDU that come to us; the stack keeps buffers for three
_LAST_PSM = 0xFF
_SPARE = 8           # pieces kept beyond those of one answer
_MS = 2000


class Packets:
    """Puts packets of at most `longest` bytes together in one buffer."""

    def __init__(self, longest):
        self._longest = longest
        self._view = memoryview(bytearray(max(longest, _HEADER)))
        self.begin()

    def begin(self):
        """What there is of a packet is forgotten."""
        self._have = 0
        self._wanted = _HEADER

    def room(self):
        """The part of the buffer that the next bytes belong into; never empty."""
        return self._view[self._have:self._wanted]

    def took(self, count):
        """`count` bytes were put there. Gives the packet that they complete, as a memoryview that the next bytes
        change, else None."""
        self._have += count
        if self._have == self._wanted == _HEADER:
            self._wanted = _HEADER + (self._view[2] << 8 | self._view[3])
            if self._wanted > self._longest:
                raise ProtocolError("an SMP packet of %d bytes, more than the %d allowed" % (self._wanted, self._longest))
        if self._have < self._wanted:
            return None
        packet = self._view[:self._wanted]
        self.begin()
        return packet


async def open_channel(connection, psm, packets):
    """None where there is no channel to be had: the gateway offers none, or this platform cannot."""
    if not 0 < psm <= _LAST_PSM:
        return None
    try:
        channel = await connection.l2cap_connect(psm, _CHANNEL_MTU, timeout_ms=_MS)
    except Exception:  # ImportError, AttributeError: built without them; and whatever the stack says of a refusal
        if not connection.is_connected():
            raise
        return None
    return Channel(channel, packets)


class Channel:
    def __init__(self, channel, packets):
        self._channel = channel
        self._packets = packets

    async def send(self, packet, deadline):
        await self._channel.send(packet, timeout_ms=deadline.left())

    async def receive(self, deadline):
        packet = None
        while packet is None:
            deadline.check("an answer")
            packet = self._packets.took(await self._channel.recvinto(self._packets.room(), timeout_ms=deadline.left()))
        return packet


async def subscribe(connection, characteristic, packets, longest):
    mtu = await _mtu(connection)
    carrier = Characteristic(characteristic, mtu - 3, packets, longest)
    await characteristic.subscribe(notify=True)
    return carrier


async def _mtu(connection):
    try:
        mtu = await connection.exchange_mtu(_MTU, timeout_ms=_MS)
    except Exception:  # a stack that has exchanged it by itself refuses to do so again
        if not connection.is_connected():
            raise
        mtu = connection.mtu
    return min(max(mtu or _SHORTEST_MTU, _SHORTEST_MTU), _LONGEST_MTU)


class Characteristic:
    """`piece`: bytes that one write or notification carries."""

    def __init__(self, characteristic, piece, packets, longest):
        self._characteristic = characteristic
        self._piece = piece
        self._packets = packets
        self._arrived = Arrived(longest // piece + _SPARE)
        self._rest = b""  # of the notification that was taken last
        # aioble keeps one notification, and forgets it for the next.
        if hasattr(characteristic, "_notify_queue"):
            characteristic._notify_queue = self._arrived

    async def send(self, packet, deadline):
        for start in range(0, len(packet), self._piece):
            deadline.check("sending")
            await self._characteristic.write(packet[start:start + self._piece], response=False)

    async def receive(self, deadline):
        packet = None
        while packet is None:
            deadline.check("an answer")
            if not len(self._rest):
                self._rest = memoryview(await self._next(deadline))
            room = self._packets.room()
            count = min(len(room), len(self._rest))
            room[:count] = self._rest[:count]
            self._rest = self._rest[count:]
            packet = self._packets.took(count)
        return packet

    async def _next(self, deadline):
        if self._arrived.overrun:
            raise ProtocolError("more notifications than were asked for")
        data = self._arrived.popleft()
        if data is None:
            data = await self._characteristic.notified(timeout_ms=deadline.left())
        return data or b""


class Arrived:
    """Notifications in the order in which they came, at most `most`. It takes the place of aioble's queue, and says
    that it is empty: then aioble wakes for each notification whoever waits, and its wait ends at once when one has
    come since the last. append() is called while other code runs; nothing else changes what it changes."""

    def __init__(self, most):
        self._most = most
        self._queue = deque((), most)
        self.overrun = False

    def __len__(self):
        return 0

    def append(self, data):
        if len(self._queue) < self._most:
            self._queue.append(data)
        else:
            self.overrun = True

    def popleft(self):
        return self._queue.popleft() if self._queue else None
