#!/usr/bin/python3
"""An application with ESP-IDF's esp_https_ota: whole, with resumption (it always asks "Range: bytes=N-", which has
to be answered by 206), or partial (HEAD, then ranges, of which the last ends at the length itself)."""
import device_common as common
import esp_common as esp

# Less than this is not resumed from.
LEAST_WRITTEN = 1024


class EspIdfDevice(esp.Board):
    """`state` holds ota.bin besides, what was written of a new image. `way`: "whole", "resume" or "partial"."""

    def __init__(self, link, state, path="/latest.bin", way="whole", tells=True, piece=16384,
                 report=lambda text: None):
        super().__init__(link, state, report)
        self.path = path
        self.way = way
        self.tells = tells
        self.piece = piece
        self.requests = []

    @property
    def part(self):
        return self.state / "ota.bin"

    def ask(self, method="GET", span=None):
        """(status, headers, content of at most Content-Length), written to ota.bin as it comes when it is bytes."""
        query = f"?version={self.version}" if self.tells and self.version else ""
        fields = ["User-Agent: ESP32 HTTP Client/1.0", f"Host: {self.link.host}:{self.link.port}",
                  *([f"Range: bytes={span}"] if span else []), "Content-Length: 0"]
        self.requests.append((method, span))
        with self.link.connect() as connection:
            status, headers, reader = esp.request(connection, method, self.path + query, "1.1", fields)
            if method == "GET" and status in (200, 206):
                self.write(reader, int(headers["content-length"]))
        return status, headers

    def write(self, reader, length):
        with open(self.part, "ab") as out:
            for data in esp.read_exactly(reader, length):
                out.write(data)
                out.flush()

    def update(self):
        written = self.part.stat().st_size if self.way == "resume" and self.part.exists() else 0
        if written < LEAST_WRITTEN:
            self.part.unlink(missing_ok=True)
            written = 0
        status = self.fetch_partial() if self.way == "partial" else self.fetch(written)
        if status == 304:
            return "current"
        return self.finish()

    def fetch(self, written):
        status, _ = self.ask(span=f"{written}-" if self.way == "resume" else None)
        if status == 416:
            self.part.unlink(missing_ok=True)
        if self.way == "resume" and status not in (206, 304):
            raise common.DeviceError(f"resumption needs 206, not {status}")
        if status not in (200, 206, 304):
            raise common.DeviceError(f"status {status}")
        return status

    def fetch_partial(self):
        status, headers = self.ask("HEAD")
        if status == 304:
            return status
        if status != 200:
            raise common.DeviceError(f"status {status}")
        length, start = int(headers["content-length"]), 0
        while start < length:
            end = start + self.piece - 1 if length > self.piece + start else length
            status, _ = self.ask(span=f"{start}-{end}" if end - start < length else None)
            if status not in (200, 206):
                raise common.DeviceError(f"status {status}")
            start = self.part.stat().st_size
        return status

    def finish(self):
        image = self.part.read_bytes()
        self.part.unlink()
        if self.version and esp.is_valid(image) and esp.image_version(image) == self.version:
            return "current"  # the application looks at the version in the image
        self.boot(image)
        return "updated"


def esp_idf(link, options, report):
    return EspIdfDevice(link, options.state, f"{options.root}/latest.bin", options.way, report=report)


def extra(parser):
    parser.add_argument("--way", choices=("whole", "resume", "partial"), default="whole")


if __name__ == "__main__":
    common.program(esp_idf, __doc__, extra)
