#!/usr/bin/python3
"""The medium fails: full or read-only. What is whole is served on, the status says what is wrong, and nobody has to
help when there is room again.

Mounts small file systems, so it runs in a mount namespace of its own (and a user namespace, unless root)."""
import ctypes
import os
import pathlib
import random
import sys
import tempfile
import unittest

import gateway as g
from services import run

MIB = 1 << 20
SECTIONS = """
[source.stick]
type = directory
path = {releases}
product = sensor
interval = 1s
[product.sensor]
device_id = query:id
device_version = query:version
[transport.wifi]
plugin = http
listen = 127.0.0.1:0
"""


class Medium(unittest.TestCase):
    def setUp(self):
        self.folder = g.scratch(self)
        self.medium = self.folder / "medium"
        self.medium.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", self.medium)
        self.addCleanup(run, "umount", "--lazy", self.medium)
        self.releases = self.folder / "releases"
        self.image = random.Random(2).randbytes(2 * MIB)
        g.write_release(self.releases, "1.0.0", self.image)
        self.gateway = g.Gateway(self.folder / "gw", SECTIONS.format(releases=self.releases),
                                 store=self.medium / "store")
        self.addCleanup(self.gateway.__exit__, None)

    def remount(self, options):
        run("mount", "-o", f"remount,{options}", self.medium)

    def served(self, version, image):
        status, _, body = g.fetch(self.gateway.port(), f"/sensor/{version}/firmware_{version}.bin")
        self.assertEqual(status, 200)
        self.assertTrue(body == image, "wrong bytes")
        # So is a device that comes for the first time, though nothing can be written about it.
        status, _, body = g.fetch(self.gateway.port(), f"/sensor/firmware?id=new-{random.random()}&version=0.9")
        self.assertEqual((status, len(body)), (200, len(image)))

    def error(self):
        """What a person is told of the trouble."""
        status = self.gateway.status()
        return " ".join(filter(None, [status["store"]["error"], *(s["last_error"] for s in status["sources"])]))


class DiskFull(Medium):
    def test_a_release_that_does_not_fit_leaves_what_is_held_alone(self):
        self.gateway.start()
        self.gateway.wait_for_release("sensor", "1.0.0")
        bigger = random.Random(3).randbytes(12 * MIB)
        g.write_release(self.releases, "1.1.0", bigger)
        self.gateway.sync()
        g.wait_for(lambda: "1.1.0" in self.error() and "do not fit" in self.error(), "the status says why")
        print(f"the status says: {self.error()}")
        self.assertEqual(self.gateway.releases(), {("sensor", "1.0.0")})
        self.served("1.0.0", self.image)
        self.remount("size=64M")
        self.gateway.wait_for_release("sensor", "1.1.0", 90)
        self.served("1.1.0", bigger)
        g.wait_for(lambda: not self.error(), "the status is good again")

    def test_a_disk_that_others_filled_to_the_last_byte(self):
        self.gateway.start()
        self.gateway.wait_for_release("sensor", "1.0.0")
        filler = self.medium / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        self.served("1.0.0", self.image)
        g.write_release(self.releases, "1.0.1", self.image[::-1])
        self.gateway.sync()
        g.wait_for(lambda: "full" in self.gateway.status()["store"]["error"], "the status says what is wrong")
        print(f"the status says: {self.error()}")
        self.assertFalse(self.gateway.status()["store"]["writable"])
        self.served("1.0.0", self.image)
        # Even a start finds a full disk.
        self.gateway.kill()
        self.gateway.start()
        self.served("1.0.0", self.image)
        filler.unlink()
        self.gateway.wait_for_release("sensor", "1.0.1", 90)
        self.served("1.0.1", self.image[::-1])
        g.wait_for(lambda: not self.error(), "the status is good again")


class ReadOnly(Medium):
    def test_a_medium_that_became_read_only_is_served_from(self):
        self.gateway.start()
        self.gateway.wait_for_release("sensor", "1.0.0")
        self.gateway.kill()  # as the power cut that made the medium so; leaves a log in place
        self.remount("ro")
        before = self.contents()
        self.gateway.start()
        g.write_release(self.releases, "1.0.1", self.image[::-1])
        self.served("1.0.0", self.image)
        g.wait_for(lambda: not self.gateway.status()["store"]["writable"], "the status says so")
        g.wait_for(lambda: "make the medium writable" in self.error(), "the status says why")
        print(f"the status says: {self.error()}")
        self.assertEqual(self.contents(), before)
        self.remount("rw")
        self.gateway.wait_for_release("sensor", "1.0.1", 90)
        self.served("1.0.1", self.image[::-1])
        g.wait_for(lambda: self.gateway.status()["store"]["writable"], "the status is good again")

    def contents(self):
        return {path: path.stat().st_size for path in pathlib.Path(self.medium).rglob("*") if path.is_file()}


CLONE_NEWNS = 0x20000
MS_PRIVATE_RECURSIVE = 0x40000 | 0x4000


def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), function.__name__ + ": " + os.strerror(ctypes.get_errno()))


def keep_mounts():
    """Gives root a mount namespace of its own, out of which no mount leaks. Only the root of a mount can be told to
    leak nothing, and that of a chroot seldom is one: so this leaves the chroot, if it is in one, for that call."""
    libc = ctypes.CDLL(None, use_errno=True)
    call(libc.unshare, CLONE_NEWNS)
    here, root = os.open(".", os.O_RDONLY), os.open("/", os.O_RDONLY)
    with tempfile.TemporaryDirectory() as below:
        os.chroot(below)
    os.fchdir(root)
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")
    call(libc.mount, None, b"/", None, MS_PRIVATE_RECURSIVE, None)
    os.fchdir(root)
    os.chroot(".")
    os.fchdir(here)
    os.close(root)
    os.close(here)


def in_namespace():
    """Goes where this program may mount; who is not root begins anew in a user namespace."""
    if os.geteuid() == 0 and not os.environ.get("FERRY_MOUNT_NAMESPACE"):
        keep_mounts()
    elif os.geteuid() != 0:
        os.environ["FERRY_MOUNT_NAMESPACE"] = "yes"
        os.execvp("unshare", ["unshare", "--mount", "--map-root-user", sys.executable, *sys.argv])


if __name__ == "__main__":
    in_namespace()
    unittest.main(verbosity=2)
