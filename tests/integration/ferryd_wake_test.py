#!/usr/bin/python3
"""Devices that sleep until a message of the broker wakes them, over the whole gateway and a real broker: by LoRaWAN
(ChirpStack, The Things Stack) and by `url|md5`, again and again until they show themselves over http."""
import base64
import hashlib
import json
import pathlib
import random
import time
import unittest

import gateway as g
import device_common as common
import esp_common as esp
from mqtt_rig import ROOT, Reporting, values
from secure_base_device import SecureBaseDevice
from services import free_port

SECTIONS = """[source.stick]
type = directory
path = {folder}/releases
product = sensor
[transport.wifi]
plugin = http
listen = 127.0.0.1:{http}
[product.sensor]
{product}
[monitor]
broker = 127.0.0.1:{port}
ca_file = {ca}
user = van-1
password_file = {password}
[wake.sleepers]
product = sensor
{wake}
"""
BY_QUERY = "device_id = query:id\ndevice_version = query:version\n"
CHIRPSTACK = """template = chirpstack
application = fleet
devices = a = 00000000000000aa, b = 00000000000000bb
interval = 1s
longest_interval = 1s
per_day = 100
"""
TTN = """template = ttn
application = fleet
tenant = acme
payload = 00ff
port = 7
devices = a = eui-aa
"""


def chirpstack(end):
    return f"application/fleet/device/00000000000000{end}/command/down"


def in_three_hours():
    """A part of the day that is not now."""
    hour = int(time.strftime("%H"))
    return f"{(hour + 3) % 24:02}:00-{(hour + 4) % 24:02}:00"


class Sleeping(Reporting):
    writes = ("application/#", "v3/#", "+/ota")

    def setUp(self):
        super().setUp()
        self.gateway.build.plugins = g.Build().plugins
        self.http = free_port()
        self.image = esp.esp_image("1.1", random.Random(5).randbytes(70_000))
        g.write_release(self.folder / "releases", "1.1", self.image)
        self.listening = self.listener()

    def begin(self, wake, per_hour=3600, product=BY_QUERY):
        self.gateway.configure(SECTIONS.format(
            folder=self.folder, http=self.http, port=self.broker.port, ca=self.certificates.ca,
            password=self.password, wake=wake, product=product))
        (self.gateway.folder / "conf.d").mkdir()
        (self.gateway.folder / "conf.d" / "hour.ini").write_text(f"[gateway]\nwakes_per_hour = {per_hour}\n")
        self.gateway.start()
        self.gateway.wait_for_release("sensor", "1.1")

    def wake_of(self, device):
        return next((w for w in self.gateway.get("/v1/wakes") if w["device"] == device), {"waits": ""})

    def wait_until_it_waits(self, device, text):
        g.wait_for(lambda: text in self.wake_of(device)["waits"], f"{device} {text}")

    def section(self):
        return self.gateway.status()["wakes"][0]

    def show(self, device, version):
        """As a device does that looks for this WiFi: asks what there is."""
        return g.fetch(self.http, f"/sensor/offer.json?id={device}&version={version}")[0]


