#!/usr/bin/python3
"""Boards that fetch the image itself: Arduino sketches, Tasmota plugs, ESP-IDF applications, ESPHome lamps,
esp32-secure-base, and home-grown devices with a JSON document of their own, against the real server over sockets."""
import gzip
import hashlib
import os
import random
import unittest

import gateway as g
import http_servers as servers
import device_common as common
import esp_common as esp
from arduino_device import ArduinoDevice, TooLittleSpace
from esp_idf_device import EspIdfDevice
from esphome_device import EsphomeDevice
from json_device import JsonDevice
from secure_base_device import SecureBaseDevice
from tasmota_device import TasmotaDevice

binary = random.Random(13).randbytes


def image(version, size=70_000):
    return esp.esp_image(version, binary(size))


class ImageCase(servers.DeviceCase):
    def assert_runs(self, board, wanted):
        # Without a difference of the bytes, which takes minutes to make.
        self.assertTrue(board.running == wanted, board.describe())


class BoardCase(ImageCase):
    """`product` has the releases 1.0 and 2.0, in `old` and `new`; a board of it runs 1.0."""
    keys = {}

    def start(self, more=None, **keys):
        self.old, self.new = image("1.0"), image("2.0")
        releases = {"1.0": {"firmware": self.old}, "2.0": {"firmware": self.new, **(more or {})}}
        return servers.start(self, {"board": releases}, {"board": {**self.keys, **keys}})

    def board(self, make, server, *arguments, running=None, cut_after=None, **options):
        state = g.scratch(self)
        (state / "sketch.bin").write_bytes(self.old if running is None else running)
        return make(self.link(server, cut_after=cut_after), state, *arguments, **options)

    def assert_updates(self, board):
        self.assertEqual(board.update(), "updated")
        self.assert_runs(board, self.new)
        self.assertEqual(board.update(), "current")


class Arduino(BoardCase):
    keys = {"dialect": "http-update"}

    def test_updates_both_families_at_paths_of_their_own(self):
        server = self.start()
        for family in ("ESP8266", "ESP32"):
            for path in ("/board/", "/board/update.php", "/board/firmware.bin?board=7"):
                self.assert_updates(self.board(ArduinoDevice, server, path, family))

    def test_updates_a_sketch_that_tells_no_version(self):
        """It is known by the digest of what it runs, and not given the same image for ever."""
        server = self.start()
        for family in ("ESP8266", "ESP32"):
            self.assert_updates(self.board(ArduinoDevice, server, "/board/u", family, tells=False))

    def test_updates_with_a_packed_image(self):
        unpacked = image("2.0")
        server = servers.start(self, {"board": {"2.0": {"firmware": gzip.compress(unpacked)}}}, {"board": self.keys})
        self.old = image("1.0")
        board = self.board(ArduinoDevice, server, "/board/u")
        self.assertEqual(board.update(), "updated")
        self.assert_runs(board, unpacked)
        self.assertEqual(board.update(), "current")
        esp32 = self.board(ArduinoDevice, server, "/board/u", "ESP32")
        with self.assertRaisesRegex(common.DeviceError, "0xE9"):
            esp32.update()

    def test_versions_a_newer_sketch_is_left_alone(self):
        board = self.board(ArduinoDevice, self.start(), "/board/u", running=image("3.0"))
        self.assertEqual(board.update(), "current")

    def test_updates_the_file_system_and_never_by_the_program(self):
        files = binary(40_000)
        with_files = self.board(ArduinoDevice, self.start({"data/littlefs.bin": files}), "/board/u", mode="spiffs")
        self.assertEqual(with_files.update(), "updated")
        self.assertEqual((with_files.state / "spiffs.bin").read_bytes(), files)
        without = self.board(ArduinoDevice, self.start(), "/board/u", mode="spiffs")
        self.assertEqual(without.update(), "current")

    def test_the_header_block_to_the_letter(self):
        server = self.start()
        answer = b"".join(self.exchange(server, b"GET /board/u HTTP/1.0\r\nHost: h\r\nx-ESP8266-STA-MAC: "
                                                b"18:FE:AA:BB:CC:DD\r\nx-ESP8266-mode: sketch\r\n"
                                                b"x-ESP8266-version: 1.0\r\nContent-Length: 0\r\n\r\n"))
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.0 200 OK")
        self.assertIn(b"x-MD5: " + hashlib.md5(self.new).hexdigest().encode(), lines)
        self.assertIn(b"Content-Length: %d" % len(self.new), lines)
        self.assertNotIn(b"transfer-encoding", head.lower())
        self.assertEqual(body, self.new)
        nothing = b"".join(self.exchange(server, b"GET /board/u HTTP/1.0\r\nx-ESP32-version: 2.0\r\n\r\n"))
        self.assertTrue(nothing.startswith(b"HTTP/1.0 304 Not Modified\r\n"), nothing)
        self.assertTrue(nothing.endswith(b"\r\n\r\n"), nothing)

    def test_a_cut_link_flashes_nothing(self):
        server = self.start()
        board = self.board(ArduinoDevice, server, "/board/u", cut_after=30_000)
        with self.assertRaises(common.LinkCut):
            board.update()
        self.assert_runs(board, self.old)
        board.link.cut_after = None
        self.assert_updates(board)

    def test_what_does_not_fit_is_refused_by_the_device(self):
        board = self.board(ArduinoDevice, self.start(), "/board/u", flash=100_000)
        with self.assertRaises(TooLittleSpace):
            board.update()


