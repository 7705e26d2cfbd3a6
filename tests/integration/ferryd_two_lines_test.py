#!/usr/bin/python3
"""One device that two transports reach: each step is in one hand at a time."""
import random
import unittest

import gateway as g
import puppets as p

SECTIONS = """[source.stick]
type = directory
path = {folder}/releases
product = pump
[transport.line]
plugin = puppet
[transport.other]
plugin = puppet
[product.pump]
"""


class TwoLines(unittest.TestCase):
    def setUp(self):
        folder = g.scratch(self)
        self.image, _ = p.mcuboot_image(random.Random(7).randbytes(20000))
        g.write_release(folder / "releases", "1.1", self.image)
        build = g.Build()
        build.plugins = build.folder / "tests" / "plugins"
        self.gateway = g.Gateway(folder / "gw", SECTIONS.format(folder=folder), build)
        self.addCleanup(self.gateway.__exit__, None)
        self.gateway.start()
        self.gateway.wait_for_release("pump", "1.1")
        self.one, self.other = (p.Strings(self.gateway.port(name)) for name in ("line", "other"))
        self.addCleanup(self.one.close)
        self.addCleanup(self.other.close)

    def test_the_second_is_told_when_the_first_has_ended(self):
        device = p.Puppet("a")
        first = device.ask(self.one)
        device.fetch(self.one, first, 10240)
        before = self.other.changed
        self.assertIsNone(device.ask(self.other))
        device.end(self.one, p.LOST)
        self.other.wait_for_change(before)
        # It goes on there, with the same delivery.
        again = device.ask(self.other)
        self.assertEqual((again.kind, again.delivery), ("transfer", first.delivery))
        device.take(self.other, again)
        self.assertEqual([device.obey(self.other), device.obey(self.other)], ["activate", "confirm"])
        self.assertEqual(device.received, self.image)


if __name__ == "__main__":
    unittest.main(verbosity=2)
