"""A broker that means harm: answers as MQTT 3.1.1 wants as long as it is asked to, and sends whatever a test likes."""
import select
import socket
import ssl
import struct
import threading

from mqtt_wire import packet, read_packet, string


class HostileBroker:
    """Serves one client after another. `granted` is what it answers a subscription, `refusal` the code of its first
    word."""

    def __init__(self, certificates, granted=1, refusal=0):
        self.granted, self.refusal = granted, refusal
        self.published = []  # (topic, payload)
        self.clients = 0
        self.subscribed = threading.Event()
        self._client = None
        self._lock = threading.Lock()  # OpenSSL takes one thread at a time
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificates.certificate, certificates.key)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        for end in (self._server, self._client):
            if end:
                end.close()

    def send(self, data):
        """False when the client has gone."""
        try:
            with self._lock:
                self._client.sendall(data)
            return True
        except (OSError, ValueError):
            return False

    def publish(self, topic, payload, qos=0, retain=False, number=1):
        data = payload if isinstance(payload, bytes) else payload.encode()
        head = string(topic) + (struct.pack(">H", number) if qos else b"")
        return self.send(packet(0x30 | qos << 1 | bool(retain), head + data))

    def _run(self):
        while True:
            try:
                plain, _ = self._server.accept()
            except OSError:
                return
            try:
                with self._tls.wrap_socket(plain, server_side=True) as client:
                    self._client = client
                    self.clients += 1
                    self.subscribed.clear()
                    self._serve()
            except (OSError, ValueError, IndexError):
                pass

    def _read(self, count):
        data = b""
        while len(data) < count:
            if not self._client.pending():
                select.select([self._client], [], [])
            with self._lock:
                self._client.settimeout(0)
                try:
                    part = self._client.recv(count - len(data))
                except ssl.SSLWantReadError:
                    continue
                finally:
                    self._client.settimeout(None)
            if not part:
                raise ConnectionError("the client is gone")
            data += part
        return data

    def _serve(self):
        while True:
            kind, body = read_packet(self._read)
            if kind >> 4 == 1:
                self.send(bytes([0x20, 2, 0, self.refusal]))
            elif kind >> 4 == 3:
                end = 2 + struct.unpack(">H", body[:2])[0]
                self.published.append((body[2:end].decode(), body[end + 2:]))
                self.send(b"\x40\x02" + body[end:end + 2])
            elif kind >> 4 == 8:
                self.send(b"\x90\x03" + body[:2] + bytes([self.granted]))
                self.subscribed.set()
            elif kind >> 4 == 12:
                self.send(b"\xd0\x00")
