"""A subscriber for tests: MQTT 3.1.1 over TLS, every message with its retain flag, in order of arrival.

It subscribes with QoS 0: then the broker writes a message to this connection before it acknowledges it to the
publisher, and keeps no queue. With QoS 1 it holds back all but 20, which die with a broker that is killed, though the
publisher was told that they arrived."""

import socket
import ssl
import struct
import threading


def _string(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, body):
    length, head = len(body), bytes([kind])
    while True:
        length, digit = divmod(length, 128)
        head += bytes([digit | (128 if length else 0)])
        if not length:
            return head + body


class Listener:
    """Connected and subscribed when the constructor returns."""

    def __init__(self, port, ca, user, password, topics):
        self.messages = []  # (topic, payload, retained)
        context = ssl.create_default_context(cafile=ca)
        plain = socket.create_connection(("127.0.0.1", port), 10)
        self._socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        connect = _string("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", 0) + _string(f"listener-{id(self)}")
        self._socket.sendall(packet(0x10, connect + _string(user) + _string(password)))
        if self._read()[1][1] != 0:
            raise ConnectionError("the broker refused the listener")
        for number, topic in enumerate(topics, 1):
            self._socket.sendall(packet(0x82, struct.pack(">H", number) + _string(topic) + b"\x00"))
        waiting = len(topics)
        while waiting:
            kind, body = self._read()
            waiting -= kind == 0x90
            self._take(kind, body)
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def of(self, topic):
        return [payload for at, payload, _ in list(self.messages) if at == topic]

    def publish(self, topic, payload, retain=False):
        """With QoS 0."""
        data = payload if isinstance(payload, bytes) else payload.encode()
        self._socket.sendall(packet(0x30 | bool(retain), _string(topic) + data))

    def read_to_the_end(self):
        """For a broker that is gone: what it had sent is still on its way through this machine."""
        self._thread.join()

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join()
        self._socket.close()

    def _bytes(self, count):
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the broker is gone")
            data += part
        return data

    def _read(self):
        kind, length, shift = self._bytes(1)[0], 0, 0
        while True:
            digit = self._bytes(1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return kind, self._bytes(length)

    def _take(self, kind, body):
        if kind & 0xF0 != 0x30:
            return
        end = 2 + struct.unpack(">H", body[:2])[0]
        self.messages.append((body[2:end].decode(), body[end:].decode(errors="replace"), bool(kind & 1)))

    def _run(self):
        try:
            while True:
                self._take(*self._read())
        except (OSError, ValueError):
            pass
