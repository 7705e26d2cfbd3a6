#!/usr/bin/python3
"""Wrong bytes: whatever flips in the store or comes wrong from the cloud, no device is given one."""
import http.client
import json
import os
import pathlib
import random
import shutil
import stat
import unittest

import gateway as g
from services import Certificates, Nginx, run

PRODUCT = "[product.sensor]\ndevice_id = query:id\ndevice_version = query:version\n"
WIFI = "[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\n"


def flip(path, offset, bit):
    """Flips one bit of a file that is read-only to everybody."""
    mode = stat.S_IMODE(os.stat(path).st_mode)
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))
    os.chmod(path, mode)


def ask(port, path):
    """The body, or None when the gateway refused or broke off."""
    try:
        status, _, body = g.fetch(port, path)
    except (OSError, http.client.HTTPException):
        return None
    return body if status == 200 else None


class FlippedInTheStore(unittest.TestCase):
    ROUNDS, PACKS = 10, 100

    def setUp(self):
        self.folder = g.scratch(self)
        random.seed(11)
        self.images = {f"1.0.{n}": random.randbytes(random.choice((70_000, 270_000, 330_000)))
                       for n in range(self.PACKS)}
        self.releases = self.folder / "releases"
        for version, image in self.images.items():
            g.write_release(self.releases, version, image)
        self.source = f"[source.stick]\ntype = directory\npath = {self.releases}\nproduct = sensor\n"

    def filled(self):
        """A stopped gateway's store that holds everything."""
        with g.Gateway(self.folder / "first", self.source + PRODUCT + WIFI) as gateway:
            gateway.start()
            g.wait_for(lambda: len(gateway.releases()) == self.PACKS, "everything is held", 60)
            self.assertEqual(gateway.stop(), 0)
            return gateway.store

    def path(self, version):
        return f"/sensor/{version}/firmware_{version}.bin"

    def test_a_thousand_flips_never_reach_a_device(self):
        pristine = self.filled()
        gateway = g.Gateway(self.folder / "gw", PRODUCT + WIFI, log_level="error")
        self.addCleanup(gateway.__exit__, None)
        flips = refused = 0
        packs = sorted(os.listdir(pristine / "packs"))
        rounds = -(-1000 // len(packs)) if len(packs) < self.PACKS else self.ROUNDS
        for _ in range(rounds):
            shutil.rmtree(gateway.store, ignore_errors=True)
            shutil.copytree(pristine, gateway.store)
            for pack in packs:
                path = gateway.store / "packs" / pack
                flip(path, random.randrange(path.stat().st_size), random.randrange(8))
                flips += 1
            gateway.start()
            port = gateway.port()
            for version, image in self.images.items():
                body = ask(port, self.path(version))
                self.assertTrue(body is None or body == image, f"wrong bytes of {version} were served")
                refused += body is None
            gateway.kill()
        print(f"{flips} flips in {len(packs)} packs: {refused} answers refused or broken off, none wrong")
        self.assertGreaterEqual(flips, 1000)
        # Most bytes of a pack are content: if flips were harmless, they did not hit what is served.
        self.assertGreater(refused, flips // 2)

    def test_a_bad_pack_is_quarantined_and_fetched_again(self):
        store = self.filled()
        gateway = g.Gateway(self.folder / "first", self.source + PRODUCT + WIFI)
        self.addCleanup(gateway.__exit__, None)
        packs = [store / "packs" / name for name in os.listdir(store / "packs")]
        biggest = max(packs, key=lambda path: path.stat().st_size)
        flip(biggest, biggest.stat().st_size // 2, 3)
        gateway.start()
        for version, image in self.images.items():
            body = ask(gateway.port(), self.path(version))
            self.assertTrue(body is None or body == image, f"wrong bytes of {version} were served")
        g.wait_for(lambda: gateway.status()["store"]["quarantined"] == 1, "the pack is in quarantine")
        gateway.sync()
        g.wait_for(lambda: len(gateway.releases()) == self.PACKS, "everything is held again")
        for version, image in self.images.items():
            self.assertTrue(ask(gateway.port(), self.path(version)) == image, f"{version} is not served again")


class WrongFromTheCloud(unittest.TestCase):
    """A site on nginx that somebody tampered with."""

    def setUp(self):
        self.folder = g.scratch(self)
        self.site = self.folder / "site"
        self.key = self.folder / "site.key"
        self.image = random.Random(5).randbytes(700_000)
        self.build = g.Build()
        self.public_key = run(self.build.ferryctl, "keygen", self.key).split()[-1]
        self.publish("1.1.0", self.image)
        certificates = Certificates(self.folder / "tls")
        self.nginx = self.enterContext(Nginx(self.folder / "nginx", self.site, certificates))
        self.sections = (f"[source.cloud]\ntype = https\nurl = https://127.0.0.1:{self.nginx.port}/\n"
                         f"public_key = {self.public_key}\nca_file = {certificates.ca}\ninterval = 1s\n"
                         + PRODUCT + WIFI)

    def publish(self, version, image, key=None):
        layout = self.folder / "layout"
        g.write_release(layout, version, image)
        run(self.build.ferryctl, "publish", layout, self.site, "--product", "sensor", "--key", key or self.key)

    def gateway(self):
        made = g.Gateway(self.folder / "gw", self.sections)
        self.addCleanup(made.__exit__, None)
        return made.start()

    def stored_image(self):
        """Where the site keeps the image of 1.1.0."""
        for path in self.site.rglob("*"):
            if path.is_file() and path.stat().st_size == len(self.image):
                return path
        raise AssertionError("the image is not in the site")

    def held_back(self, gateway):
        """After at least one more complete try, the release is not offered and its bytes are not served."""
        g.wait_for(lambda: gateway.source()["last_error"], "the source says what is wrong")
        self.assertEqual(gateway.releases(), set())
        self.assertIsNone(ask(gateway.port(), "/sensor/1.1.0/firmware_1.1.0.bin"))
        self.assertIsNone(ask(gateway.port(), "/sensor/firmware?id=a&version=1.0.0"))

    def recovers(self, gateway):
        gateway.sync("cloud")
        gateway.wait_for_release("sensor", "1.1.0")
        self.assertTrue(ask(gateway.port(), "/sensor/1.1.0/firmware_1.1.0.bin") == self.image, "wrong bytes")

    def test_a_wrong_body_is_thrown_away_and_counted(self):
        path = self.stored_image()
        flip(path, 300_000, 0)
        gateway = self.gateway()
        self.held_back(gateway)
        g.wait_for(lambda: gateway.source()["rejected"] > 0, "it is counted")
        flip(path, 300_000, 0)
        self.recovers(gateway)

    def test_a_body_that_ends_early_is_not_served(self):
        path = self.stored_image()
        path.write_bytes(self.image[:-1])
        gateway = self.gateway()
        self.held_back(gateway)
        path.write_bytes(self.image)
        self.recovers(gateway)

    def test_an_index_of_another_key_is_refused(self):
        other = self.folder / "other.key"
        run(self.build.ferryctl, "keygen", other)
        index = self.site / "index.json"
        good = index.read_bytes()
        elsewhere = self.folder / "elsewhere"
        run(self.build.ferryctl, "publish", self.folder / "layout", elsewhere, "--product", "sensor", "--key", other)
        index.write_bytes((elsewhere / "index.json").read_bytes())
        gateway = self.gateway()
        self.held_back(gateway)
        g.wait_for(lambda: gateway.source()["rejected"] > 0, "it is counted")
        index.write_bytes(good)
        self.recovers(gateway)

    def test_an_index_without_signature_is_refused(self):
        index = self.site / "index.json"
        good = index.read_bytes()
        envelope = json.loads(good)
        envelope["signatures"] = []
        index.write_text(json.dumps(envelope))
        gateway = self.gateway()
        self.held_back(gateway)
        index.write_bytes(good)
        self.recovers(gateway)

    def test_a_release_document_that_the_index_does_not_know_is_refused(self):
        documents = [p for p in self.site.rglob("*.json") if p.name != "index.json"]
        self.assertEqual(len(documents), 1)
        good = documents[0].read_bytes()
        flipped = bytearray(good)
        flipped[good.index(b"1.1.0")] = ord("9")
        documents[0].write_bytes(flipped)
        gateway = self.gateway()
        self.held_back(gateway)
        documents[0].write_bytes(good)
        self.recovers(gateway)

    def test_an_older_index_is_a_replay(self):
        index = self.site / "index.json"
        older = index.read_bytes()
        self.publish("1.2.0", self.image[::-1])
        gateway = self.gateway()
        gateway.wait_for_release("sensor", "1.2.0")
        index.write_bytes(older)
        os.utime(index)
        gateway.sync("cloud")
        g.wait_for(lambda: gateway.source()["last_error"], "the replay is refused")
        self.assertIn(("sensor", "1.2.0"), gateway.releases())
        self.assertEqual(pathlib.Path(index).read_bytes(), older)


if __name__ == "__main__":
    unittest.main(verbosity=2)