class ToldApart(BoardCase):
    needs_harness = True
    keys = {"dialect": "http-update"}

    def test_boards_behind_one_address_are_told_apart_by_their_mac(self):
        server = self.start()
        for mac in ("18:FE:AA:BB:CC:01", "18:FE:AA:BB:CC:02"):
            self.board(ArduinoDevice, server, "/board/u", mac=mac).update()
        server.order("back")  # whatever was told before is here now
        offers = [(event["device"], event["version"]) for event in server.events("offer")]
        self.assertEqual(offers, [("18:FE:AA:BB:CC:01", "1.0"), ("18:FE:AA:BB:CC:02", "1.0")])

    def test_a_digest_that_was_recognized_is_a_version_from_then_on(self):
        """Or each question of such a sketch would begin a delivery."""
        server = self.start()
        board = self.board(ArduinoDevice, server, "/board/u", tells=False)
        self.assertEqual([board.update() for _ in range(3)], ["updated", "current", "current"])
        server.order("back")  # whatever was told before is here now
        self.assertEqual([event["version"] for event in server.events("offer")], ["", "", "2.0"])
        self.assertEqual([event["device"] for event in server.events("seen")], [board.mac])

    def test_a_corrupt_image_is_broken_off(self):
        server = self.start()
        server.order("corrupt")
        board = self.board(ArduinoDevice, server, "/board/u")
        with self.assertRaises(OSError):
            board.update()
        self.assert_runs(board, self.old)

    def test_without_the_agent_it_fails_and_flashes_nothing(self):
        server = self.start()
        server.order("away")
        board = self.board(ArduinoDevice, server, "/board/u")
        with self.assertRaisesRegex(common.DeviceError, "503"):
            board.update()
        server.order("back")
        self.assert_updates(board)


