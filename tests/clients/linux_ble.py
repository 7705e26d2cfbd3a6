"""aioble's shape over the sockets of Linux's Bluetooth, for the Bluetooth LE transport of the device-side library:
what a central needs, with one link at a time. Its coroutines block, each for a bounded time. Runs as root, next to no
bluetoothd: the fixed channel of the Attribute Protocol and the management socket are then its own.

    BlePull(LinuxBle(KernelSockets(adapter=1, address="00:AA:01:01:00:01")))

Protocol: Bluetooth Core 5.3, volume 3, parts F and G; management: BlueZ's doc/mgmt-api.txt."""
import collections
import contextlib
import ctypes
import errno
import os
import select
import socket
import struct
import time

# Numbers of the kernel's headers, since not every Python was built with them.
AF_BLUETOOTH, BTPROTO_L2CAP, BTPROTO_HCI, SOL_BLUETOOTH, BT_SNDMTU, BT_RCVMTU = 31, 0, 1, 274, 12, 13
ATT_CHANNEL = 4
LE_PUBLIC, LE_RANDOM = 1, 2
START_DISCOVERY, STOP_DISCOVERY = 0x23, 0x24
COMMAND_COMPLETE, COMMAND_STATUS, DEVICE_FOUND = 0x01, 0x02, 0x12
UUIDS_128 = (6, 7)  # types of advertised data

(ERROR, MTU_REQUEST, MTU_ANSWER, INFORMATION_REQUEST, INFORMATION, TYPE_VALUE_REQUEST, TYPE_VALUE, TYPE_REQUEST, TYPE,
 READ_REQUEST, READ) = range(1, 12)
NOTIFICATION, WRITE_COMMAND = 0x1B, 0x52
NOT_SUPPORTED, NOT_FOUND = 0x06, 0x0A
PRIMARY, CHARACTERISTIC, CONFIGURATION = 0x2800, 0x2803, 0x2902


def sockaddr_l2(address, kind, psm=0, channel=0):
    """`address` as text, None for any."""
    raw = bytes.fromhex(address.replace(":", ""))[::-1] if address else bytes(6)
    return struct.pack("<HH6sHBx", AF_BLUETOOTH, psm, raw, channel, kind)


class UUID:
    def __init__(self, text):
        self.wire = bytes.fromhex(text.replace("-", ""))[::-1] if isinstance(text, str) else bytes(text)
        if len(self.wire) != 16:
            raise ValueError(f"a UUID of {len(self.wire)} bytes")

    def __eq__(self, other):
        return self.wire == other.wire


class KernelSockets:
    """`adapter`: its number; `address`: its own."""

    def __init__(self, adapter, address):
        self.adapter = adapter
        self.address = address
        self.libc = ctypes.CDLL(None, use_errno=True)

    def attributes(self, address, kind, seconds):
        """Connected to the peer's fixed channel of the Attribute Protocol."""
        return self.connected(sockaddr_l2(self.address, LE_PUBLIC, channel=ATT_CHANNEL),
                              sockaddr_l2(address, kind, channel=ATT_CHANNEL), None, seconds)

    def channel(self, address, kind, psm, mtu, seconds):
        """(a credit-based channel, bytes of the longest SDU that the peer takes)"""
        made = self.connected(sockaddr_l2(self.address, LE_PUBLIC), sockaddr_l2(address, kind, psm), mtu, seconds)
        return made, struct.unpack("<H", made.getsockopt(SOL_BLUETOOTH, BT_SNDMTU, 2))[0]

    def connected(self, ours, theirs, mtu, seconds):
        made = socket.socket(AF_BLUETOOTH, socket.SOCK_SEQPACKET, BTPROTO_L2CAP)
        try:
            self.call(self.libc.bind, made, ours)
            if mtu is not None:
                made.setsockopt(SOL_BLUETOOTH, BT_RCVMTU, struct.pack("<H", mtu))
            made.setblocking(False)
            self.call(self.libc.connect, made, theirs)
            waiting = select.poll()
            waiting.register(made, select.POLLOUT)
            came = waiting.poll(seconds * 1000)
            if not came:
                raise TimeoutError("connecting over L2CAP")
            failure = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure or came[0][1] & select.POLLHUP:
                raise OSError(failure, os.strerror(failure) if failure else "refused")
        except BaseException:
            made.close()
            raise
        return made

    def call(self, function, made, name):
        if function(made.fileno(), name, len(name)) != 0 and ctypes.get_errno() != errno.EINPROGRESS:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def advertisements(self, seconds):
        """Yields (address, kind, advertised data) as the adapter hears them."""
        end = time.monotonic() + seconds
        with socket.socket(AF_BLUETOOTH, socket.SOCK_RAW, BTPROTO_HCI) as management:
            self.call(self.libc.bind, management, struct.pack("<HHH", AF_BLUETOOTH, 0xFFFF, 3))  # the control channel
            types = bytes([1 << LE_PUBLIC | 1 << LE_RANDOM])
            management.send(struct.pack("<HHH", START_DISCOVERY, self.adapter, 1) + types)
            try:
                while (left := end - time.monotonic()) > 0:
                    management.settimeout(left)
                    with contextlib.suppress(TimeoutError):
                        event = management.recv(4096)
                        kind, adapter = struct.unpack_from("<HH", event)
                        if adapter == self.adapter and kind == DEVICE_FOUND:
                            yield found(event[6:])
                        elif adapter == self.adapter and kind in (COMMAND_COMPLETE, COMMAND_STATUS) and event[8]:
                            raise OSError(f"the scan was refused: management status {event[8]}")
            finally:
                management.send(struct.pack("<HHH", STOP_DISCOVERY, self.adapter, 1) + types)


