"""A radio without air: the part of aioble that a central uses, and gateways in reach. It behaves as aioble does where
that is awkward: of notifications nobody waits for it keeps the last, discovery on a lost link never ends by itself, a
wait without a timeout is for ever, and links that are lost are told of by the next call."""
import asyncio
from collections import deque

from emulated_smp import SmpServer
from ferry_ota import ble


class Misuse(BaseException):
    """What would hang, or be refused by a real stack; nothing catches it."""


class DeviceDisconnectedError(Exception):
    pass


class L2CAPDisconnectedError(Exception):
    pass


class L2CAPConnectionError(Exception):
    pass


class Turn:
    """Others run for once."""

    def __await__(self):
        yield

    __iter__ = __await__


class Loop:
    """Runs one coroutine, in which nobody waits for time."""

    turns = 0

    def run_until_complete(self, coroutine):
        try:
            while True:
                coroutine.send(None)
                self.turns += 1
        except StopIteration as stop:
            return stop.value

    def close(self):
        pass


class UUID:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return self.text == other.text


class Gateway:
    """The far end. `psm`: what the characteristic reads as: a number, bytes, or None where it is missing. `answers`:
    turns an answer into the pieces of bytes that are sent for it, None leaves that to the link; may go on for ever.
    `cut_every`: bytes to the device after which the link is lost, again and again; `cuts`: how often at most.
    `mtu`: what it takes, and tells; an exception is raised."""

    def __init__(self, names, psm=None, block=300, mtu=185, sdu=512, address="0a:00:00:00:00:01"):
        self.server = SmpServer(names, block)
        self.psm = psm
        self.mtu = mtu
        self.sdu = sdu
        self.address = address
        self.answers = None
        self.cut_every = None
        self.cuts = 1 << 30
        self.left = None
        self.services = (ble.SERVICE,)         # advertised
        self.has = (ble.PACKETS, ble.PSM)      # in the service
        self.has_service = True
        self.accepts_channel = True
        self.silent_discovery = False
        self.heals = (0, {})                   # at which connection it is changed, and how
        self.connects = 0
        self.carriers = []                     # of each connection that asked something: "channel", "characteristic"
        self.lost = 0

    def change(self, fields):
        for name in fields:
            setattr(self, name, fields[name])

    def connected(self):
        self.connects += 1
        if self.connects == self.heals[0]:
            self.change(self.heals[1])

    def cut(self, every, cuts=1 << 30):
        self.cut_every = self.left = every
        self.cuts = cuts

    def arrives(self, piece):
        """False when the link is lost before the end of `piece`."""
        if self.left is None or not self.cuts:
            return True
        self.left -= len(piece)
        if self.left >= 0:
            return True
        self.left = self.cut_every
        self.cuts -= 1
        self.lost += 1
        return False


class Aioble:
    """The module. `gateways`: in reach, in the order in which they are heard. `missing`: the exception where the
    platform has no channels."""

    UUID = UUID

    def __init__(self, *gateways, missing=None):
        self.gateways = list(gateways)
        self.missing = missing
        self.scans = 0

    def scan(self, duration_ms, interval_us=None, window_us=None, active=False):
        if duration_ms <= 0:
            raise Misuse("a scan for ever")
        self.scans += 1
        return Scan(self)


class Scan:
    def __init__(self, module):
        self._results = [Result(Device(module, gateway)) for gateway in module.gateways]

    async def __aenter__(self):
        await Turn()
        return self

    async def __aexit__(self, kind, error, trace):
        await Turn()

    def __aiter__(self):
        return self

    async def __anext__(self):
        await Turn()
        if not self._results:
            raise StopAsyncIteration
        return self._results.pop(0)


class Result:
    def __init__(self, device):
        self.device = device

    def services(self):
        services = self.device.gateway.services
        if services is None:
            raise ValueError("UUID of 3 bytes")
        for text in services:
            yield UUID(text)


class Device:
    def __init__(self, module, gateway):
        self.module = module
        self.gateway = gateway

    def __eq__(self, other):
        return self.gateway is other.gateway

    def addr_hex(self):
        return self.gateway.address

    async def connect(self, timeout_ms=10000):
        await Turn()
        self.gateway.connected()
        return Connection(self.module, self.gateway)


class Guard:
    def __init__(self, connection):
        self._connection = connection

    def __enter__(self):
        self._connection.guards += 1

    def __exit__(self, kind, error, trace):
        self._connection.guards -= 1


