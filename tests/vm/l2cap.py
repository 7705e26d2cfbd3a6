"""L2CAP sockets of Bluetooth LE on the Attribute Protocol's fixed channel, which Python's own addresses cannot name;
and what switches an adapter on and makes it advertise (BlueZ's doc/mgmt-api.txt)."""
import ctypes
import os
import socket
import struct

ATT_CHANNEL = 4
LE_PUBLIC = 1
libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def address_bytes(text):
    return bytes.fromhex(text.replace(":", ""))[::-1]


def channel_address(address, channel):
    """struct sockaddr_l2."""
    return struct.pack("<HH6sHBx", socket.AF_BLUETOOTH, 0, address_bytes(address), channel, LE_PUBLIC)


def listen(address):
    """Only links that come up afterwards reach it."""
    server = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)
    name = channel_address(address, ATT_CHANNEL)
    call(libc.bind, server.fileno(), name, len(name))
    server.listen(1)
    return server


def accept(server):
    return socket.socket(fileno=socket.socket._accept(server)[0])


class Management:
    """The adapter of one number."""

    def __init__(self, adapter):
        self.adapter = adapter
        self.socket = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, socket.BTPROTO_HCI)
        self.socket.settimeout(10)
        name = struct.pack("<HHH", socket.AF_BLUETOOTH, 0xFFFF, 3)  # the control channel
        call(libc.bind, self.socket.fileno(), name, len(name))

    def ask(self, command, body=b""):
        self.socket.send(struct.pack("<HHH", command, self.adapter, len(body)) + body)
        while True:
            answer = self.socket.recv(4096)
            kind, adapter, _ = struct.unpack_from("<HHH", answer)
            if kind in (1, 2) and adapter == self.adapter and struct.unpack_from("<H", answer, 6)[0] == command:
                if answer[8]:
                    raise OSError(f"management command {command:#x}: status {answer[8]}")
                return answer[9:]

    def close(self):
        self.socket.close()

    def power(self):
        self.ask(0x000D, b"\1")  # low energy
        self.ask(0x0005, b"\1")  # powered

    def advertise(self, data, scan_answer=b""):
        """Connectable, until further notice. The kernel puts the flags in front of `data` itself."""
        self.ask(0x0007, b"\1")  # connectable
        head = struct.pack("<BIHHBB", 1, 1 | 2, 0, 0, len(data), len(scan_answer))
        self.ask(0x003E, head + data + scan_answer)
