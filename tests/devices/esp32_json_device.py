#!/usr/bin/python3
"""An ESP32 with micropython-esp32-ota: a JSON file names image, length and SHA-256, both of which are enforced.
No resume, no retry. Three HTTP clients are in the field; the newest two fail on a JSON answer that announces its
length, and all send Host without the port."""
import hashlib
import json
import pathlib

import device_common as common

# name: (HTTP version, sends Connection: close, fails on a JSON answer with Content-Length)
CLIENTS = {
    "1.0": ("1.0", False, False),
    "1.0-close": ("1.0", True, True),
    "1.1-close": ("1.1", True, True),
}


class Esp32JsonDevice:
    """`state` holds ota.bin, the partition that it runs from."""

    def __init__(self, link, state, url="/micropython.json", client="1.1-close", report=lambda text: None):
        self.link = link
        self.state = pathlib.Path(state)
        self.url = url
        self.http, self.close, self.strict = CLIENTS[client]
        self.report = report

    def describe(self):
        image = self.state / "ota.bin"
        return f"firmware sha256 {common.digest(image)}" if image.exists() else "no firmware"

    def get(self, path, reader_of):
        """Gives what `reader_of` makes of (headers, reader)."""
        with self.link.connect() as connection:
            lines = [f"GET {path} HTTP/{self.http}", f"Host: {self.link.host}"]
            if self.close:
                lines.append("Connection: close")
            connection.send("\r\n".join([*lines, "", ""]).encode())
            reader = common.Reader(connection)
            _, status, headers = common.read_head(reader)
            if headers.get("transfer-encoding", "").lower() == "chunked":
                raise common.DeviceError("chunked transfer coding is not understood")
            if status != 200:
                raise common.DeviceError(f"{path}: status {status}")
            return reader_of(headers, reader)

    def get_json(self):
        def whole(headers, reader):
            if self.strict and "content-length" in headers:
                raise common.DeviceError("a JSON answer with Content-Length hangs this client")
            return json.loads(reader.read().decode())
        return self.get(self.url, whole)

    def update(self):
        document = self.get_json()
        name, sha, length = document["firmware"], document["sha"], document["length"]
        running = self.state / "ota.bin"
        if running.exists() and common.digest(running) == sha:
            return "current"
        if not name.startswith(("/", "http")):
            name = f"{self.url.rsplit('/', 1)[0]}/{name}"
        self.report(f"writing {length} bytes from {name}")
        self.get(name, lambda headers, reader: self.write(reader, sha, length))
        return "updated"

    def write(self, reader, sha, length):
        sha256, written = hashlib.sha256(), 0
        with open(self.state / "ota.writing", "wb") as out:
            while data := reader.read(4096):
                written += len(data)
                if written > length:
                    raise common.DeviceError(f"more than the {length} bytes announced")
                sha256.update(data)
                out.write(data)
        if written != length:
            raise common.DeviceError(f"{written} bytes came, {length} were announced")
        if sha256.hexdigest() != sha:
            raise common.DeviceError("wrong SHA-256")
        (self.state / "ota.writing").rename(self.state / "ota.bin")


def esp32(link, options, report):
    return Esp32JsonDevice(link, options.state, f"{options.root}/{options.json}", options.client, report)


def extra(parser):
    parser.add_argument("--json", default="micropython.json", metavar="NAME", help="below the root")
    parser.add_argument("--client", choices=CLIENTS, default="1.1-close", help="which HTTP client it has")


if __name__ == "__main__":
    common.program(esp32, __doc__, extra)
