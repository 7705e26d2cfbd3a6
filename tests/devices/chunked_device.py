#!/usr/bin/python3
"""The chunked updater: metadata, then 512 bytes from a connection of their own each, each tried four times, the
status never looked at. Its check of the partition leaves the last block out when all blocks are full; a variant
that was mended with // never downloads a short block and never hashes the last one."""
import hashlib
import io
import json
import pathlib
import tarfile

import device_common as common

CHUNK = 512
TRIES = 4


class ChunkedDevice:
    """`state` holds partition.bin, the folder vfs/ and the file reboots. `floor`: the variant with //.
    `wrapped`: the application looks whether there is an update before it calls the updater."""

    def __init__(self, link, state, root="", floor=False, wrapped=True, query="", report=lambda text: None):
        self.link = link
        self.state = pathlib.Path(state)
        self.root = root
        self.floor = floor
        self.wrapped = wrapped
        self.query = query
        self.report = report
        self.requests = 0

    def describe(self):
        image = self.state / "partition.bin"
        return f"partition sha256 {common.digest(image)}" if image.exists() else "no partition"

    def get(self, path, port=None):
        """The content of an answer, whatever its status."""
        self.requests += 1
        with self.link.connect(port) as connection:
            connection.send(f"GET {path} HTTP/1.0\r\nHost: {self.link.host}\r\n\r\n".encode())
            reader = common.Reader(connection)
            common.read_head(reader)
            return reader.read()

    def chunk(self, url, number):
        _, _, host, path = f"{url}/{number}".split("/", 3)
        port = int(host.partition(":")[2] or 80)
        for attempt in range(TRIES):
            try:
                return self.get(f"/{path}", port)
            except OSError as error:
                if isinstance(error, common.LinkCut) or attempt == TRIES - 1:
                    raise
                self.report(f"chunk {number}: attempt {attempt + 1} failed: {error}")
        return None

    def rounds(self, size):
        return size // CHUNK if self.floor else -(-size // CHUNK)

    def download(self, url, size, path):
        written = 0
        with open(path, "wb") as out:
            for number in range(self.rounds(size)):
                written += out.write(self.chunk(url, number))
        if written != size:
            raise common.DeviceError(f"{written} bytes came, {size} were announced")

    def partition_hash(self, path, size):
        """As the client does it: the first read has size % 512 bytes, and there are as many as rounds."""
        sha256 = hashlib.sha256()
        with open(path, "rb") as image:
            sha256.update(image.read(size % CHUNK))
            for _ in range(self.rounds(size) - 1):
                sha256.update(image.read(CHUNK))
        return sha256.hexdigest()

    def update(self):
        metadata = json.loads(self.get(f"{self.root}/updatemeta{self.query}").decode())
        if self.wrapped:
            if not metadata or self.have(metadata):
                return "current"
        if "partition" in metadata:
            self.take_partition(metadata["partition"])
        if "vfs" in metadata:
            self.take_archive(metadata["vfs"])
        reboots = self.state / "reboots"
        reboots.write_text(str(int(common.read_text(reboots, "0")) + 1))
        return "updated"

    def have(self, metadata):
        return all(common.read_text(self.state / f"{part}.hash") == metadata[part]["hash"]
                   for part in ("partition", "vfs") if part in metadata)

    def take_partition(self, part):
        self.report(f"partition: {part['size']} bytes")
        written = self.state / "partition.writing"
        self.download(part["url"], part["size"], written)
        if self.partition_hash(written, part["size"]) != part["hash"]:
            raise common.DeviceError("partition corrupt")
        written.rename(self.state / "partition.bin")
        (self.state / "partition.hash").write_text(part["hash"])

    def take_archive(self, part):
        self.report(f"vfs: {part['size']} bytes")
        written = self.state / "update.tar"
        self.download(part["url"], part["size"], written)
        if common.digest(written) != part["hash"]:
            raise common.DeviceError("archive corrupt")
        self.unpack(written.read_bytes())
        (self.state / "vfs.hash").write_text(part["hash"])

    def unpack(self, content):
        """One level of directories, each named before its files; other archives fail, as on the device."""
        vfs = self.state / "vfs"
        vfs.mkdir(exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                target = vfs / member.name.replace("/", "") if member.isdir() else vfs / member.name
                if member.isdir():
                    target.mkdir(exist_ok=True)
                else:
                    target.write_bytes(archive.extractfile(member).read())


def chunked(link, options, report):
    return ChunkedDevice(link, options.state, options.root, options.floor, not options.unwrapped,
                         options.query, report)


def extra(parser):
    parser.add_argument("--floor", action="store_true", help="the variant that divides with //")
    parser.add_argument("--unwrapped", action="store_true", help="calls the updater with whatever it is given")
    parser.add_argument("--query", default="", help="appended to /updatemeta, such as ?version=1.0")


if __name__ == "__main__":
    common.program(chunked, __doc__, extra)
