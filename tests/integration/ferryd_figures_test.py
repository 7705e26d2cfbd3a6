#!/usr/bin/python3
"""Figures of the running gateway: private memory while 64 devices download, and the time from start to the first
answer with 1,000 releases. Printed always; held to their bounds in builds without sanitizers."""
import http.client
import os
import random
import shutil
import socket
import statistics
import time
import unittest

import gateway as g
from services import free_port

MIB = 1 << 20
DEVICES = 64
MOST_PRIVATE = 24 * MIB
RELEASES = 1000
PRODUCT = "[product.sensor]\ndevice_id = query:id\ndevice_version = query:version\n"


def source(releases):
    return f"[source.stick]\ntype = directory\npath = {releases}\nproduct = sensor\n"


def transport(port=0):
    return f"[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:{port}\n"


class Download:
    """A device that takes its image piece by piece."""

    def __init__(self, port, number):
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.sock.sendall(f"GET /sensor/firmware?id=device-{number}&version=1.0.0 HTTP/1.1\r\nHost: gw\r\n\r\n".encode())
        self.file = self.sock.makefile("rb", buffering=4096)
        self.status = int(self.file.readline().split()[1])
        self.length = int(http.client.parse_headers(self.file)["Content-Length"])
        self.body = bytearray()

    def take(self, count):
        self.body += self.file.read(min(count, self.length - len(self.body)))

    def close(self):
        self.file.close()
        self.sock.close()

    @property
    def done(self):
        return len(self.body) == self.length


class PrivateMemory(unittest.TestCase):
    def test_64_devices_at_once(self):
        folder = g.scratch(self)
        image = random.Random(9).randbytes(4 * MIB)
        g.write_release(folder / "releases", "1.1.0", image)
        with g.Gateway(folder / "gw", source(folder / "releases") + PRODUCT + transport()) as gateway:
            gateway.start()
            gateway.wait_for_release("sensor", "1.1.0")
            idle = self.private(gateway)
            devices = [Download(gateway.port(), number) for number in range(DEVICES)]
            self.assertEqual({device.status for device in devices}, {200})
            most = idle
            while not all(device.done for device in devices):
                for device in devices:
                    device.take(128 << 10)
                most = max(most, self.private(gateway), key=sum)
            self.assertTrue(all(device.body == image for device in devices), "wrong bytes")
            for device in devices:
                device.close()
        print(f"private memory: agent {idle[0] / MIB:.1f} MiB and host {idle[1] / MIB:.1f} MiB idle; at most "
              f"{most[0] / MIB:.1f} + {most[1] / MIB:.1f} = {sum(most) / MIB:.1f} MiB while {DEVICES} devices download")
        if not gateway.build.sanitized:
            self.assertLessEqual(sum(most), MOST_PRIVATE)

    def private(self, gateway):
        return (g.private_memory(gateway.process.pid), g.private_memory(gateway.host_pids()[0]))


class Start(unittest.TestCase):
    def test_serving_soon_with_a_thousand_releases(self):
        folder, port = g.scratch(self), free_port()
        self.fill(folder / "gw" / "store")
        gateway = g.Gateway(folder / "gw", PRODUCT + transport(port))
        self.addCleanup(gateway.__exit__, None)
        took = [self.first_answer(gateway, port) for _ in range(5)]
        median = statistics.median(took)
        print(f"start with {RELEASES} releases: first answer after {median * 1000:.0f} ms (median of "
              f"{', '.join(f'{t * 1000:.0f}' for t in took)})")
        if not gateway.build.sanitized:
            self.assertLess(median, 1.0)

    def fill(self, store):
        """Puts 1,000 releases into a store; in memory, since it is not the disk's syncs that are measured here."""
        memory = g.scratch(self, "/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        rng = random.Random(4)
        for number in range(RELEASES):
            g.write_release(memory / "releases", f"1.0.{number}", rng.randbytes(2000))
        with g.Gateway(memory / "gw", source(memory / "releases") + PRODUCT + transport()) as filler:
            filler.start()
            g.wait_for(lambda: len(filler.releases()) == RELEASES, "everything is held", 180, 0.2)
            self.assertEqual(filler.stop(), 0)
            shutil.copytree(filler.store, store)

    def first_answer(self, gateway, port):
        """Seconds from starting the program to the end of a device's first answer."""
        began = time.monotonic()
        gateway.launch()

        def answered():
            try:
                return g.fetch(port, "/sensor/firmware?id=a&version=1.0.0")[0] == 200
            except (OSError, http.client.HTTPException):
                return False
        g.wait_for(answered, "the first answer", interval=0.001)
        took = time.monotonic() - began
        gateway.stop()
        return took


if __name__ == "__main__":
    unittest.main(verbosity=2)
