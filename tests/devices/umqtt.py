"""An MQTT client as modules have it: MQTT 3.1.1, clean session, QoS 0, one callback; what the callback raises ends
wait_msg(). By TLS with a certificate of its own, or plain."""
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


def tls(ca, certificate, key):
    """What a module with these files makes of them."""
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    return context


class MQTTClient:
    def __init__(self, client_id, server, port, user=None, password=None, context=None):
        self.client_id, self.server, self.port = client_id, server, port
        self.user, self.password, self.context = user, password, context
        self.callback = None
        self.retained = 0  # messages that the broker had kept
        self._sock = None
        self._lock = threading.Lock()
        self._packets = 0

    def set_callback(self, callback):
        self.callback = callback

    def connect(self):
        sock = socket.create_connection((self.server, self.port), 30)
        if self.context:
            sock = self.context.wrap_socket(sock, server_hostname=self.server)
        flags, login = 0x02, b""
        if self.user:
            flags, login = 0xC2, _string(self.user) + _string(self.password)
        head = _string("MQTT") + bytes([4, flags]) + struct.pack(">H", 60)
        sock.sendall(packet(0x10, head + _string(self.client_id) + login))
        self._sock = sock
        kind, body = self._read()
        if kind != 0x20 or body[1] != 0:
            raise OSError(f"refused: {body[1]}")
        sock.settimeout(None)

    def disconnect(self):
        """As when its power is cut: without a word."""
        if self._sock:
            try:
                self._sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._sock.close()

    def subscribe(self, topic):
        self._packets += 1
        self._send(0x82, struct.pack(">H", self._packets) + _string(topic) + b"\x00")
        while (received := self._read())[0] != 0x90:
            self._take(*received)

    def publish(self, topic, payload, retain=False):
        data = payload if isinstance(payload, bytes) else payload.encode()
        self._send(0x30 | bool(retain), _string(topic) + data)

    def wait_msg(self):
        self._take(*self._read())

    def _send(self, kind, body):
        with self._lock:
            self._sock.sendall(packet(kind, body))

    def _bytes(self, count):
        data = b""
        while len(data) < count:
            part = self._sock.recv(count - len(data))
            if not part:
                raise OSError("the broker is gone")
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
        self.retained += kind & 1
        end = 2 + struct.unpack(">H", body[:2])[0]
        self.callback(body[2:end].decode(), body[end:])
