"""What the emulated ESP8266 and ESP32 share: images as their tools build them, and one request on a connection."""
import hashlib

import device_common as common

MAGIC = 0xE9
PACKED = 0x1F
DIGEST_SIZE = 32


def esp_image(version, payload):
    """An image: its first byte, the version that was compiled into it, and the SHA-256 of all that at its end."""
    content = bytes([MAGIC]) + version.encode().ljust(31, b"\0") + payload
    return content + hashlib.sha256(content).digest()


def image_version(image):
    return image[1:32].rstrip(b"\0").decode()


def is_valid(image):
    """What the chip checks before it starts an image."""
    return (len(image) > DIGEST_SIZE and image[0] == MAGIC
            and hashlib.sha256(image[:-DIGEST_SIZE]).digest() == image[-DIGEST_SIZE:])


def request(connection, method, path, http, fields):
    """(status, headers, reader) of a request with these header lines."""
    connection.send("\r\n".join([f"{method} {path} HTTP/{http}", *fields, "", ""]).encode())
    reader = common.Reader(connection)
    _, status, headers = common.read_head(reader)
    return status, headers, reader


def read_exactly(reader, length):
    """Yields `length` bytes in pieces; an end before that is an error."""
    while length > 0:
        data = reader.read(min(length, 4096))
        if not data:
            raise OSError("the connection ended before the image did")
        length -= len(data)
        yield data


class Board:
    """`state` holds sketch.bin, the image that it runs."""

    def __init__(self, link, state, report=lambda text: None):
        self.link = link
        self.state = state
        self.report = report

    @property
    def running(self):
        path = self.state / "sketch.bin"
        return path.read_bytes() if path.exists() else b""

    @property
    def version(self):
        return image_version(self.running) if self.running else ""

    def boot(self, image):
        if not is_valid(image):
            raise common.DeviceError("the image is not valid")
        (self.state / "sketch.bin").write_bytes(image)

    def describe(self):
        return f"version {self.version or 'none'}, image sha256 {hashlib.sha256(self.running).hexdigest()}"