class Tasmota(ImageCase):
    FULL, MINIMAL = 70_000, 20_000

    def start(self):
        self.old = image("14.1.0(tasmota)", self.FULL)
        self.new = image("14.2.0(release-tasmota)", self.FULL)
        minimal = image("14.2.0(release-minimal)", self.MINIMAL)
        self.packed = gzip.compress(self.new)
        releases = {"14.1.0": {"tasmota.bin.gz": gzip.compress(self.old)},
                    "14.2.0": {"tasmota.bin.gz": self.packed, "tasmota-minimal.bin.gz": gzip.compress(minimal)}}
        return servers.start(self, {"plug": releases}, {"plug": {"dialect": "tasmota"}})

    def plug(self, server, **options):
        state = g.scratch(self)
        (state / "sketch.bin").write_bytes(self.old)
        return TasmotaDevice(self.link(server), state, "/plug/tasmota.bin.gz", **options)

    def test_updates_by_the_name_of_its_image(self):
        plug = self.plug(self.start())
        self.assertEqual(plug.update(), "updated")
        self.assert_runs(plug, self.new)
        self.assertEqual(plug.asked, ["/plug/tasmota.bin.gz"])
        self.assertEqual(plug.update(), "current")

    def test_updates_over_the_minimal_image_when_flash_is_short(self):
        """The minimal image bears the new version already, and yet is not left as it is."""
        plug = self.plug(self.start(), flash=self.FULL + self.FULL // 2)
        self.assertEqual(plug.update(), "updated")
        self.assert_runs(plug, self.new)
        self.assertEqual(plug.asked, ["/plug/tasmota.bin.gz", "/plug/tasmota-minimal.bin.gz", "/plug/tasmota.bin.gz"])

    def test_updates_by_the_firmware_when_no_file_has_its_name(self):
        server = servers.start(self, {"plug": {"14.2.0": {"firmware": image("14.2.0(tasmota)")}}},
                               {"plug": {"dialect": "tasmota"}})
        status, headers, body = g.fetch(server.port, "/plug/tasmota-DE.bin")
        self.assertEqual((status, headers["X-Ferry-Role"]), (200, "firmware"))
        self.assertEqual(headers["x-MD5"], hashlib.md5(body).hexdigest())
        self.assertEqual(g.fetch(server.port, "/plug/tasmota-minimal.bin")[0], 404)


class EspIdf(BoardCase):
    keys = {"dialect": "esp-idf", "device_version": "query:version"}

    def board(self, make, server, *arguments, **options):
        return super().board(EspIdfDevice, server, "/board/latest.bin", *arguments, **options)

    def test_updates_whole_resumed_and_partial(self):
        server = self.start()
        for way in ("whole", "resume", "partial"):
            self.assert_updates(self.board(EspIdfDevice, server, way=way))

    def test_updates_an_application_that_tells_no_version(self):
        board = self.board(EspIdfDevice, self.start(), tells=False)
        self.assert_updates(board)

    def test_goes_on_where_it_was_cut(self):
        server = self.start()
        for cut in (2_000, 30_001, 70_000):
            board = self.board(EspIdfDevice, server, way="resume", cut_after=cut)
            with self.assertRaises(common.LinkCut):
                board.update()
            board.link.cut_after = None
            written = board.part.stat().st_size
            self.assertEqual(board.update(), "updated")
            self.assert_runs(board, self.new)
            self.assertEqual(board.requests[-1], ("GET", f"{written}-"))

    def test_partial_ends_at_the_length_itself(self):
        board = self.board(EspIdfDevice, self.start(), way="partial", piece=20_000)
        board.update()
        length = len(self.new)
        self.assertEqual(board.requests, [("HEAD", None), ("GET", "0-19999"), ("GET", "20000-39999"),
                                          ("GET", "40000-59999"), ("GET", f"60000-{length}")])
        self.assert_runs(board, self.new)

    def test_a_range_past_the_end_is_416(self):
        board = self.board(EspIdfDevice, self.start(), way="resume")
        board.part.write_bytes(bytes(len(self.new) + 1))
        with self.assertRaisesRegex(common.DeviceError, "416"):
            board.update()
        self.assertEqual(board.update(), "updated")


class EspIdfInBetween(BoardCase):
    needs_harness = True
    keys = {"dialect": "esp-idf"}

    def test_a_release_that_comes_in_between_is_not_joined(self):
        """The lasting name stands for other bytes then; the image's own digest tells the device."""
        server = self.start()
        board = self.board(EspIdfDevice, server, "/board/latest.bin", "resume", tells=False, cut_after=30_000)
        with self.assertRaises(common.LinkCut):
            board.update()
        board.link.cut_after = None
        root = server.folder / "releases"
        newest = image("3.0")
        servers.write_releases(root, {"board": {"3.0": {"firmware": newest}}})
        with self.assertRaisesRegex(common.DeviceError, "not valid"):
            board.update()
        self.assert_runs(board, self.old)
        self.assertEqual(board.update(), "updated")
        self.assert_runs(board, newest)


class Esphome(BoardCase):
    keys = {"dialect": "esphome", "chip_family": "ESP32-S3"}

    def test_updates_by_its_manifest(self):
        self.assert_updates(self.board(EsphomeDevice, self.start(), "/board/manifest.json", "ESP32-S3"))

    def test_updates_below_a_path_that_looks_like_a_url(self):
        """The client takes a path with "http" anywhere in it for a whole URL."""
        server = self.start(match_path="/lamps/http-lamp")
        self.assert_updates(self.board(EsphomeDevice, server, "/lamps/http-lamp/manifest.json", "ESP32-S3"))

    def test_updates_by_the_md5_file(self):
        board = self.board(EsphomeDevice, self.start(), beside="/board/lamp.bin")
        self.assertEqual(board.update(), "updated")
        self.assert_runs(board, self.new)

    def test_another_chip_takes_nothing(self):
        board = self.board(EsphomeDevice, self.start(), "/board/manifest.json", "ESP32")
        with self.assertRaisesRegex(common.DeviceError, "no build"):
            board.update()

    def test_nothing_to_do_without_a_release(self):
        server = servers.start(self, {}, {"board": self.keys}, product="board")
        self.old = image("1.0")
        board = self.board(EsphomeDevice, server, "/board/manifest.json", "ESP32-S3")
        self.assertEqual(board.update(), "current")


class SecureBase(BoardCase):
    """Told by MQTT what to fetch; any product's artifacts will do."""

    def told(self, server, content, name):
        return f"http://127.0.0.1:{server.port}/board/2.0/{name}|{hashlib.md5(content).hexdigest()}"

    def test_updates_by_what_it_was_told(self):
        server = self.start()
        board = self.board(SecureBaseDevice, server, self.told(server, self.new, "firmware_2.0.bin"))
        self.assertEqual(board.update(), "updated")
        self.assert_runs(board, self.new)

    def test_what_it_refuses(self):
        server = self.start({"tiny.bin": b"x" * 1023})
        for name, why in (("tiny.bin", "1023 bytes is refused"), ("gone.bin", "404"), ("n" * 80, "longer than 128")):
            board = self.board(SecureBaseDevice, server, self.told(server, b"x", name))
            with self.assertRaisesRegex(common.DeviceError, why):
                board.update()

    def test_a_cut_link_flashes_nothing(self):
        server = self.start()
        told = self.told(server, self.new, "firmware_2.0.bin")
        board = self.board(SecureBaseDevice, server, told, cut_after=30_000)
        with self.assertRaises(common.LinkCut):
            board.update()
        self.assert_runs(board, self.old)


class JsonDocument(BoardCase):
    keys = {"dialect": "json", "device_version": "query:version", "json_version": "version", "json_url": "url",
            "json_hash": "hash", "json_size": "size"}

    def test_updates_with_fields_by_default(self):
        self.assert_updates(self.board(JsonDevice, self.start(), "/board/check"))

    def test_updates_with_fields_of_its_own(self):
        fields = {"version": "ota.v", "url": "ota.bin.href", "hash": "ota.bin.md5"}
        server = self.start(json_version="ota.v", json_url="ota.bin.href", json_hash="ota.bin.md5",
                            json_hash_kind="md5", json_size="")
        self.assert_updates(self.board(JsonDevice, server, "/board/check", fields, "md5"))

    def test_null_answers_as_the_operator_said(self):
        for way, wanted in (("not-found", 404), ("empty", 200), ("no-content", 204), ("not-modified", 304)):
            server = self.start(nothing_to_do=way)
            status, _, body = g.fetch(server.port, "/board/check?version=2.0")
            self.assertEqual((status, body == b"{}"), (wanted, way == "empty"))
            board = self.board(JsonDevice, server, "/board/check", running=self.new)
            self.assertEqual(board.update(), "current")

    def test_without_host_a_clear_400(self):
        answer = b"".join(self.exchange(self.start(), b"GET /board/check HTTP/1.0\r\n\r\n"))
        self.assertTrue(answer.startswith(b"HTTP/1.0 400 "), answer)
        self.assertIn(b"Host", answer.partition(b"\r\n\r\n")[2])


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