def found(event):
    address, kind, _, _, size = struct.unpack_from("<6sBbIH", event)
    return ":".join(f"{byte:02x}" for byte in address[::-1]), kind, event[14:14 + size]


class LinuxBle:
    """Takes the place of the module aioble. `channels`: whether the platform has L2CAP channels."""

    UUID = UUID

    def __init__(self, sockets, channels=True):
        self.sockets = sockets
        self.channels = channels

    def scan(self, duration_ms, interval_us=None, window_us=None, active=False):
        return Scan(self, duration_ms / 1000)


class Scan:
    def __init__(self, module, seconds):
        self.module = module
        self.heard = module.sockets.advertisements(seconds)

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, trace):
        self.heard.close()

    def __aiter__(self):
        return self

    async def __anext__(self):
        for address, kind, data in self.heard:
            return Result(Device(self.module, address, kind), data)
        raise StopAsyncIteration


class Result:
    def __init__(self, device, data):
        self.device = device
        self.data = data

    def services(self):
        at = 0
        while at + 1 < len(self.data):
            size, kind = self.data[at], self.data[at + 1]
            if kind in UUIDS_128:
                for start in range(at + 2, at + 1 + size, 16):
                    yield UUID(self.data[start:min(start + 16, at + 1 + size)])
            at += 1 + size


class Device:
    def __init__(self, module, address, kind=LE_PUBLIC):
        self.module = module
        self.address = address.lower()
        self.kind = kind

    def __eq__(self, other):
        return (self.address, self.kind) == (other.address, other.kind)

    def addr_hex(self):
        return self.address

    async def connect(self, timeout_ms=10000):
        return Connection(self, self.module.sockets.attributes(self.address, self.kind, timeout_ms / 1000))


class Connection:
    """The Attribute Protocol's client, one request at a time."""

    def __init__(self, device, link):
        self.device = device
        self.link = link
        self.opened = [link]
        self.up = True
        self.mtu = None
        self.notified = collections.defaultdict(collections.deque)  # by handle

    def is_connected(self):
        return self.up

    def timeout(self, timeout_ms):
        return contextlib.nullcontext()  # what waits here has an end of its own

    async def disconnect(self, timeout_ms=2000):
        self.down()

    def down(self):
        self.up = False
        for made in self.opened:
            made.close()

    def send(self, packet):
        try:
            self.link.settimeout(10)
            self.link.send(packet)
        except OSError:
            self.down()
            raise

    def receive(self, timeout_ms):
        """The next packet that is no notification, and no request of the other end's; b"" after a notification."""
        try:
            self.link.settimeout(timeout_ms / 1000)
            packet = self.link.recv(1024)
        except TimeoutError:
            raise
        except OSError:
            self.down()
            raise
        if not packet:
            self.down()
            raise ConnectionError("the link was lost")
        if packet[0] == NOTIFICATION:
            self.notified[struct.unpack_from("<H", packet, 1)[0]].append(packet[3:])
            return b""
        if packet[0] == MTU_REQUEST:
            self.send(struct.pack("<BH", MTU_ANSWER, self.mtu or 23))
        elif packet[0] not in (ERROR, MTU_ANSWER, INFORMATION, TYPE_VALUE, TYPE, READ):
            if not packet[0] & 0x41:  # neither a command nor an answer
                self.send(struct.pack("<BBHB", ERROR, packet[0], 0, NOT_SUPPORTED))
        else:
            return packet
        return b""

    def ask(self, packet, answer, timeout_ms=2000):
        """What follows the answer's first byte; None when there is none of it."""
        end = time.monotonic() + timeout_ms / 1000
        self.send(packet)
        while (left := end - time.monotonic()) > 0:
            got = self.receive(left * 1000)
            if got[:2] == bytes([ERROR, packet[0]]):
                if got[4:5] == bytes([NOT_FOUND]):
                    return None
                raise OSError(f"attribute error {got[4]:#x} of request {packet[0]:#x}")
            if got[:1] == bytes([answer]):
                return got[1:]
        raise TimeoutError(f"request {packet[0]:#x}")

    async def exchange_mtu(self, mtu=None, timeout_ms=1000):
        told, = struct.unpack("<H", self.ask(struct.pack("<BH", MTU_REQUEST, mtu), MTU_ANSWER, timeout_ms))
        self.mtu = max(23, min(mtu, told))
        return self.mtu

    async def service(self, uuid, timeout_ms=2000):
        answer = self.ask(struct.pack("<BHHH", TYPE_VALUE_REQUEST, 1, 0xFFFF, PRIMARY) + uuid.wire, TYPE_VALUE, timeout_ms)
        return Service(self, *struct.unpack_from("<HH", answer)) if answer else None

    async def l2cap_connect(self, psm, mtu, timeout_ms=1000):
        if not self.device.module.channels:
            raise AttributeError("l2cap_connect")
        made, peer_mtu = self.device.module.sockets.channel(self.device.address, self.device.kind, psm, mtu,
                                                            timeout_ms / 1000)
        self.opened.append(made)
        return Channel(self, made, mtu, peer_mtu)


