"""One gateway that holds release 1.1.0 of a meter, for devices that wait to be told."""
import unittest

import gateway as g
import mcuboot_image
from waiting import scratch, wait_for


def image(version, size=24_000, seed=7):
    return mcuboot_image.make(version, mcuboot_image.body(size, seed))


class ToldTest(unittest.TestCase):
    OLD, NEW = image("1.0.0", seed=1), image("1.1.0", seed=2)
    LIMIT = 60  # seconds that a delivery may take

    def setUp(self):
        self.folder = scratch(self)
        self.releases = self.folder / "releases"
        self.gateway = None

    def publish(self, version="1.1.0", content=None):
        g.write_release(self.releases, version, content or self.NEW)

    def start_gateway(self, transport, product=""):
        """`transport`: its whole section."""
        if not self.releases.exists():
            self.publish()
        self.gateway = g.Gateway(
            self.folder / "gw", f"[source.local]\ntype = directory\npath = {self.releases}\nproduct = meter\n"
            f"[product.meter]\nretry_delay = 100ms\n{product}{transport}", log_level="debug")
        self.addCleanup(self._end)
        self.gateway.start()

    def _end(self):
        result = self._outcome.result
        failed = any(test is self for test, _ in result.failures + result.errors)
        self.gateway.__exit__(AssertionError if failed else None)

    def deliveries(self):
        return self.gateway.get("/v1/deliveries")

    def wait_for_state(self, state, limit=None):
        wait_for(lambda: any(row["state"] == state for row in self.deliveries()), f"a delivery is {state}",
                 limit or self.LIMIT)
        return next(row for row in self.deliveries() if row["state"] == state)
