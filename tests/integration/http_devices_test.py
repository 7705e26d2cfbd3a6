#!/usr/bin/python3
"""Pycom modules, ESP32 boards and chunked updaters against the real server over sockets, each asking exactly as it
does."""
import hashlib
import io
import json
import os
import random
import tarfile
import unittest

import gateway as g
import http_servers as servers
import device_common as common
from chunked_device import ChunkedDevice
from esp32_json_device import CLIENTS, Esp32JsonDevice
from pycom_device import READ, PycomDevice

binary = random.Random(7).randbytes


def sha1(content):
    return hashlib.sha1(content).hexdigest()


OLD = {"flash/main.py": b"print(1)\n", "flash/lib/a.py": b"a = 1\n", "flash/lib/gone.py": b"gone\n",
       "sd/asset.wav": b"RIFF\0\xff\x80 old"}
NEW = {"flash/main.py": b"print(2)\n", "flash/lib/a.py": b"a = 1\n", "flash/lib/n.py": b"n = 1\n",
       "sd/asset.wav": b"\x80\0\r\n\r\n" + binary(7000)}


class Pycom(servers.DeviceCase):
    def start(self, releases=None, **product):
        image = {"firmware": binary(123456)}
        self.image = image["firmware"]
        releases = releases or {"meter": {"1.0.0": OLD, "1.0.1": {**NEW, **image}}}
        return servers.start(self, releases, {"meter": {"dialect": "pycom", **product}}, product="meter")

    def device(self, server, files=None, version="1.0.0", **options):
        state = g.scratch(self)
        for folder in ("flash/lib", "sd"):
            (state / folder).mkdir(parents=True)
        for name, content in (OLD if files is None else files).items():
            (state / name).write_bytes(content)
        (state / "version").write_text(version)
        return PycomDevice(self.link(server, **options), state)

    def test_updates_files_and_firmware(self):
        device = self.device(self.start())
        self.assertEqual(device.update(), "updated")
        self.assertEqual(device.files(), NEW)
        self.assertEqual(device.version, "1.0.1")
        self.assertEqual((device.state / "partition.bin").read_bytes(), self.image)
        self.assertEqual(device.update(), "current")

    def test_only_the_difference_is_fetched_one_connection_each(self):
        device = self.device(self.start())
        device.update()
        fetched = sorted(path.rpartition("/")[2] for path in device.requests)
        self.assertEqual(fetched, ["asset.wav", "firmware_1.0.1.bin", "main.py", "manifest.json?current_ver=1.0.0", "n.py"])
        self.assertEqual(device.link.connections, 5)

    def manifest(self, server, query="?current_ver=1.0.0", host="gateway.local:8000"):
        pieces = self.exchange(server, f"GET /manifest.json{query} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        return json.loads(b"".join(pieces).partition(b"\r\n\r\n")[2])

    def test_manifest_has_every_field_as_the_client_wants_it(self):
        manifest = self.manifest(self.start())
        self.assertEqual(manifest["version"], "1.0.1")
        self.assertEqual(manifest["previous_version"], "1.0.0")
        self.assertEqual(manifest["delete"], ["flash/lib/gone.py"])
        self.assertEqual(manifest["new"], [{"URL": "http://gateway.local:8000/1.0.1/flash/lib/n.py",
                                            "dst_path": "/flash/lib/n.py", "hash": sha1(NEW["flash/lib/n.py"])}])
        self.assertEqual({entry["dst_path"]: entry["hash"] for entry in manifest["update"]},
                         {"/flash/main.py": sha1(NEW["flash/main.py"]), "/sd/asset.wav": sha1(NEW["sd/asset.wav"])})
        self.assertEqual(manifest["firmware"], {"URL": "http://gateway.local:8000/firmware_1.0.1.bin",
                                                "hash": sha1(self.image)})

    def test_below_a_products_path_urls_lie_there_too(self):
        server = self.start()
        pieces = self.exchange(server, b"GET /meter/manifest.json?current_ver=1.0.0 HTTP/1.0\r\nHost: h\r\n\r\n")
        manifest = json.loads(b"".join(pieces).partition(b"\r\n\r\n")[2])
        self.assertEqual(manifest["firmware"]["URL"], "http://h/meter/firmware_1.0.1.bin")
        self.assertEqual(g.fetch(server.port, "/meter/firmware_1.0.1.bin")[2], self.image)

    def test_no_update_is_null(self):
        server = self.start()
        for version in ("1.0.1", "1.0.2", "2.0"):
            self.assertIsNone(self.manifest(server, f"?current_ver={version}"), version)

    def test_unknown_base_makes_every_file_new_and_deletes_nothing(self):
        manifest = self.manifest(self.start(), "?current_ver=0.9")
        self.assertEqual(manifest["delete"], [])
        self.assertEqual(manifest["update"], [])
        self.assertEqual({entry["dst_path"] for entry in manifest["new"]}, {f"/{name}" for name in NEW})

    def test_files_and_firmware_of_different_versions(self):
        server = self.start({"meter": {"1.0.0": OLD, "1.0.1": NEW, "1.1.0": {"firmware": b"image"}}})
        manifest = self.manifest(server)
        self.assertEqual(manifest["firmware"]["URL"], "http://gateway.local:8000/firmware_1.1.0.bin")
        self.assertTrue(all("/1.0.1/" in entry["URL"] for entry in manifest["new"] + manifest["update"]))

    def test_firmware_alone_leaves_every_file(self):
        manifest = self.manifest(self.start({"meter": {"1.0.0": OLD, "1.1.0": {"firmware": b"image"}}}))
        self.assertEqual((manifest["new"], manifest["update"], manifest["delete"]), ([], [], []))
        self.assertEqual(manifest["version"], "1.1.0")

    def test_without_host_a_clear_400(self):
        answer = b"".join(self.exchange(self.start(), b"GET /manifest.json?current_ver=1.0.0 HTTP/1.0\r\n\r\n"))
        self.assertTrue(answer.startswith(b"HTTP/1.0 400 "), answer)
        self.assertIn(b"Host", answer.partition(b"\r\n\r\n")[2])

    def test_header_blocks_end_on_a_read(self):
        server = self.start()
        for path in ("/manifest.json?current_ver=1.0.0", "/manifest.json?current_ver=1.0.1", "/firmware_1.0.1.bin",
                     "/1.0.1/sd/asset.wav", "/1.0.1/flash/lib/n.py"):
            answer = b"".join(self.exchange(server, f"GET {path} HTTP/1.0\r\nHost: h:1\r\n\r\n".encode()))
            end = answer.index(b"\r\n\r\n") + 4
            self.assertEqual(end % READ, 0, path)
            self.assertIn(b"\r\nContent-Length: ", answer[:end])
            self.assertIn(b"\r\nConnection: close\r\n", answer[:end])

    def test_names_that_need_encoding(self):
        odd = {"flash/a b%20#?é.py": b"odd\n", "flash/plus+.py": b"plus\n"}
        device = self.device(self.start({"meter": {"1.0.0": OLD, "1.0.1": {**OLD, **odd}}}))
        device.update()
        self.assertEqual(device.files(), {**OLD, **odd})

    def test_a_cut_link_leaves_the_device_as_it_was_and_the_next_attempt_succeeds(self):
        server = self.start()
        device = self.device(server, cut_after=4000)
        with self.assertRaises(common.LinkCut):
            device.update()
        self.assertEqual(device.files(), OLD)
        device.link.cut_after = None
        device.update()
        self.assertEqual(device.files(), NEW)

    def test_missing_firmware_breaks_off_instead_of_being_flashed(self):
        device = self.device(self.start())
        (device.state / "partition.bin").write_bytes(b"old")
        with self.assertRaises(ConnectionResetError):
            device.write_firmware({"URL": "http://h/firmware_9.9.9.bin", "hash": ""})
        self.assertEqual((device.state / "partition.bin").read_bytes(), b"old")


class Esp32Json(servers.DeviceCase):
    def start(self, **product):
        self.image = binary(100_001)
        return servers.start(self, {"esp": {"1.20.0": {"firmware": self.image}}},
                             {"esp": {"dialect": "esp32-json", **product}})

    def device(self, server, url="/esp/micropython.json", client="1.1-close", **options):
        return Esp32JsonDevice(self.link(server, **options), g.scratch(self), url, client)

    def test_every_client_of_the_field_updates(self):
        server = self.start()
        for client in CLIENTS:
            with self.subTest(client):
                device = self.device(server, client=client)
                self.assertEqual(device.update(), "updated")
                self.assertEqual((device.state / "ota.bin").read_bytes(), self.image)
                self.assertEqual(device.update(), "current")

    def test_the_json_ends_with_the_connection_and_the_image_announces_its_length(self):
        server = self.start()
        for version in ("1.0", "1.1"):
            answer = b"".join(self.exchange(
                server, f"GET /esp/micropython.json HTTP/{version}\r\nHost: h\r\n\r\n".encode()))
            head, _, body = answer.partition(b"\r\n\r\n")
            self.assertNotIn(b"content-length", head.lower())
            self.assertNotIn(b"transfer-encoding", head.lower())
            self.assertIn(b"Connection: close", head)
            document = json.loads(body)
            self.assertEqual(document["sha"], hashlib.sha256(self.image).hexdigest())
            self.assertEqual(document["length"], len(self.image))
            self.assertFalse(document["firmware"].startswith(("/", "http")))
        status, headers, body = g.fetch(server.port, f"/esp/{document['firmware']}")
        self.assertEqual((status, headers["Content-Length"]), (200, str(len(self.image))))
        self.assertEqual(body, self.image)

    def test_any_json_below_the_root(self):
        device = self.device(self.start(), "/esp/boards/s3/latest.json")
        self.assertEqual(device.update(), "updated")
        self.assertEqual((device.state / "ota.bin").read_bytes(), self.image)

    def test_a_cut_link_changes_nothing(self):
        device = self.device(self.start(), cut_after=50_000)
        with self.assertRaises(common.LinkCut):
            device.update()
        self.assertFalse((device.state / "ota.bin").exists())
        device.link.cut_after = None
        self.assertEqual(device.update(), "updated")

    def test_the_device_is_known_by_a_part_of_the_path(self):
        device = self.device(self.start(device_id="path"), "/esp/board-7/micropython.json")
        self.assertEqual(device.update(), "updated")


def archive(files):
    """ustar, one level of directories, each before its files, no './'."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Chunked(servers.DeviceCase):
    VFS = {"lib": None, "lib/a.py": b"a\n", "main.py": b"main\n", "VERSION": b"2\n"}

    def start(self, size=4096, files=None, releases=None, **product):
        self.image = binary(size)
        release = {"firmware": self.image, "archive": archive(self.VFS)} if files is None else files
        return servers.start(self, releases or {"node": {"2": release}}, {"node": {"dialect": "chunked", **product}},
                             product="node")

    def device(self, server, link=None, **options):
        return ChunkedDevice(link or self.link(server), g.scratch(self), **options)

    def check_updates(self, size, floor):
        server = self.start(size, block_check="whole-blocks" if floor else "skip-last")
        device = self.device(server, floor=floor)
        self.assertEqual(device.update(), "updated")
        written = (device.state / "partition.bin").read_bytes()
        self.assertEqual(written[:size], self.image)
        self.assertEqual(written[size:], b"\xff" * (len(written) - size))
        self.assertEqual((device.state / "vfs/lib/a.py").read_bytes(), b"a\n")
        self.assertEqual(device.update(), "current")
        return len(written) - size

    def test_an_image_of_whole_blocks_is_padded_for_the_check_that_skips_the_last(self):
        self.assertEqual(self.check_updates(4096, floor=False), 4)

    def test_an_image_with_a_short_last_block_stays_as_it_is(self):
        self.assertEqual(self.check_updates(5001, floor=False), 0)

    def test_the_mended_client_gets_whole_blocks(self):
        self.assertEqual(self.check_updates(5001, floor=True), 119)

    def test_the_mended_client_with_an_image_of_whole_blocks(self):
        self.assertEqual(self.check_updates(4096, floor=True), 0)

    def test_without_padding_the_check_would_fail(self):
        """The client's quirk is real: what the padding is for."""
        server = self.start(4096)
        device = self.device(server)
        metadata = json.loads(device.get("/updatemeta").decode())
        metadata["partition"]["size"] = 4096
        metadata["partition"]["hash"] = hashlib.sha256(self.image).hexdigest()
        with self.assertRaisesRegex(common.DeviceError, "corrupt"):
            device.take_partition(metadata["partition"])

    def test_metadata_stands_at_the_top_and_nested(self):
        server = self.start(4096)
        metadata = json.loads(g.fetch(server.port, "/updatemeta", {"Host": "10.0.0.1:8000"})[2])
        self.assertEqual(metadata["update"], {part: metadata[part] for part in ("partition", "vfs")})
        self.assertEqual(metadata["partition"]["size"], 4100)
        self.assertEqual(metadata["partition"]["hash"], hashlib.sha256(self.image + b"\xff" * 4).hexdigest())
        self.assertTrue(metadata["partition"]["url"].startswith("http://10.0.0.1:8000/"))
        tar = archive(self.VFS)
        self.assertEqual((metadata["vfs"]["size"], metadata["vfs"]["hash"]), (len(tar), hashlib.sha256(tar).hexdigest()))

    def test_a_host_without_port_is_given_ours(self):
        server = self.start()
        metadata = json.loads(g.fetch(server.port, "/updatemeta", {"Host": "127.0.0.1"})[2])
        self.assertTrue(metadata["vfs"]["url"].startswith(f"http://127.0.0.1:{server.port}/"))

    def test_the_image_alone_or_the_archive_alone(self):
        for part, files in (("partition", {"firmware": b"x" * 1000}), ("vfs", {"archive": archive(self.VFS)})):
            server = self.start(files=files)
            metadata = json.loads(g.fetch(server.port, "/updatemeta")[2])
            self.assertEqual(set(metadata), {part, "update"})

    def without_releases(self, nothing):
        return servers.start(self, {}, {"node": {"dialect": "chunked", "nothing_to_do": nothing}}, product="node")

    def test_nothing_to_do(self):
        wrapped = self.device(self.without_releases("empty"))
        self.assertEqual(wrapped.update(), "current")
        unwrapped = self.device(self.without_releases("not-found"), wrapped=False)
        with self.assertRaises(ValueError):
            unwrapped.update()
        self.assertFalse((unwrapped.state / "reboots").exists())

    def test_an_unwrapped_client_given_braces_reboots_for_nothing(self):
        """Why not-found is the default."""
        device = self.device(self.without_releases("empty"), wrapped=False)
        device.update()
        self.assertEqual((device.state / "reboots").read_text(), "1")

    def test_a_block_past_the_end_breaks_off(self):
        device = self.device(self.start(5001))
        url = json.loads(device.get("/updatemeta").decode())["partition"]["url"]
        self.assertEqual(len(device.chunk(url, 9)), 5001 - 9 * 512)
        with self.assertRaises(ConnectionResetError):
            device.chunk(url, 10)
        self.assertEqual(device.requests, 6)  # the metadata, one good block, four tries

    def test_a_cut_link_goes_on_with_the_next_attempt(self):
        server = self.start(20_000)
        device = self.device(server, link=self.link(server, cut_after=9_000))
        with self.assertRaises(common.LinkCut):
            device.update()
        device.link.cut_after = None
        self.assertEqual(device.update(), "updated")


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
