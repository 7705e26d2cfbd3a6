#!/usr/bin/python3
"""The device-side library against the real gateway over HTTP: links that are cut, power that goes, code that does not
confirm."""
import os
import random
import unittest

import rig
import ferry_ota
from emulated_files import PowerCut
from ferry_ota.wifi import WiFi
from link_proxy import LinkProxy

TRANSPORT = "[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\nproduct = tracker\n"
FETCHED = sum(len(rig.NEW[name]) for name in rig.NEW if rig.OLD.get(name) != rig.NEW[name]) + len(rig.IMAGE)
MANIFEST = 4_000  # more than two of it


class CountingWiFi(WiFi):
    """`received`: bytes of bodies that the device got."""

    received = 0

    def open(self, name, offset, tag):
        body = super().open(name, offset, tag)
        read = body.readinto

        def counted(view):
            count = read(view)
            self.received += count
            return count
        body.readinto = counted
        return body


class OverHttp(rig.GatewayCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.start_gateway(TRANSPORT)

    def device(self, port=None):
        return rig.Device(self, CountingWiFi("127.0.0.1", port or self.gateway.port(), timeout=10))

    def finish(self, device):
        """Starts and updates until the new release is confirmed."""
        ota = device.ota()
        outcome = ota.boot()
        self.assertIn(device.runs(), ("old", "new"))
        if outcome != ferry_ota.TRIAL and ota.version == "1.0.0":
            self.assertEqual(ota.update(force=True), ferry_ota.INSTALLED)
            ota = device.ota()
            outcome = ota.boot()
        if outcome == ferry_ota.TRIAL:
            self.assertTrue(ota.confirm())
        self.assertEqual((device.runs(), ota.version, ota.phase), ("new", "1.0.1", "idle"))

    def test_update_confirm_and_nothing_newer(self):
        device = self.device()
        ota = device.ota()
        self.assertEqual((ota.boot(), ota.update()), (ferry_ota.NORMAL, ferry_ota.INSTALLED))
        self.finish(device)
        self.assertEqual(device.ota().update(), ferry_ota.CURRENT)

    def test_unconfirmed_code_is_rolled_back(self):
        device = self.device()
        device.ota().update()
        for _ in range(3):
            self.assertEqual((device.ota().boot(), device.runs()), (ferry_ota.TRIAL, "new"))
        ota = device.ota()
        self.assertEqual((ota.boot(), device.runs()), (ferry_ota.ROLLED_BACK, "old"))
        self.assertEqual((ota.update(), ota.refused), (ferry_ota.REFUSED, "1.0.1"))
        self.finish(device)

    def test_link_cut_at_many_bytes(self):
        """Each byte of a file comes to the device once."""
        edges = [1, 2, 99, 100, 101, 500]
        for cut in edges + [random.randrange(1, FETCHED) for _ in range(40)]:
            with self.subTest(cut=cut), LinkProxy(("127.0.0.1", self.gateway.port())) as proxy:
                device = self.device(proxy.port)
                proxy.cut_after(cut, proxy.restore)
                self.assertEqual(device.ota().update(), ferry_ota.INSTALLED)
                self.assertEqual(proxy.cuts, 1)
                self.assertLess(device.transport.received, FETCHED + MANIFEST)
                self.finish(device)

    def test_link_cut_every_few_thousand_bytes(self):
        with LinkProxy(("127.0.0.1", self.gateway.port())) as proxy:
            def again():
                proxy.restore()
                proxy.cut_after(random.randrange(1_500, 9_000), again)
            again()
            device = self.device(proxy.port)
            self.assertEqual(device.ota().update(), ferry_ota.INSTALLED)
            self.assertGreater(proxy.cuts, FETCHED // 9_000)
            self.assertLess(device.transport.received, FETCHED + MANIFEST)
            self.finish(device)

    def test_a_device_that_restarts_goes_on_where_it_was(self):
        """Nothing of what was gathered is fetched twice."""
        with LinkProxy(("127.0.0.1", self.gateway.port())) as proxy:
            device = self.device(proxy.port)
            proxy.cut_after(100_000)
            with self.assertRaises(ferry_ota.OtaError):
                device.ota().update()
            proxy.restore()
            self.finish(device)
            self.assertLess(device.transport.received, FETCHED + MANIFEST)

    def test_power_cut_at_many_steps(self):
        step, cuts = 0, 0
        while True:
            step += 1 if step < 12 else 5
            device = self.device()
            files = rig.FaultyFiles(str(device.folder), step)
            try:
                device.ota(files).update()
                break
            except PowerCut:
                cuts += 1
            with self.subTest(step=step):
                self.finish(device)
        self.assertGreater(cuts, 20)

    def test_the_gateway_is_killed_in_between(self):
        port = self.gateway.port()
        with LinkProxy(("127.0.0.1", port)) as proxy:
            device = self.device(proxy.port)
            proxy.cut_after(60_000)
            with self.assertRaises(ferry_ota.OtaError):
                device.ota().update()
            self.gateway.kill()
            proxy.restore()
            with self.assertRaises(ferry_ota.errors.LinkError):
                device.ota().update()
        self.gateway.start()
        device.transport = WiFi("127.0.0.1", self.gateway.port(), timeout=10)
        self.finish(device)


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
