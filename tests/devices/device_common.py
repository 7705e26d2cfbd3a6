"""What the emulated devices share: a link that can be cut at a byte, and the command line.

Every device is a class with update(): one attempt, as the real client makes it. It gives "updated" or
"current" (there is nothing newer), and raises what the real client would raise.
"""
import argparse
import hashlib
import pathlib
import socket
import struct
import sys
import time


class LinkCut(OSError):
    """The link went away at the byte it was told to."""


class DeviceError(Exception):
    """The client gave up: what it got is not what was announced."""


class Link:
    """Connections to the gateway from one address. `cut_after`: the link goes away for good (reset) once
    that many bytes have been received in all; cut_after = None mends it."""

    def __init__(self, gateway, source=None, cut_after=None, timeout=10):
        host, _, port = gateway.rpartition(":")
        self.host, self.port = host, int(port)
        self.source = source
        self.cut_after = cut_after
        self.timeout = timeout
        self.received = 0
        self.connections = 0

    def connect(self, port=None):
        if self.cut_after is not None and self.received >= self.cut_after:
            raise LinkCut("the link is cut")
        sock = socket.create_connection((self.host, port or self.port), self.timeout,
                                        (self.source, 0) if self.source else None)
        self.connections += 1
        return Connection(self, sock)


class Connection:
    """A socket that knows of the link's cut. Ends with the `with` block."""

    def __init__(self, link, sock):
        self.link = link
        self.sock = sock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def recv(self, size):
        link = self.link
        if link.cut_after is not None:
            size = min(size, link.cut_after - link.received)
            if size <= 0:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.sock.close()
                raise LinkCut(f"the link was cut at byte {link.received}")
        data = self.sock.recv(size)
        link.received += len(data)
        return data


class Reader:
    """Reads lines and counted bytes from a connection, as a buffered stream does."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def readline(self):
        while b"\n" not in self.buffer:
            data = self.connection.recv(4096)
            if not data:
                break
            self.buffer += data
        line, newline, self.buffer = self.buffer.partition(b"\n")
        return line + newline

    def read(self, size=None):
        """`size` bytes or fewer; without size all until the end of the connection."""
        if size is None:
            while data := self.connection.recv(4096):
                self.buffer += data
            size = len(self.buffer)
        elif not self.buffer:
            self.buffer = self.connection.recv(min(size, 4096))
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data


def read_head(reader):
    """(version, status, headers) of an answer; header names in lower case."""
    line = reader.readline().split(None, 2)
    if len(line) < 2:
        raise DeviceError("no answer")
    headers = {}
    while True:
        field = reader.readline()
        if field in (b"\r\n", b"\n", b""):
            break
        name, _, value = field.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    return line[0].decode(), int(line[1]), headers


def digest(path, algorithm="sha256"):
    return hashlib.new(algorithm, pathlib.Path(path).read_bytes()).hexdigest()


def read_text(path, otherwise=""):
    path = pathlib.Path(path)
    return path.read_text().strip() if path.exists() else otherwise


def arguments(description):
    """The options that every device has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--gateway", required=True, metavar="HOST:PORT")
    parser.add_argument("--state", required=True, type=pathlib.Path, metavar="DIR",
                        help="the device's flash: what it runs and what it has fetched")
    parser.add_argument("--root", default="", metavar="PATH", help="the product's root, such as /meter")
    parser.add_argument("--source", metavar="ADDRESS", help="the address the gateway sees, such as 127.0.0.7")
    parser.add_argument("--cut-after", type=int, metavar="BYTES", help="the link is cut there once")
    parser.add_argument("--down", type=float, default=0.5, metavar="SECONDS", help="for so long")
    parser.add_argument("--tries", type=int, default=20, help="attempts that may fail before it gives up")
    parser.add_argument("--wait", type=float, default=0.2, metavar="SECONDS", help="between two attempts")
    return parser


def say(name):
    """Prints lines that begin with the device's name."""
    def report(text):
        print(f"{name}: {text}", flush=True)
    return report


def run(device, link, options, report):
    """Attempts updates until there is nothing newer. Gives the exit status: 0 then, 1 after too many
    failures."""
    failures = 0
    while failures <= options.tries:
        try:
            outcome = device.update()
        except (OSError, ValueError, DeviceError) as error:
            failures += 1
            report(f"failed: {error}")
            if isinstance(error, LinkCut):
                time.sleep(options.down)
                link.cut_after = None
            else:
                time.sleep(options.wait)
            continue
        if outcome == "current":
            report(f"current: {device.describe()}")
            return 0
        report(f"updated: {device.describe()}")
    report("gave up")
    return 1


def main(make, description, extra=None):
    parser = arguments(description)
    if extra:
        extra(parser)
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    report = say(f"{make.__name__} {options.source or options.state.name}")
    link = Link(options.gateway, options.source, options.cut_after)
    return run(make(link, options, report), link, options, report)


def program(make, description, extra=None):
    sys.exit(main(make, description, extra))
