#!/usr/bin/python3
"""A home-grown device that reads a JSON document with fields of its own making, and fetches by the URL in it."""
import hashlib
import json

import device_common as common
import esp_common as esp

FIELDS = {"version": "version", "url": "url", "hash": "hash", "size": "size"}


def value_at(document, field):
    for name in field.split("."):
        document = document[name]
    return document


class JsonDevice(esp.Board):
    """`fields`: where it looks for what, a dot for each step down; those that are missing it does without."""

    def __init__(self, link, state, path="/check", fields=None, algorithm="sha256", report=lambda text: None):
        super().__init__(link, state, report)
        self.path = path
        self.fields = fields or FIELDS
        self.algorithm = algorithm

    def get(self, path):
        with self.link.connect() as connection:
            fields = [f"Host: {self.link.host}:{self.link.port}", "Connection: close"]
            status, headers, reader = esp.request(connection, "GET", path, "1.1", fields)
            length = int(headers.get("content-length", 0))
            return status, b"".join(esp.read_exactly(reader, length))

    def update(self):
        status, content = self.get(f"{self.path}?version={self.version or '0'}")
        if status in (204, 304, 404) or content.strip() == b"{}":
            return "current"
        document = json.loads(content)
        told = {name: value_at(document, field) for name, field in self.fields.items()}
        path = "/" + told["url"].removeprefix("http://").partition("/")[2]
        status, image = self.get(path)
        if status != 200 or len(image) != told.get("size", len(image)):
            raise common.DeviceError(f"status {status}, {len(image)} bytes")
        if "hash" in told and hashlib.new(self.algorithm, image).hexdigest() != told["hash"]:
            raise common.DeviceError("wrong hash")
        self.boot(image)
        if "version" in told and self.version != told["version"]:
            raise common.DeviceError("the image has another version than the document")
        return "updated"


def home_grown(link, options, report):
    return JsonDevice(link, options.state, f"{options.root}/check", report=report)


if __name__ == "__main__":
    common.program(home_grown, __doc__)
