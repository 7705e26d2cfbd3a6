#!/usr/bin/python3
"""A device that asks: an SMP client of the gateway's file-system group, over its console's framing.

    PullDevice(folder, Settings(dialect="pycom"))            on a Line (serial_line.py), or as a program:
    smp_pull_device.py --port /dev/pts/3 --state DIR --dialect pycom [an option for each field of Settings]

dialect: pycom (/manifest.json?current_ver=…, files, then the firmware), plain (/offer.json?version=…, then the
firmware), get (one `path`). A download that broke off, by power or by line, goes on at its offset if the gateway's
hash of what is already there agrees. `state` holds version, firmware.bin, files/, part.bin and part.name.

Events: asked {path}, resumed {path, offset}, progress {offset}, downloaded {path, length, from_offset},
updated {version}, current {version}, failed {why}. `finished` is 0 when there is nothing newer.
"""
import argparse
import dataclasses
import hashlib
import json
import pathlib
import sys
import urllib.parse

import smp_packet as smp
from timed_device import TimedDevice, add_options, print_event, serve, settings_of

PROGRESS = 16 * 1024


@dataclasses.dataclass
class Settings:
    """Times in seconds."""
    name: str = "pull"
    dialect: str = "pycom"
    path: str = "/"  # what `get` downloads
    root: str = ""  # the product's root, such as /meter
    version: str = "1.0.0"  # until its state says otherwise
    smp_version: int = 2
    timeout: float = 1.0  # for each answer
    tries: int = 8  # of each request
    boot_seconds: float = 0.1
    again_seconds: float = 1.0  # from a failure to the next attempt


