"""A web server over TLS that serves a site and, where told, misbehaves as servers, proxies and links do.

    with CloudServer(site, certificates) as cloud:
        cloud.misbehave("/artifacts/", Fault(cut_after=100000, times=1))
"""
import dataclasses
import gzip
import hashlib
import http.server
import pathlib
import re
import socket
import ssl
import struct
import threading


@dataclasses.dataclass
class Fault:
    """What goes wrong with answers below one path. Everything left at None is done right."""
    cut_after: int = None        # bytes of the body, then the connection is reset
    end_after: int = None        # bytes of the body, then it is closed politely
    stall_after: int = None      # bytes of the body, then silence
    trickle: float = None        # seconds before each single byte of the body
    endless: bool = False        # the body goes on for as long as somebody reads it
    ignore_range: bool = False
    content_range: str = None    # instead of the right one
    status: int = None
    body: bytes = None           # instead of the file
    then_body: bytes = None      # what the file becomes after this answer, with its own ETag
    announce: int = None         # Content-Length, whatever is sent
    no_length: bool = False      # no Content-Length: the end is the close
    redirect: str = None
    encoding: str = None         # "gzip": compressed though nobody asked
    etag: str = ""               # instead of the right one; None = no ETag at all
    times: int = None            # so many answers, then all is well; None = for ever


@dataclasses.dataclass
class Asked:
    """One request as it came."""
    path: str
    headers: dict
    status: int = 0
    sent: int = 0
    client: str = ""             # subject of the client's certificate


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        cloud = self.server.cloud
        asked = Asked(self.path, {key.lower(): value for key, value in self.headers.items()})
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        if certificate:
            asked.client = str(certificate["subject"])
        fault = cloud.take_fault(self.path)
        with cloud.lock:
            cloud.asked.append(asked)
        try:
            self.answer(asked, fault, cloud)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self.close_connection = True
        if fault.then_body is not None:
            cloud.replace(self.path, fault.then_body)

    def answer(self, asked, fault, cloud):
        body = fault.body if fault.body is not None else cloud.content(self.path)
        if fault.redirect or fault.status or body is None:
            status = 302 if fault.redirect else fault.status or 404
            self.head(asked, status, {"Content-Length": "0", "Location": fault.redirect})
            return
        etag = '"' + hashlib.md5(body).hexdigest() + '"' if fault.etag == "" else fault.etag
        headers = {"ETag": etag, "Content-Type": "application/octet-stream"}
        if etag is not None and asked.headers.get("if-none-match") == etag:
            self.head(asked, 304, {"ETag": etag})
            return
        status, start, end = 200, 0, len(body)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        same = asked.headers.get("if-range") in (None, etag)
        if wanted and same and not fault.ignore_range:
            start = int(wanted[1])
            if start >= len(body):
                self.head(asked, 416, {"Content-Range": f"bytes */{len(body)}", "Content-Length": "0"})
                return
            status = 206
            end = min(int(wanted[2]) + 1, len(body)) if wanted[2] else len(body)
            headers["Content-Range"] = fault.content_range or f"bytes {start}-{end - 1}/{len(body)}"
        part = body[start:end]
        if fault.encoding:
            part = gzip.compress(part)
            headers["Content-Encoding"] = fault.encoding
        if fault.no_length:
            self.close_connection = True
        else:
            headers["Content-Length"] = str(len(part) if fault.announce is None else fault.announce)
        self.head(asked, status, headers)
        self.body(asked, fault, part, cloud)

    def head(self, asked, status, headers):
        asked.status = status
        self.send_response(status)
        for key, value in headers.items():
            if value is not None:
                self.send_header(key, value)
        self.end_headers()

    def body(self, asked, fault, part, cloud):
        if fault.trickle is not None:
            for at in range(len(part)):
                if cloud.closing.wait(fault.trickle):
                    return
                self.wfile.write(part[at:at + 1])
                asked.sent = at + 1
        while fault.endless and not cloud.closing.is_set():
            self.wfile.write(bytes(65536))
            asked.sent += 65536
        limits = [n for n in (fault.cut_after, fault.end_after, fault.stall_after) if n is not None]
        end = min(limits) if limits else len(part)
        for at in range(0, min(end, len(part)), 65536):
            self.wfile.write(part[at:min(at + 65536, end)])
            asked.sent = min(at + 65536, end, len(part))
            if cloud.pace:
                cloud.closing.wait(cloud.pace)
        if not limits:
            return
        self.wfile.flush()
        self.close_connection = True
        if fault.stall_after is not None:
            cloud.closing.wait()
        if fault.cut_after is not None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class CloudServer(http.server.ThreadingHTTPServer):
    """Serves the files below `site` on 127.0.0.1; every answer may be spoiled by misbehave()."""
    daemon_threads = True
    block_on_close = False

    def __init__(self, site, certificates, client_ca=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.site = pathlib.Path(site)
        self.lock = threading.Lock()
        self.asked = []
        self.pace = 0.0  # seconds between pieces of 64 KiB
        self.closing = threading.Event()
        self.cloud = self
        self._faults = []
        self._replaced = {}
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificates.certificate, certificates.key)
        if client_ca:
            self._tls.load_verify_locations(client_ca)
            self._tls.verify_mode = ssl.CERT_REQUIRED
        self.url = f"https://127.0.0.1:{self.server_address[1]}/"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def get_request(self):
        connection, address = super().get_request()
        # The handshake is done by the connection's own thread, so that a client that is slow holds up nobody.
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        pass  # a client that went away is what these tests are about

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def misbehave(self, path, fault):
        """From now on, for whatever begins with `path`; the newest word counts."""
        with self.lock:
            self._faults.insert(0, (path, fault))

    def behave(self):
        with self.lock:
            self._faults.clear()

    def take_fault(self, path):
        with self.lock:
            for prefix, fault in self._faults:
                if not path.startswith(prefix) or fault.times == 0:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault()

    def replace(self, path, body):
        with self.lock:
            self._replaced[path] = body

    def content(self, path):
        with self.lock:
            if path in self._replaced:
                return self._replaced[path]
        file = (self.site / path.lstrip("/")).resolve()
        return file.read_bytes() if file.is_relative_to(self.site.resolve()) and file.is_file() else None

    def requests(self, path=""):
        """Those that came so far for whatever begins with `path`."""
        with self.lock:
            return [asked for asked in self.asked if asked.path.startswith("/" + path.lstrip("/"))]


class ConnectProxy:
    """A proxy that knows CONNECT and nothing else, and remembers where it was asked to."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.targets = []

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(client,), daemon=True).start()

    def _tunnel(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(4096)
            if not piece:
                return
            head += piece
        target = head.split()[1].decode()
        self.targets.append(target)
        host, port = target.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()
        client.close()
        server.close()

    @staticmethod
    def _pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
