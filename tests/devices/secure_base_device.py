#!/usr/bin/python3
"""An ESP32 with esp32-secure-base, as far as HTTP goes: told a URL and an MD5 in one text of at most 128 bytes, it
fetches by HTTP/1.1 with Host without the port, and reads header lines by the letter into a buffer of 128 bytes."""
import hashlib

import device_common as common
import esp_common as esp

LONGEST_LINE = 127
LENGTH = b"Content-Length: "
TYPE = b"Content-Type: "


class SecureBaseDevice(esp.Board):
    def __init__(self, link, state, told=None, report=lambda text: None):
        super().__init__(link, state, report)
        self.told = told

    def update(self):
        if len(self.told) > 128:
            raise common.DeviceError("what it is told is longer than 128 bytes")
        url, md5 = self.told.split("|")
        host, _, path = url.removeprefix("http://").partition("/")
        host, _, port = host.partition(":")
        with self.link.connect(int(port or 80)) as connection:
            connection.send(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nCache-Control: no-cache\r\n"
                            "Connection: close\r\n\r\n".encode())
            reader = common.Reader(connection)
            length = self.header(reader)
            image = b"".join(esp.read_exactly(reader, length))
        if hashlib.md5(image).hexdigest() != md5:
            raise common.DeviceError("wrong MD5")
        self.boot(image)
        return "updated"

    def header(self, reader):
        """The length that it announces; refuses what the client refuses."""
        length, octets = 0, False
        while True:
            line = reader.readline()
            if line in (b"\r\n", b"\n", b""):
                break
            if len(line) > LONGEST_LINE:
                raise common.DeviceError("a header line is too long")
            line = line[:-2]
            if line.startswith(b"HTTP/1.1") and line[9:12] != b"200":
                raise common.DeviceError(f"did not get 200: {line.decode()}")
            if line.startswith(LENGTH):
                length = int(line[len(LENGTH):])
                if not 1024 <= length <= 8 << 20:
                    raise common.DeviceError(f"an image of {length} bytes is refused")
            elif line.startswith(TYPE):
                octets = line[len(TYPE):] == b"application/octet-stream"
        if not length or not octets:
            raise common.DeviceError("length or type is missing")
        return length


def secure_base(link, options, report):
    return SecureBaseDevice(link, options.state, options.told, report)


def extra(parser):
    parser.add_argument("--told", required=True, metavar="URL|MD5", help="what it gets by MQTT")


if __name__ == "__main__":
    common.program(secure_base, __doc__, extra)