class PullDevice(TimedDevice):
    """What it does is a generator that yields requests, (command, map), and is given the answers' maps."""

    def __init__(self, state, settings=None, report=None):
        self.settings = settings or Settings()
        super().__init__(self.settings.name, report)
        self.state = pathlib.Path(state)
        self.state.mkdir(parents=True, exist_ok=True)
        self.sequence = 0
        self.sent_again = 0
        self.forget()

    @property
    def version(self):
        path = self.state / "version"
        return path.read_text() if path.exists() else self.settings.version

    def forget(self):
        self.deframer = smp.Deframer()
        self.session = None
        self.waiting = None  # the frame that has no answer yet

    # Power, requests and answers.

    def on_power(self):
        self.forget()
        self.at(self.settings.boot_seconds, self.begin)

    def on_lost_power(self):
        self.forget()

    def begin(self):
        self.session = self.update()
        self.go_on(lambda: self.session.send(None))

    def go_on(self, step):
        """Lets the session run until its next request or its end."""
        try:
            command, body = step()
        except StopIteration as end:
            self.waiting = None
            if end.value == "current":
                self.tell("current", version=self.version)
                self.finished = 0
            else:
                self.tell("updated", version=self.version)
                self.at(self.settings.boot_seconds, self.begin)
            return
        except (smp.SmpError, ValueError, KeyError, OSError) as error:
            self.waiting = None
            self.tell("failed", why=f"{type(error).__name__}: {error}")
            self.at(self.settings.again_seconds, self.begin)
            return
        self.sequence = (self.sequence + 1) % 256
        packet = smp.Packet(smp.READ, smp.FILES, command, self.sequence, body, self.settings.smp_version)
        self.waiting = smp.frame(smp.encode(packet))
        self.try_now(self.waiting, self.settings.tries)

    def try_now(self, frame, tries):
        if self.waiting is not frame:
            return
        if tries == 0:
            self.go_on(lambda: self.session.throw(smp.SmpError("no answer")))
            return
        self.sent_again += tries < self.settings.tries
        self.put(frame)
        self.at(self.settings.timeout, lambda: self.try_now(frame, tries - 1))

    def on_bytes(self, data):
        for raw in self.deframer.feed(data):
            try:
                packet = smp.decode(raw)
            except smp.SmpError:
                continue
            if self.waiting and packet.op == smp.READ_ANSWER and packet.seq == self.sequence:
                self.waiting = None
                if packet.rc:
                    error = smp.SmpError(f"error {packet.rc}", packet.rc)
                    self.go_on(lambda: self.session.throw(error))
                else:
                    self.go_on(lambda: self.session.send(packet.body))

    # Generators: what it asks.

    def update(self):
        kinds = {"pycom": self.pycom, "plain": self.plain, "get": self.get}
        return (yield from kinds[self.settings.dialect]())

    def small(self, path):
        """The content of a file that fits into memory."""
        self.tell("asked", path=path)
        content, length = b"", None
        while length is None or len(content) < length:
            answer = yield smp.FILE, {"name": path, "off": len(content)}
            if answer["off"] != len(content):
                raise smp.SmpError(f"offset {answer['off']} in place of {len(content)}")
            length = answer["len"] if length is None else length
            if not answer["data"] and length:
                raise smp.SmpError("an empty piece")
            content += answer["data"]
        return content

    def download(self, path):
        """Brings `path` into part.bin, which may have its beginning; gives its content."""
        part, named = self.state / "part.bin", self.state / "part.name"
        offset = part.stat().st_size if part.exists() and named.exists() and named.read_text() == path else 0
        length = yield from self.length_for(path, part, offset)
        if length is None:
            offset = 0
            part.write_bytes(b"")
            named.write_text(path)
        began = offset
        with open(part, "ab") as out:
            while length is None or offset < length:
                answer = yield smp.FILE, {"name": path, "off": offset}
                if answer["off"] != offset or not answer["data"] and answer.get("len") != 0:
                    raise smp.SmpError(f"offset {answer['off']} in place of {offset}, or an empty piece")
                length = answer["len"] if length is None else length
                out.write(answer["data"])
                out.flush()
                if offset // PROGRESS != (offset + len(answer["data"])) // PROGRESS:
                    self.tell("progress", offset=offset + len(answer["data"]))
                offset += len(answer["data"])
        content = part.read_bytes()
        yield from self.compare(path, content)
        self.tell("downloaded", path=path, length=length, from_offset=began)
        named.unlink()
        return content

    def length_for(self, path, part, offset):
        """The whole length when what is there can be gone on with, None when it is begun afresh."""
        if offset == 0:
            return None
        length = (yield smp.STATUS, {"name": path})["len"]
        if offset > length:
            return None
        answer = yield smp.HASH, {"name": path, "type": "sha256", "off": 0, "len": offset}
        if answer["output"] != hashlib.sha256(part.read_bytes()).digest():
            return None
        self.tell("resumed", path=path, offset=offset)
        return length

    def compare(self, path, content):
        answer = yield smp.HASH, {"name": path, "type": "sha256"}
        if answer["type"] != "sha256" or answer["len"] != len(content) or \
                answer["output"] != hashlib.sha256(content).digest():
            (self.state / "part.bin").unlink()
            raise smp.SmpError("other bytes than the gateway has")

    def get(self):
        path = self.settings.root + self.settings.path
        content = yield from self.download(path)
        (self.state / "firmware.bin").write_bytes(content)
        return "current"

    def pycom(self):
        text = yield from self.small(f"{self.settings.root}/manifest.json?current_ver={self.version}")
        manifest = json.loads(text)
        if manifest is None:
            return "current"
        for entry in manifest["new"] + manifest["update"]:
            content = yield from self.download(path_of(entry["URL"]))
            check(content, entry["hash"])
            target = self.state / "files" / entry["dst_path"].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        for name in manifest["delete"]:
            (self.state / "files" / name).unlink()
        if "firmware" in manifest:
            content = yield from self.download(path_of(manifest["firmware"]["URL"]))
            check(content, manifest["firmware"]["hash"])
            (self.state / "firmware.bin").write_bytes(content)
        (self.state / "version").write_text(manifest["version"])
        return "updated"

    def plain(self):
        try:
            text = yield from self.small(f"{self.settings.root}/offer.json?version={self.version}")
        except smp.SmpError as error:
            if error.rc == smp.NO_ENTRY:
                return "current"
            raise
        if not text:
            return "current"
        offer = json.loads(text)
        image = next(artifact for artifact in offer["artifacts"] if artifact["role"] == "firmware")
        content = yield from self.download(path_of(image["url"]))
        check(content, image["sha256"])
        (self.state / "firmware.bin").write_bytes(content)
        (self.state / "version").write_text(offer["version"])
        return "updated"


def path_of(url):
    """The path that a URL names on this gateway, whatever host it names."""
    parts = urllib.parse.urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def check(content, digest):
    algorithm = {40: "sha1", 64: "sha256"}[len(digest)]
    if hashlib.new(algorithm, content).hexdigest() != digest:
        raise smp.SmpError(f"wrong {algorithm}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, Settings())
    parser.add_argument("--state", type=pathlib.Path, required=True, help="folder that keeps what the device has")
    options = parser.parse_args()
    return serve(PullDevice(options.state, settings_of(options, Settings), print_event), options.port,
                 options.factor)


if __name__ == "__main__":
    sys.exit(main())