class Connection:
    """`pieces`: what the far end sends, an iterator for each answer."""

    def __init__(self, module, gateway):
        self.module = module
        self.gateway = gateway
        self.mtu = None
        self.guards = 0
        self.connected = True
        self.pieces = []
        self.held = b""
        self.carrier = None

    def is_connected(self):
        return self.connected

    def timeout(self, timeout_ms):
        return Guard(self)

    def check(self):
        if not self.connected:
            raise DeviceDisconnectedError

    async def disconnect(self, timeout_ms=2000):
        await Turn()
        self.connected = False

    async def discovered(self, there):
        await Turn()
        if self.gateway.silent_discovery or not self.connected:
            if not self.guards:
                raise Misuse("discovery that never ends")
            raise asyncio.TimeoutError
        return there

    async def service(self, uuid, timeout_ms=2000):
        return await self.discovered(Service(self) if self.gateway.has_service and uuid.text == ble.SERVICE else None)

    async def exchange_mtu(self, mtu=None, timeout_ms=1000):
        self.check()
        await Turn()
        told = self.gateway.mtu
        if isinstance(told, Exception):
            raise told
        self.mtu = min(mtu, told)
        return self.mtu

    async def l2cap_connect(self, psm, mtu, timeout_ms=1000):
        self.check()
        await Turn()
        if self.module.missing is not None:
            raise self.module.missing
        if not self.gateway.accepts_channel:
            raise L2CAPConnectionError(4)
        return Channel(self, mtu)

    def asked(self, data, carrier, piece):
        """The far end takes bytes, and answers whole packets in pieces of that size."""
        gateway = self.gateway
        if self.carrier is None:
            gateway.carriers.append(carrier)
        self.carrier = carrier
        self.held += bytes(data)
        while len(self.held) >= 8:
            size = 8 + (self.held[2] << 8 | self.held[3])
            if len(self.held) < size:
                return
            answer = gateway.server.answer(self.held[:size])
            self.held = self.held[size:]
            pieces = gateway.answers and gateway.answers(answer)
            self.pieces.append(iter(pieces or [answer[at:at + piece] for at in range(0, len(answer), piece)]))

    def arriving(self):
        """The next piece from the far end; None when there is none."""
        while self.pieces:
            for piece in self.pieces[0]:
                if self.gateway.arrives(piece):
                    return piece
                self.connected = False
                self.pieces = []
                return None
            self.pieces.pop(0)
        return None


class Service:
    def __init__(self, connection):
        self._connection = connection

    async def characteristic(self, uuid, timeout_ms=2000):
        has = uuid.text in self._connection.gateway.has
        return await self._connection.discovered(Characteristic(self._connection, uuid) if has else None)


class Characteristic:
    def __init__(self, connection, uuid):
        self._connection = connection
        self._uuid = uuid
        self._subscribed = False
        self._set = False  # aioble's flag: cleared by whoever has waited
        self._notify_queue = deque((), 1)

    async def read(self, timeout_ms=1000):
        self._connection.check()
        await Turn()
        value = self._connection.gateway.psm or 0
        return value if isinstance(value, bytes) else bytes((value & 0xFF, value >> 8))

    async def subscribe(self, notify=True, indicate=False):
        self._connection.check()
        await Turn()
        self._subscribed = notify

    async def write(self, data, response=False, timeout_ms=1000):
        self._connection.check()
        room = max(self._connection.mtu or 0, 23) - 3
        if len(data) > room or response or not self._subscribed:
            raise Misuse("a write of %d bytes into %d" % (len(data), room))
        self._connection.asked(data, "characteristic", room)

    def _arrive(self):
        """A few notifications come in one turn."""
        for _ in range(5):
            piece = self._connection.arriving()
            if piece is None:
                return
            wake = len(self._notify_queue) == 0
            self._notify_queue.append(piece)
            self._set = self._set or wake

    async def notified(self, timeout_ms=None):
        if not timeout_ms:
            raise Misuse("a wait for ever")
        if len(self._notify_queue) <= 1:
            if not self._set:
                self._connection.check()
                await Turn()
                self._arrive()
            if not self._set:
                self._connection.check()
                raise asyncio.TimeoutError
            self._set = False
        return self._notify_queue.popleft()


class Channel:
    def __init__(self, connection, mtu):
        self._connection = connection
        self.our_mtu = mtu
        self.peer_mtu = connection.gateway.sdu
        self._sdu = b""

    def check(self):
        if not self._connection.connected:
            raise L2CAPDisconnectedError

    async def send(self, buf, timeout_ms=None, chunk_size=None):
        if not timeout_ms:
            raise Misuse("a wait for ever")
        for at in range(0, len(buf), self.peer_mtu):
            self.check()
            await Turn()
            self._connection.asked(buf[at:at + self.peer_mtu], "channel", self.our_mtu)

    async def recvinto(self, buf, timeout_ms=None):
        if not timeout_ms or not len(buf):
            raise Misuse("a wait for ever")
        self.check()
        if not self._sdu:
            await Turn()
            self._sdu = self._connection.arriving()
            if self._sdu is None:
                self._sdu = b""
                raise asyncio.TimeoutError
        count = min(len(buf), len(self._sdu))
        buf[:count] = self._sdu[:count]
        self._sdu = self._sdu[count:]
        return count
