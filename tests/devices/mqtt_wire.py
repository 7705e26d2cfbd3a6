"""MQTT 3.1.1 as far as tests play it: packets, and a client's connection with a clean session and QoS 0.

QoS 0 is what tests want of a subscription, too: then the broker writes a message to this connection before it
acknowledges it to the publisher, and keeps no queue. With QoS 1 it holds back all but 20, which die with a broker that
is killed, though the publisher was told that they arrived."""
import collections
import socket
import struct
import threading

Message = collections.namedtuple("Message", "topic payload retained")


def string(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, body):
    length, head = len(body), bytes([kind])
    while True:
        length, digit = divmod(length, 128)
        head += bytes([digit | (128 if length else 0)])
        if not length:
            return head + body


def read_packet(take):
    """(first byte, body) of the next one; `take` gives as many bytes as it is asked for."""
    kind, length, shift = take(1)[0], 0, 0
    while True:
        digit = take(1)[0]
        length |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            return kind, take(length)


class Connection:
    """Accepted by the broker when the constructor returns; OSError is its end. One thread reads, any may publish."""

    def __init__(self, address, client_id, user=None, password=None, context=None, keepalive=0):
        self._lock = threading.Lock()
        self._subscriptions = 0
        self._socket = socket.create_connection(address, 30)
        if context:
            self._socket = context.wrap_socket(self._socket, server_hostname=address[0])
        flags, login = (0xC2, string(user) + string(password)) if user else (0x02, b"")
        head = string("MQTT") + bytes([4, flags]) + struct.pack(">H", keepalive)
        self._send(0x10, head + string(client_id) + login)
        kind, body = read_packet(self._take)
        if kind != 0x20 or body[1] != 0:
            raise ConnectionError(f"the broker refused {client_id}: {body[1]}")
        self._socket.settimeout(None)

    def subscribe(self, topic, heard):
        """`heard` is called with each message that comes before the broker's answer."""
        self._subscriptions += 1
        self._send(0x82, struct.pack(">H", self._subscriptions) + string(topic) + b"\x00")
        while (received := read_packet(self._take))[0] != 0x90:
            if message := self._message(*received):
                heard(message)

    def publish(self, topic, payload, retain=False):
        data = payload if isinstance(payload, bytes) else payload.encode()
        self._send(0x30 | bool(retain), string(topic) + data)

    def read(self):
        """The next message."""
        while True:
            if message := self._message(*read_packet(self._take)):
                return message

    def cut(self):
        """As when the power is cut: without a word. Ends a read() under way."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.cut()
        self._socket.close()

    def _send(self, kind, body):
        with self._lock:
            self._socket.sendall(packet(kind, body))

    def _take(self, count):
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the broker is gone")
            data += part
        return data

    @staticmethod
    def _message(kind, body):
        if kind & 0xF0 != 0x30:
            return None
        end = 2 + struct.unpack(">H", body[:2])[0]
        return Message(body[2:end].decode(), body[end:], bool(kind & 1))
