#!/usr/bin/python3
"""QuecPython modules and home-grown clients against the real server over sockets: what resumes by ranges, and how
a request is known to come from a product's devices."""
import hashlib
import os
import random
import unittest

import gateway as g
import http_servers as servers
import device_common as common
from plain_device import PlainDevice
from quec_device import QuecDevice

binary = random.Random(11).randbytes


class Quec(servers.DeviceCase):
    def start(self):
        self.image = binary(70_000)
        return servers.start(self, {"quec": {"2.0": {"firmware": self.image, "usr/a.py": b"a = 2\n"}}},
                             {"quec": {"dialect": "quecpython"}})

    def device(self, server, **options):
        return QuecDevice(self.link(server, **options), g.scratch(self), "/quec")

    def test_updates(self):
        device = self.device(self.start())
        self.assertEqual(device.update(), "updated")
        self.assertEqual((device.state / "usr/firmware.bin").read_bytes(), self.image)
        self.assertEqual((device.state / "usr/a.py").read_bytes(), b"a = 2\n")
        self.assertEqual(device.update(), "current")

    def test_goes_on_where_it_was_cut(self):
        server = self.start()
        for cut in (1_000, 30_001, 70_300):
            device = self.device(server, cut_after=cut)
            with self.assertRaises(common.LinkCut):
                device.update()
            device.link.cut_after = None
            before = device.link.received
            self.assertEqual(device.update(), "updated")
            self.assertEqual((device.state / "usr/firmware.bin").read_bytes(), self.image)
            self.assertLess(device.link.received - before, 70_000 - cut + 3_000)

    def test_a_file_that_is_whole_already_is_no_failure(self):
        server = self.start()
        device = self.device(server)
        whole = device.state / "whole"
        whole.write_bytes(self.image)
        device.download("/quec/2.0/firmware_2.0.bin", whole)
        self.assertEqual(whole.read_bytes(), self.image)
        status, headers, body = g.fetch(server.port, "/quec/2.0/firmware_2.0.bin", {"Range": "bytes=70001-"})
        self.assertEqual((status, headers["Content-Range"], body), (416, "bytes */70000", b""))

    def test_the_lasting_name_is_not_there(self):
        """Its bytes change with the release, and this client would append new ones to old ones."""
        self.assertEqual(g.fetch(self.start().port, "/quec/firmware")[0], 404)


class Plain(servers.DeviceCase):
    def start(self, releases=None, **product):
        self.image = binary(300_000)
        return servers.start(self, releases or {"cam": {"1.0": {"firmware": b"old"}, "2.0": {"firmware": self.image}}},
                             {"cam": {"device_version": "query:version", **product}})

    def test_updates_and_resumes(self):
        server = self.start()
        for cut in (None, 100_000, 299_999):
            device = PlainDevice(self.link(server, cut_after=cut), g.scratch(self), "/cam")
            if cut:
                with self.assertRaises(common.LinkCut):
                    device.update()
                device.link.cut_after = None
            self.assertEqual(device.update(), "updated")
            self.assertEqual((device.state / "firmware.bin").read_bytes(), self.image)
            self.assertEqual(device.update(), "current")

    def test_the_image_under_its_lasting_name(self):
        server = self.start()
        status, headers, body = g.fetch(server.port, "/cam/firmware?version=1.0")
        tag = f'"{hashlib.sha256(self.image).hexdigest()}"'
        self.assertEqual((status, body), (200, self.image))
        self.assertEqual((headers["X-Ferry-Version"], headers["X-Ferry-Role"], headers["ETag"]), ("2.0", "firmware", tag))
        self.assertEqual(g.fetch(server.port, "/cam/firmware?version=2.0")[0], 204)
        self.assertEqual(g.fetch(server.port, "/cam/firmware", {"If-None-Match": tag})[0], 304)
        # A range of a name whose bytes change is only served against their tag.
        self.assertEqual(g.fetch(server.port, "/cam/firmware", {"Range": "bytes=10-19"})[0], 200)
        status, _, body = g.fetch(server.port, "/cam/firmware", {"Range": "bytes=10-19", "If-Range": tag})
        self.assertEqual((status, body), (206, self.image[10:20]))
        self.assertEqual(g.fetch(server.port, "/cam/firmware", {"Range": "bytes=10-19", "If-Range": '"other"'})[0], 200)

    def test_products_by_query_header_and_path(self):
        server = servers.start(
            self, {name: {"1": {"firmware": name.encode()}} for name in ("one", "two", "three", "four")},
            {"one": {"match_query": "kind=one"}, "two": {"match_header": "X-Kind: two"}, "three": {"match_path": "/3/x"}},
            product="four")
        for path, headers, wanted in (("/firmware?kind=one", {}, b"one"), ("/firmware", {"x-kind": "two"}, b"two"),
                                      ("/3/x/firmware", {}, b"three"), ("/firmware", {}, b"four"),
                                      ("/two/firmware?kind=one", {}, b"two")):
            self.assertEqual(g.fetch(server.port, path, headers)[2], wanted, (path, headers))

    def test_products_by_address(self):
        server = servers.start(self, {"near": {"1": {"firmware": b"near"}}, "far": {"1": {"firmware": b"far"}}},
                               {"near": {"match_address": "127.0.7.0/24"}, "far": {"match_address": "127.0.8.9/32"}})
        for source, wanted in (("127.0.7.200", b"near"), ("127.0.8.9", b"far"), ("127.0.8.10", None)):
            with self.link(server, source=source).connect() as connection:
                connection.send(b"GET /firmware HTTP/1.0\r\n\r\n")
                reader = common.Reader(connection)
                _, status, _ = common.read_head(reader)
                self.assertEqual(reader.read() if status == 200 else None, wanted, source)


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
