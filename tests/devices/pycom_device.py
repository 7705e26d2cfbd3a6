#!/usr/bin/python3
"""A Pycom module with the OTA library of its maker's example, with all that it does not do: it reads 100 bytes
at a time, finds the end of the header only inside one read, looks at no status and no length, makes no
directories, never checks its firmware, and stops half way at a file that is not where the manifest says."""
import hashlib
import json
import pathlib

import device_common as common

READ = 100
FILE_TRIES = 5


class PycomDevice:
    """`state` holds the file systems flash/ and sd/, partition.bin (what was flashed) and version."""

    def __init__(self, link, state, root="", report=lambda text: None):
        self.link = link
        self.state = pathlib.Path(state)
        self.root = root
        self.report = report
        self.requests = []

    @property
    def version(self):
        return common.read_text(self.state / "version", "0.0.0")

    def describe(self):
        image = self.state / "partition.bin"
        flashed = f", firmware sha256 {common.digest(image)}" if image.exists() else ""
        return f"version {self.version}{flashed}"

    def on_device(self, path):
        return self.state / path.lstrip("/")

    def fetch(self, path, take):
        """Hands the body to `take` as it comes, and gives its SHA-1."""
        self.requests.append(path)
        sha1 = hashlib.sha1()
        with self.link.connect() as connection:
            connection.send(f"GET /{path} HTTP/1.0\r\nHost: {self.link.host}:{self.link.port}\r\n\r\n".encode())
            body = False
            while data := connection.recv(READ):
                if not body:
                    if b"\r\n\r\n" not in data:
                        continue
                    body = True
                    data = data.decode().split("\r\n\r\n")[1].encode()
                take(data)
                sha1.update(data)
        return sha1.hexdigest()

    def get_manifest(self):
        text = bytearray()
        self.fetch(f"{self.root}/manifest.json?current_ver={self.version}".lstrip("/"), text.extend)
        return json.loads(text.decode())

    def get_file(self, entry):
        for attempt in range(FILE_TRIES):
            try:
                with open(f"{self.on_device(entry['dst_path'])}.new", "wb") as out:
                    sha1 = self.fetch(entry["URL"].split("/", 3)[-1], out.write)
                if sha1 == entry["hash"]:
                    return
                self.report(f"{entry['dst_path']}: wrong hash")
            except common.LinkCut:
                raise
            except (OSError, ValueError) as error:
                self.report(f"{entry['dst_path']}: attempt {attempt + 1} failed: {error}")
        raise common.DeviceError(f"could not get {entry['URL']}")

    def write_firmware(self, entry):
        """Its hash is in the manifest and never looked at."""
        written = self.state / "partition.writing"
        with open(written, "wb") as out:
            self.fetch(entry["URL"].split("/", 3)[-1], out.write)
        written.rename(self.state / "partition.bin")

    def update(self):
        manifest = self.get_manifest()
        if manifest is None:
            return "current"
        fetched = manifest["new"] + manifest["update"]
        self.report(f"{manifest['version']}: {len(manifest['new'])} new, {len(manifest['update'])} changed, "
                    f"{len(manifest['delete'])} gone{', firmware' if 'firmware' in manifest else ''}")
        for entry in fetched:
            self.get_file(entry)
        for entry in manifest["update"]:  # absent: stops here, with the downloads lying about
            path = self.on_device(entry["dst_path"])
            path.rename(f"{path}.bak")
        for entry in fetched:
            path = self.on_device(entry["dst_path"])
            pathlib.Path(f"{path}.new").rename(path)
        for name in manifest["delete"]:
            if name.startswith("/"):
                raise common.DeviceError(f"delete names {name} with a slash in front")
            path = self.on_device(name)
            path.rename(f"{path}.bak")
        if "firmware" in manifest:
            self.write_firmware(manifest["firmware"])
        (self.state / "version").write_text(manifest["version"])
        return "updated"

    def files(self):
        """{path: content} of its file systems."""
        return {str(path.relative_to(self.state)): path.read_bytes()
                for path in sorted(self.state.rglob("*"))
                if path.is_file() and path.suffix not in (".bak", ".new") and path.parent != self.state}


def pycom(link, options, report):
    for folder in options.folders.split(","):
        (options.state / folder).mkdir(parents=True, exist_ok=True)
    return PycomDevice(link, options.state, options.root, report)


def extra(parser):
    parser.add_argument("--folders", default="flash,flash/lib,sd", help="the directories that the device has")


if __name__ == "__main__":
    common.program(pycom, __doc__, extra)
