#!/usr/bin/python3
"""Cloud to gateway: a pull that is killed again and again fetches little twice, and ends with the right bytes."""
import hashlib
import os
import random
import re
import unittest

import gateway as g
from link_proxy import LinkProxy
from services import Nginx, run

SIZE = 64 << 20
KILLS = 20
MOST_FETCHED_AGAIN = 1 << 20
# What may have been on its way to ferryd, in the kernel, when it was killed: not fetched by its own count.
ON_THE_WAY = 2 << 20
IMAGE = "/camera/2.0.0/firmware_2.0.0.bin"


class Pull:
    """The requests for the image as they pass over the link."""

    def __init__(self):
        self.link = None
        self.requests = []  # (where the request goes on, bytes that had come over the link before)

    def asked(self, piece):
        if re.match(rb"GET \S+(?<!\.json) HTTP", piece):
            found = re.search(rb"\r\nRange: bytes=(\d+)-", piece)
            self.requests.append((int(found[1]) if found else 0, self.link.down_bytes))

    def position(self):
        """How far the image has come over the link."""
        start, before = self.requests[-1]
        return start + self.link.down_bytes - before


class KilledPull(unittest.TestCase):
    def setUp(self):
        folder = g.scratch(self)
        build = g.Build()
        layout, site, key = folder / "layout", folder / "site", folder / "site.key"
        self.seed = int(os.environ.get("FERRY_SEED", random.randrange(1 << 30)))
        self.random = random.Random(self.seed)
        image = self.random.randbytes(SIZE)
        self.right = hashlib.sha256(image).hexdigest()
        g.write_release(layout, "2.0.0", image)
        public_key = run(build.ferryctl, "keygen", key).split()[-1]
        run(build.ferryctl, "publish", layout, site, "--product", "camera", "--key", key)
        # Without TLS, so that the link sees which ranges are asked for; the signature is what is believed.
        nginx = self.enterContext(Nginx(folder / "nginx", site))
        self.pull = Pull()
        # Slow enough that a kill meets the pull where it was aimed at; small buffers, so that what was
        # forwarded is about what ferryd has read.
        self.pull.link = self.enterContext(LinkProxy(("127.0.0.1", nginx.port), rate=24 << 20, buffer=32 << 10,
                                                     on_up=self.pull.asked))
        sections = (f"[source.cloud]\ntype = https\nurl = http://127.0.0.1:{self.pull.link.port}/\n"
                    f"public_key = {public_key}\n"
                    "[product.camera]\n[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\n")
        self.gateway = g.Gateway(folder / "gw", sections, build)
        self.addCleanup(self.gateway.__exit__, None)

    def fetched(self):
        """How far ferryd itself says the image has come."""
        try:
            fetching = self.gateway.source()["fetching"]
        except OSError:  # not up yet, although it fetches already
            return 0
        return fetching["bytes_done"] if fetching else 0

    def kill_at(self, moment):
        """Kills ferryd when that much of the image has come. Gives how far it had come by ferryd's own count and
        by the link's."""
        runs = len(self.pull.requests)
        self.gateway.launch()
        g.wait_for(lambda: len(self.pull.requests) > runs and self.pull.position() >= moment,
                   f"byte {moment} passes", 60, 0.001)
        own = self.fetched()
        self.gateway.kill()
        return own, self.pull.position()

    def test_killed_at_random_moments_fetches_at_most_one_mebibyte_again(self):
        moments = sorted(self.random.randrange(1, SIZE - (1 << 20)) for _ in range(KILLS))
        killed = [self.kill_at(moment) for moment in moments]
        self.gateway.start()
        self.gateway.wait_for_release("camera", "2.0.0", 120)
        body = g.fetch(self.gateway.port(), IMAGE, timeout=60)[2]
        self.assertEqual(hashlib.sha256(body).hexdigest(), self.right)

        went_on = [start for start, _ in self.pull.requests]
        self.assertEqual(len(went_on), KILLS + 1, f"seed {self.seed}: one request for each run")
        own = [count - start for (count, _), start in zip(killed, went_on[1:])]
        wire = [count - start for (_, count), start in zip(killed, went_on[1:])]
        print(f"{KILLS} kills of a 64 MiB pull (seed {self.seed}): fetched again at most {max(own) >> 10} KiB by "
              f"ferryd's count, {max(wire) >> 10} KiB by the link's, on average {sum(wire) // KILLS >> 10} KiB")
        self.assertLessEqual(max(own), MOST_FETCHED_AGAIN)
        self.assertLessEqual(max(wire), MOST_FETCHED_AGAIN + ON_THE_WAY)
        self.assertLessEqual(sum(wire), KILLS * MOST_FETCHED_AGAIN)


if __name__ == "__main__":
    unittest.main(verbosity=2)