class Service:
    def __init__(self, connection, first, last):
        self.connection = connection
        self.first = first
        self.last = last

    async def characteristic(self, uuid, timeout_ms=2000):
        start = self.first
        while start <= self.last:
            answer = self.connection.ask(struct.pack("<BHHH", TYPE_REQUEST, start, self.last, CHARACTERISTIC), TYPE,
                                         timeout_ms)
            if not answer:
                return None
            for at in range(1, len(answer) - answer[0] + 1, answer[0]):
                start, _, handle = struct.unpack_from("<HBH", answer, at)
                if answer[at + 5:at + answer[0]] == uuid.wire:
                    return Characteristic(self, handle)
            start += 1
        return None


class Characteristic:
    def __init__(self, service, handle):
        self.service = service
        self.connection = service.connection
        self.handle = handle

    async def read(self, timeout_ms=1000):
        value = self.connection.ask(struct.pack("<BH", READ_REQUEST, self.handle), READ, timeout_ms)
        if value is None:
            raise OSError("the attribute is gone")
        return value

    async def write(self, data, response=False, timeout_ms=1000):
        self.connection.send(struct.pack("<BH", WRITE_COMMAND, self.handle) + data)

    async def subscribe(self, notify=True, indicate=False):
        """Without response, as aioble does."""
        start = self.handle + 1
        while start <= self.service.last:
            answer = self.connection.ask(struct.pack("<BHH", INFORMATION_REQUEST, start, self.service.last), INFORMATION)
            if not answer:
                break
            size = 4 if answer[0] == 1 else 18
            for at in range(1, len(answer) - size + 1, size):
                start, kind = struct.unpack_from("<HH", answer, at)
                if size == 4 and kind == CONFIGURATION:
                    self.connection.send(struct.pack("<BHH", WRITE_COMMAND, start, int(notify)))
                    return
            start += 1
        raise ValueError("nothing to subscribe to")

    async def notified(self, timeout_ms=None):
        """Loses none, unlike aioble's."""
        end = time.monotonic() + timeout_ms / 1000
        waiting = self.connection.notified[self.handle]
        while not waiting:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("a notification")
            self.connection.receive(left * 1000)
        return waiting.popleft()


class Channel:
    def __init__(self, connection, link, our_mtu, peer_mtu):
        self.connection = connection
        self.link = link
        self.our_mtu = our_mtu
        self.peer_mtu = peer_mtu
        self.sdu = b""

    async def send(self, buf, timeout_ms=None, chunk_size=None):
        self.link.settimeout(timeout_ms / 1000)
        for at in range(0, len(buf), self.peer_mtu):
            self.link.send(buf[at:at + self.peer_mtu])

    async def recvinto(self, buf, timeout_ms=None):
        if not self.sdu:
            self.link.settimeout(timeout_ms / 1000)
            self.sdu = self.link.recv(self.our_mtu)
            if not self.sdu:
                self.connection.down()
                raise ConnectionError("the channel was closed")
        count = min(len(buf), len(self.sdu))
        buf[:count] = self.sdu[:count]
        self.sdu = self.sdu[count:]
        return count
