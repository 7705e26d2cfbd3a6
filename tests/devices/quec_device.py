#!/usr/bin/python3
"""A QuecPython module with app_fota: always asks "Range: bytes=N-", N being what it has, 0 included, takes 200 or
206 and appends whatever comes. 416 is a lasting failure. What to fetch comes from elsewhere on a real module (a
job over MQTT); here it is taken from the gateway's offer."""
import json
import pathlib

import device_common as common


class QuecDevice:
    """`state` holds the folder usr/ (what it runs), fota/ (downloads) and version."""

    def __init__(self, link, state, root="", report=lambda text: None):
        self.link = link
        self.state = pathlib.Path(state)
        self.root = root
        self.report = report

    @property
    def version(self):
        return common.read_text(self.state / "version", "0")

    def describe(self):
        image = self.state / "usr" / "firmware.bin"
        flashed = f", firmware sha256 {common.digest(image)}" if image.exists() else ""
        return f"version {self.version}{flashed}"

    def get(self, path, headers=()):
        connection = self.link.connect()
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.link.host}:{self.link.port}", *headers]
        connection.send("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        reader = common.Reader(connection)
        _, status, answer = common.read_head(reader)
        return connection, reader, status, answer

    def download(self, path, file):
        """One attempt. Goes on where the file ends; a file that it thinks whole stays as it is."""
        file = pathlib.Path(file)
        start = file.stat().st_size if file.exists() else 0
        connection, reader, status, headers = self.get(path, [f"Range: bytes={start}-"])
        with connection:
            if status == 416:
                raise common.DeviceError(f"{path}: 416, given up for good")
            if status not in (200, 206):
                raise OSError(f"{path}: status {status}")
            left = int(headers["content-length"])
            with open(file, "ab") as out:
                while left > 0:
                    data = reader.read(min(left, 4096))
                    if not data:
                        raise OSError("the connection broke off")
                    out.write(data)
                    out.flush()
                    left -= len(data)

    def offer(self):
        connection, reader, status, _ = self.get(f"{self.root}/offer.json?version={self.version}")
        with connection:
            return json.loads(reader.read().decode()) if status == 200 else None

    def update(self):
        offer = self.offer()
        if offer is None or offer["version"] == self.version:
            return "current"
        downloads, running = self.state / "fota", self.state / "usr"
        downloads.mkdir(exist_ok=True)
        running.mkdir(exist_ok=True)
        for artifact in offer["artifacts"]:
            file = downloads / artifact["sha256"]
            self.report(f"{artifact['name']} from byte {file.stat().st_size if file.exists() else 0}")
            self.download(artifact["url"], file)
            if common.digest(file) != artifact["sha256"]:
                raise common.DeviceError(f"{artifact['name']}: wrong bytes")
        for artifact in offer["artifacts"]:
            name = artifact.get("dst_path", "").rpartition("/")[2] or "firmware.bin"
            (downloads / artifact["sha256"]).replace(running / name)
        (self.state / "version").write_text(offer["version"])
        return "updated"


def quec(link, options, report):
    return QuecDevice(link, options.state, options.root, report)


if __name__ == "__main__":
    common.program(quec, __doc__)
