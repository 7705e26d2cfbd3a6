#!/usr/bin/python3
"""A lamp with ESPHome: its update component reads a manifest, which has to announce its length; an automation names
an image and the file with its MD5, of which it reads the first 32 bytes. Versions are compared for equality alone."""
import hashlib
import json

import device_common as common
import esp_common as esp


class EsphomeDevice(esp.Board):
    """`path` is that of the manifest; `beside`: the path of an image, its MD5 beside it in a .md5 file, instead."""

    def __init__(self, link, state, path="/manifest.json", chip="ESP32", beside=None, report=lambda text: None):
        super().__init__(link, state, report)
        self.path = path
        self.chip = chip
        self.beside = beside

    def get(self, path):
        fields = [f"Host: {self.link.host}:{self.link.port}", "User-Agent: ESPHome/2024.6.0 (https://esphome.io)",
                  "Connection: close"]
        with self.link.connect() as connection:
            status, headers, reader = esp.request(connection, "GET", path, "1.1", fields)
            if status != 200:
                raise common.DeviceError(f"{path}: status {status}")
            if "content-length" not in headers:
                raise common.DeviceError(f"{path}: a length is required")
            return b"".join(esp.read_exactly(reader, int(headers["content-length"])))

    def build(self):
        """(version, path, MD5) of the manifest's build for this chip."""
        manifest = json.loads(self.get(self.path).decode())
        build = next(b for b in manifest["builds"] if b["chipFamily"] == self.chip)
        path = build["ota"]["path"]
        if "http" in path:
            raise common.DeviceError(f"{path} is taken for a whole URL")
        folder = "" if path.startswith("/") else self.path.rpartition("/")[0] + "/"
        return manifest["version"], folder + path, build["ota"]["md5"]

    def update(self):
        if self.beside:
            md5 = self.get(self.beside.rpartition(".")[0] + ".md5")
            if len(md5) < 32:
                raise common.DeviceError("the file with the MD5 is too short")
            return self.flash(self.beside, md5[:32].decode())
        try:
            version, path, md5 = self.build()
        except StopIteration:
            raise common.DeviceError(f"the manifest has no build for {self.chip}") from None
        if version in ("", self.version):
            return "current"
        return self.flash(path, md5)

    def flash(self, path, md5):
        image = self.get(path)
        if hashlib.md5(image).hexdigest() != md5:
            raise common.DeviceError("MD5 mismatch")
        self.boot(image)
        return "updated"


def esphome(link, options, report):
    return EsphomeDevice(link, options.state, f"{options.root}/manifest.json", options.chip, report=report)


def extra(parser):
    parser.add_argument("--chip", default="ESP32", help="its chip family")


if __name__ == "__main__":
    common.program(esphome, __doc__, extra)
