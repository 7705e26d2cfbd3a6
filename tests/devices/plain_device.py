#!/usr/bin/python3
"""A home-grown client that does it well: reads its offer as JSON, resumes with Range and If-Range on one
connection, checks SHA-256, and tells its version when it asks again."""
import http.client
import json
import pathlib

import device_common as common


class PlainDevice:
    """`state` holds firmware.bin, part.bin (a download half way), part.tag and version."""

    def __init__(self, link, state, root="", report=lambda text: None, piece=64 * 1024):
        self.link = link
        self.state = pathlib.Path(state)
        self.root = root
        self.report = report
        self.piece = piece

    @property
    def version(self):
        return common.read_text(self.state / "version", "0")

    def describe(self):
        image = self.state / "firmware.bin"
        flashed = f", firmware sha256 {common.digest(image)}" if image.exists() else ""
        return f"version {self.version}{flashed}"

    def ask(self, connection, path, headers=()):
        """(status, headers, reader) on a connection that is kept."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.link.host}:{self.link.port}", *headers]
        connection.send("\r\n".join([*lines, "", ""]).encode())
        reader = common.Reader(connection)
        _, status, answer = common.read_head(reader)
        return status, answer, reader

    def body(self, answer, reader):
        left = int(answer.get("content-length", 0))
        while left > 0:
            data = reader.read(left)
            if not data:
                raise OSError("the connection broke off")
            left -= len(data)
            yield data

    def update(self):
        with self.link.connect() as connection:
            status, answer, reader = self.ask(connection, f"{self.root}/offer.json?version={self.version}")
            content = b"".join(self.body(answer, reader))
            if status == http.client.NO_CONTENT:
                return "current"
            if status != http.client.OK:
                raise common.DeviceError(content.decode().strip())
            offer = json.loads(content)
            image = next(a for a in offer["artifacts"] if a["role"] == "firmware")
            self.fetch(connection, image)
        part = self.state / "part.bin"
        if common.digest(part) != image["sha256"]:
            part.unlink()
            raise common.DeviceError("wrong bytes")
        part.rename(self.state / "firmware.bin")
        (self.state / "version").write_text(offer["version"])
        return "updated"

    def fetch(self, connection, image):
        part, tag = self.state / "part.bin", self.state / "part.tag"
        have = part.stat().st_size if part.exists() else 0
        self.report(f"{image['name']} from byte {have} of {image['length']}")
        while have < image["length"]:
            last = min(have + self.piece, image["length"]) - 1
            headers = [f"Range: bytes={have}-{last}"]
            if tag.exists():
                headers.append(f"If-Range: {common.read_text(tag)}")
            status, answer, reader = self.ask(connection, image["url"], headers)
            if status == http.client.OK:  # other bytes than those begun with
                part.unlink(missing_ok=True)
            elif status != http.client.PARTIAL_CONTENT:
                raise common.DeviceError(f"{image['url']}: status {status}")
            tag.write_text(answer["etag"])
            with open(part, "ab") as out:
                for data in self.body(answer, reader):
                    out.write(data)
                    out.flush()
            have = part.stat().st_size


def plain(link, options, report):
    return PlainDevice(link, options.state, options.root, report)


if __name__ == "__main__":
    common.program(plain, __doc__)
