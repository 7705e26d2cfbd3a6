"""Two ways to have the http plugin listen, with one face: the harness (the plugin over a folder of files) and
the whole gateway (ferryd, its host process, its store). A test says which releases there are, and as what it
wants the products served; FERRY_SERVER=ferryd makes the tests use the gateway where they can."""
import collections
import json
import os
import pathlib
import subprocess
import threading
import unittest

import gateway as g
import device_common as common


def write_releases(folder, releases):
    """{product: {version: {name: bytes}}} as folders for directory sources. The names "firmware" and "archive"
    stand for the image and the archive."""
    for product, versions in releases.items():
        root = pathlib.Path(folder) / product
        root.mkdir(parents=True, exist_ok=True)
        for version, files in versions.items():
            for name, content in files.items():
                target = {"firmware": root / f"firmware_{version}.bin",
                          "archive": root / f"archive_{version}.tar"}.get(name, root / version / name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


class Harness:
    """The plugin in a small host that tells what happens and takes orders."""

    def __init__(self, folder, releases, products, settings):
        self.folder = folder = pathlib.Path(folder)
        (folder / "releases").mkdir()
        write_releases(folder / "releases", releases)
        build = pathlib.Path(os.environ.get("FERRY_BUILD", g.ROOT / "build" / "dev"))
        arguments = [build / "tests/integration/http_harness", build / "transports/http.so", folder / "releases"]
        arguments += [f"{key}={value}" for key, value in {"listen": "127.0.0.1:0", **settings}.items()]
        arguments += [f"{product}.{key}={value}" for product, keys in products.items() for key, value in keys.items()]
        self.process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=g.die_with_parent)
        self.seen = []
        self.ended = False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        try:
            listening = self.wait_event(lambda e: e["event"] == "state")
            assert listening["state"] == "listening", listening
        except AssertionError:
            self.kill()
            raise
        self.gateway = listening["detail"]
        self.port = int(self.gateway.rpartition(":")[2])

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.seen.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_event(self, wanted, limit=g.TIME_LIMIT):
        def find():
            return next((event for event in self.seen if wanted(event)), None)
        with self.changed:
            self.changed.wait_for(lambda: find() or self.ended, limit)
            assert find(), f"the event did not come; there were {self.seen[-20:]}"
            return find()

    def events(self, kind):
        with self.changed:
            return [event for event in self.seen if event["event"] == kind]

    def order(self, command):
        before = len(self.events("obeyed"))
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        g.wait_for(lambda: len(self.events("obeyed")) > before, f"{command} is obeyed", interval=0.001)

    def acknowledged(self, name):
        """{device: bytes of that artifact that it acknowledged}, each byte once."""
        spans = collections.defaultdict(set)
        for event in self.events("progress"):
            if event["name"] == name:
                spans[event["device"]].add((event["offset"], event["offset"] + event["length"]))
        return {device: covered(ranges) for device, ranges in spans.items()}

    def stop(self):
        """Its exit status."""
        self.process.stdin.close()
        code = self.process.wait(g.TIME_LIMIT)
        self.reader.join()
        self.process.stdout.close()
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


def covered(ranges):
    total, end = 0, 0
    for first, last in sorted(ranges):
        total += max(0, last - max(first, end))
        end = max(end, last)
    return total


class Ferryd:
    """The whole gateway; it is asked through its control socket."""

    def __init__(self, folder, releases, products, settings):
        folder = pathlib.Path(folder)
        (folder / "releases").mkdir()
        write_releases(folder / "releases", releases)
        text = "".join(f"[source.{name}]\ntype = directory\nproduct = {name}\npath = {folder}/releases/{name}\n"
                       for name in releases)
        for name in sorted(set(products) | set(releases)):
            text += f"[product.{name}]\n"
            text += "".join(f"{key} = {value}\n" for key, value in products.get(name, {}).items())
        text += "[transport.wifi]\nplugin = http\n"
        text += "".join(f"{key} = {value}\n" for key, value in {"listen": "127.0.0.1:0", **settings}.items())
        self.ferryd = g.Gateway(folder / "gw", text).start()
        for product, versions in releases.items():
            for version in versions:
                self.ferryd.wait_for_release(product, version)
        self.port = self.ferryd.port()
        self.gateway = f"127.0.0.1:{self.port}"

    def kill(self):
        self.ferryd.kill()


def start(test, releases, products, **settings):
    """A server of the kind that the environment asks for; gone after the test. Tests that need the harness's
    orders or events have `needs_harness` set."""
    whole = os.environ.get("FERRY_SERVER") == "ferryd" and not getattr(test, "needs_harness", False)
    server = (Ferryd if whole else Harness)(g.scratch(test), releases, products, settings)
    test.addCleanup(server.kill)
    return server


class DeviceCase(unittest.TestCase):
    def link(self, server, **options):
        return common.Link(server.gateway, **options)

    def exchange(self, server, request):
        """All that comes back for the bytes of a request, as reads of 100 bytes."""
        with self.link(server).connect() as connection:
            connection.send(request)
            pieces = []
            while data := connection.recv(100):
                pieces.append(data)
        return pieces
