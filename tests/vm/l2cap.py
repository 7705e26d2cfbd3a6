"""L2CAP sockets of Bluetooth LE, whose addresses Python's own cannot name, on the Attribute Protocol's fixed channel or
a credit-based one;
and what switches an adapter on and makes it advertise (BlueZ's doc/mgmt-api.txt)."""
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct

ATT_CHANNEL = 4
LE_PUBLIC = 1
HCIGETCONNLIST = 0x800448D4
MOST_LINKS = 4
DISCONNECT, BY_USER = 0x0406, 0x13
ADVERTISE = 0x200A
IN_PROGRESS = (errno.EINPROGRESS, errno.EAGAIN)
libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def address_bytes(text):
    return bytes.fromhex(text.replace(":", ""))[::-1]


def channel_address(address, channel, psm=0):
    """struct sockaddr_l2."""
    return struct.pack("<HH6sHBx", socket.AF_BLUETOOTH, psm, address_bytes(address), channel, LE_PUBLIC)


def listen(address):
    """Only links that come up afterwards reach it."""
    server = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)
    name = channel_address(address, ATT_CHANNEL)
    call(libc.bind, server.fileno(), name, len(name))
    server.listen(1)
    return server


def accept(server):
    return socket.socket(fileno=socket.socket._accept(server)[0])


def connect(adapter, address, psm=0, limit=20):
    """To the Attribute Protocol's channel, or to a credit-based one of that PSM. Addresses, and seconds."""
    link = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)
    try:
        channel = 0 if psm else ATT_CHANNEL
        name = channel_address(adapter, channel)
        call(libc.bind, link.fileno(), name, len(name))
        link.settimeout(limit)  # and it does not block any more
        name = channel_address(address, channel, psm)
        if libc.connect(link.fileno(), name, len(name)) != 0 and ctypes.get_errno() not in IN_PROGRESS:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        if not select.select([], [link], [], limit)[1]:
            raise TimeoutError(f"{address} does not take the connection")
        if error := link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))
        return link
    except OSError:
        link.close()
        raise


def most_sent(link):
    """Bytes of a packet that the other end of a credit-based channel takes."""
    return struct.unpack("<H", link.getsockopt(274, 12, 2))[0]  # SOL_BLUETOOTH, BT_SNDMTU


class Refused(OSError):
    """The kernel took a management command for one that it cannot carry out now."""


def raw_socket():
    return socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, socket.BTPROTO_HCI)


class Management:
    """The adapter of one number. Events are left to lie: nobody asks for them."""

    def __init__(self, adapter):
        self.adapter = adapter
        self.socket, self.controller = raw_socket(), raw_socket()
        self.socket.settimeout(10)
        name = struct.pack("<HHH", socket.AF_BLUETOOTH, 0xFFFF, 3)  # the control channel
        try:
            call(libc.bind, self.socket.fileno(), name, len(name))
            self.controller.bind((adapter,))
        except OSError:
            self.close()
            raise

    def ask(self, command, body=b""):
        self.socket.send(struct.pack("<HHH", command, self.adapter, len(body)) + body)
        while True:
            answer = self.socket.recv(4096)
            kind, adapter, _ = struct.unpack_from("<HHH", answer)
            if kind in (1, 2) and adapter == self.adapter and struct.unpack_from("<H", answer, 6)[0] == command:
                if answer[8]:
                    raise Refused(f"management command {command:#x}: status {answer[8]}")
                return answer[9:]

    def tear(self):
        """Ends all links of the adapter at once, as if it had left. By the controller's own command: whatever asks the
        kernel for it waits, or trips over what it still holds of the link."""
        for handle in self.links():
            self.controller.send(struct.pack("<BHBHB", 1, DISCONNECT, 3, handle, BY_USER))

    def links(self):
        """The handles of those that are up."""
        known = bytearray(struct.pack("<HH", self.adapter, MOST_LINKS) + bytes(16 * MOST_LINKS))
        fcntl.ioctl(self.controller, HCIGETCONNLIST, known)
        count = struct.unpack_from("<H", known, 2)[0]
        return [struct.unpack_from("<H", known, 4 + 16 * at)[0] for at in range(count)]

    def advertise_again(self):
        """What is advertised is heard once more: btvirt lets a scan hear it when one of both begins, and real devices
        advertise several times a second."""
        if not self.links():
            for on in (0, 1):
                self.controller.send(struct.pack("<BHBB", 1, ADVERTISE, 1, on))

    def close(self):
        self.socket.close()
        self.controller.close()

    def power(self):
        self.ask(0x000D, b"\1")  # low energy
        self.ask(0x0005, b"\1")  # powered

    def address(self):
        return ":".join(f"{byte:02X}" for byte in self.ask(0x0004)[:6][::-1])

    def stop_advertising(self):
        self.ask(0x003F, b"\1")

    def advertise(self, data, scan_answer=b""):
        """Connectable, until further notice. The kernel puts the flags in front of `data` itself."""
        self.ask(0x0007, b"\1")  # connectable
        head = struct.pack("<BIHHBB", 1, 1 | 2, 0, 0, len(data), len(scan_answer))
        self.ask(0x003E, head + data + scan_answer)