class LoRaWan(Sleeping):
    def test_a_device_is_woken_until_it_shows_itself_and_then_no_more(self):
        self.begin(CHIRPSTACK)
        g.wait_for(lambda: len(self.listening.of(chirpstack("aa"))) >= 3, "it is woken again and again")
        self.assertEqual(json.loads(self.listening.of(chirpstack("aa"))[0]),
                         {"devEui": "00000000000000aa", "confirmed": False, "fPort": 2, "data": "AQID"})
        self.assertEqual(self.show("a", "1.0"), 200)
        self.wait_until_it_waits("a", "waits: it showed itself")
        woken = self.wake_of("a")["attempts"]
        other = len(self.listening.of(chirpstack("bb")))
        g.wait_for(lambda: len(self.listening.of(chirpstack("bb"))) >= other + 3, "the other one is, still")
        self.assertEqual(len(self.listening.of(chirpstack("aa"))), woken)
        self.assertFalse(any(retained for topic, _, retained in self.listening.messages
                             if topic.startswith("application/")), "a broker must not wake it again")

    def test_a_device_that_has_its_release_is_left_in_peace(self):
        self.begin(CHIRPSTACK)
        g.wait_for(lambda: self.listening.of(chirpstack("aa")), "it is woken")
        self.assertEqual(self.show("a", "1.1"), 204)
        g.wait_for(lambda: self.wake_of("a")["version"] == "", "nothing is for it")
        g.wait_for(lambda: self.section()["awaited"] == 1, "the other one is awaited")
        woken = self.listening.of(chirpstack("aa"))
        g.write_release(self.folder / "releases", "1.2", self.image)
        self.gateway.sync()
        g.wait_for(lambda: len(self.listening.of(chirpstack("aa"))) > len(woken), "the next release wakes it")
        self.assertEqual(self.wake_of("a")["version"], "1.2")

    def test_what_the_things_stack_takes(self):
        self.begin(TTN)
        told = g.wait_for(lambda: self.listening.of("v3/fleet@acme/devices/eui-aa/down/push"), "it is woken")
        downlink = json.loads(told[0])["downlinks"][0]
        self.assertEqual(base64.b64decode(downlink.pop("frm_payload")), b"\x00\xff")
        self.assertEqual(downlink, {"f_port": 7, "priority": "NORMAL"})

    def test_what_was_woken_and_when_and_what_is_next_is_told(self):
        self.begin(TTN)
        g.wait_for(lambda: self.section()["last"] and self.section()["next"], "when last and when next")
        section = self.section()
        self.assertEqual((section["last_device"], section["next_device"]), ("a", "a"))
        self.assertEqual((section["devices"], section["awaited"]), (1, 1))
        wake = self.wake_of("a")
        self.assertEqual((wake["name"], wake["version"], wake["attempts"]), ("eui-aa", "1.1", 1))
        self.assertGreater(wake["next"], wake["last"])
        self.assertEqual(wake["waits"], "waits: the device to show itself")
        self.assertIn("eui-aa", self.gateway.ctl("wakes"))
        self.assertEqual(self.gateway.status()["counters"]["wakes"], 1)
        self.assertIn("AWAITED", self.gateway.ctl("status"))
        event = g.wait_for(lambda: [e for e in values(self.listening, "event") if e["kind"] == "woken"], "its event")
        self.assertEqual({k: event[0]["detail"][k] for k in ("device", "product", "version", "wake")},
                         {"device": "a", "product": "sensor", "version": "1.1", "wake": "sleepers"})
        g.wait_for(lambda: any(state.get("wakes") and state["wakes"][0]["template"] == "ttn"
                               for state in values(self.listening, "state")), "the state")


class Budgets(Sleeping):
    def test_a_kill_gives_no_device_a_new_budget(self):
        self.begin(CHIRPSTACK.replace("per_day = 100", "per_day = 2"))
        self.wait_until_it_waits("a", "2 in 24 h are enough")
        self.wait_until_it_waits("b", "2 in 24 h are enough")
        g.wait_for(lambda: len(self.listening.of(chirpstack("aa"))) == 2, "both messages")
        for _ in range(3):
            self.gateway.kill()
            self.gateway.start()
            self.wait_until_it_waits("a", "2 in 24 h are enough")
        self.assertEqual(len(self.listening.of(chirpstack("aa"))), 2)
        self.assertEqual(self.wake_of("a")["attempts"], 2)

    def test_killed_at_random_moments_it_never_exceeds_the_budget(self):
        self.begin(CHIRPSTACK.replace("1s", "100ms").replace("per_day = 100", "per_day = 8"))
        for number in range(1, 8):
            g.wait_for(lambda: len(self.listening.of(chirpstack("aa"))) >= min(number, 4), "it goes on")
            self.gateway.kill()
            self.gateway.start()
        self.wait_until_it_waits("a", "8 in 24 h are enough")
        self.assertLessEqual(len(self.listening.of(chirpstack("aa"))), 8)

    def test_the_gateway_has_one_for_all_its_devices(self):
        devices = ", ".join(f"d{n} = 00000000000000{n:02x}" for n in range(10))
        self.begin(f"template = chirpstack\napplication = fleet\ndevices = {devices}\n", per_hour=4)
        g.wait_for(lambda: sum("of the gateway in an hour are enough" in w["waits"]
                               for w in self.gateway.get("/v1/wakes")) == 6, "six wait")
        told = [topic for topic, _, _ in self.listening.messages if topic.startswith("application/")]
        self.assertEqual(len(told), len(set(told)))
        g.wait_for(lambda: len([t for t, _, _ in list(self.listening.messages) if t.startswith("application/")]) == 4,
                   "four were woken")

    def test_nothing_is_counted_while_the_broker_is_away(self):
        self.broker.kill()
        self.begin(CHIRPSTACK.replace("1s", "24h"))
        self.wait_until_it_waits("a", "waits: the broker")
        self.assertEqual(self.wake_of("a")["attempts"], 0)
        self.broker.__enter__()
        # Who listens may come back later than the gateway, which tells once a day here: what it counted is looked at.
        g.wait_for(lambda: self.wake_of("a")["attempts"] == 1, "it is woken then")

    def test_not_outside_the_times_that_are_allowed(self):
        window = in_three_hours()
        self.begin(CHIRPSTACK + f"window = {window}\n")
        self.wait_until_it_waits("a", f"waits: window {window}")
        self.assertEqual(self.listening.of(chirpstack("aa")), [])

    def test_nor_while_its_product_would_give_it_nothing(self):
        window = in_three_hours()
        self.begin(CHIRPSTACK, product=BY_QUERY + f"window = {window}\n")
        self.wait_until_it_waits("a", f"waits: window {window}")
        self.assertEqual(self.listening.of(chirpstack("aa")), [])

    def test_known_devices_whose_id_is_no_devEUI_are_not_woken(self):
        self.begin("template = chirpstack\napplication = fleet\ninterval = 1s\n")
        for device in ("00000000000000cc", "x.y", "command"):
            self.assertEqual(self.show(device, "1.0"), 200)
        self.wait_until_it_waits("x.y", "its id is not a devEUI")
        self.wait_until_it_waits("command", "its id is not a devEUI")
        g.wait_for(lambda: self.listening.of(chirpstack("cc")), "the one that has one is")
        topics = {topic for topic, _, _ in list(self.listening.messages) if not topic.startswith(ROOT)}
        self.assertEqual(topics, {chirpstack("cc")})


class UrlAndMd5(Sleeping):
    def test_a_board_is_told_fetches_and_is_not_told_again(self):
        self.begin(f"template = url-md5\ndevices = 127.0.0.1 = board-1, 127.0.0.9 = board-9\n"
                   f"url = http://127.0.0.1:{self.http}/sensor/\ninterval = 1s\nlongest_interval = 1s\nper_day = 100\n", product="")
        told = g.wait_for(lambda: self.listening.of("board-1/ota"), "it is told")[0]
        self.assertTrue(told.endswith("|" + hashlib.md5(self.image).hexdigest()), told)
        state = pathlib.Path(g.scratch(self))
        board = SecureBaseDevice(common.Link(f"127.0.0.1:{self.http}"), state, told)
        self.assertEqual(board.update(), "updated")
        self.assertTrue(board.running == self.image)
        g.wait_for(lambda: self.wake_of("127.0.0.1")["waits"] == "waits: it showed itself"
                   or self.wake_of("127.0.0.1")["version"] == "", "it is known to have come")
        count = len(self.listening.of("board-1/ota"))
        other = len(self.listening.of("board-9/ota"))
        g.wait_for(lambda: len(self.listening.of("board-9/ota")) >= other + 3, "the other one is told again")
        self.assertLessEqual(len(self.listening.of("board-1/ota")), count)

    def test_what_is_longer_than_the_board_takes_is_not_sent(self):
        self.begin("template = url-md5\ndevices = a\n" + f"url = http://gateway.{'x' * 60}.example/sensor/\n")
        self.wait_until_it_waits("a", "shorten url")
        self.assertEqual(self.listening.of("a/ota"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
