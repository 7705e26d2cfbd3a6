#!/usr/bin/python3
"""Devices behind UDP: the whole gateway, and a link on the loopback interface that loses datagrams from a seed."""
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import unittest

from told_rig import ToldTest, image  # first: it makes the devices known
import yaota_device
from smp_device import Settings, SmpDevice
from smp_pull_device import PullDevice
from smp_pull_device import Settings as PullSettings
from udp_link import UNBOUND_LINES, UdpLink
from waiting import wait_for


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class UdpTest(ToldTest):
    """Devices behind UDP."""
    OLD, NEW = image("1.0.0", 60_000, seed=1), image("1.1.0", 60_000, seed=2)
    LIMIT = 90

    def setUp(self):
        super().setUp()
        self.listen = ("127.0.0.1", free_port())

    def device(self, settings=None, **link):
        device = SmpDevice(self.OLD, Settings(**{"name": "meter-1", "buf_size": 1024, **UNBOUND_LINES,
                                                 **(settings or {})}))
        return self.link(device, **link), device

    def link(self, device, **settings):
        link = UdpLink(device, **settings)
        self.addCleanup(link.close)
        return link

    def start(self, transport, content=None, product=""):
        self.publish(content=content)
        self.start_gateway("[transport.radio]\nplugin = udp\nproduct = meter\npoll_interval = 500ms\n"
                           f"probe_timeout = 500ms\nlisten = {self.listen[0]}:{self.listen[1]}\n{transport}",
                           product)


class Told(UdpTest):
    def check(self, device):
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good", self.LIMIT)
        self.wait_for_state("installed")
        self.assertEqual(bytes(device.flash.slots[0]), self.NEW)

    def test_a_named_device_is_updated_and_confirmed(self):
        link, device = self.device()
        self.start(f"peers = {link.address}\n")
        self.check(device)
        self.assertEqual(len(self.deliveries()), 1)
        self.assertEqual({row["device"] for row in self.deliveries()}, {link.address})

    def test_over_a_link_that_loses_every_twentieth_datagram(self):
        self.over_losses(0.05, 1.25)

    def test_over_a_link_that_loses_every_fifth_datagram(self):
        self.over_losses(0.2, 1.7)

    def over_losses(self, lose, most):
        link, device = self.device({"buf_count": 6}, lose=lose, delay=0.005, seed=11)
        self.start(f"peers = {link.address}\n")
        self.check(device)
        size = device.upload_largest - 60
        # Of the upload alone; what goes beside it comes and goes with the time that it takes.
        ideal = -(-len(self.NEW) // size) + 1
        print(f"{lose:.0%} lost: {device.upload_packets} upload packets arrived, {ideal} is the ideal",
              file=sys.stderr)
        self.assertLessEqual(device.upload_packets, most * ideal)

    def test_a_device_that_speaks_first_is_noticed(self):
        self.start("device_id = info\n")
        _, device = self.device(gateway=self.listen)
        self.check(device)
        self.assertEqual({row["device"] for row in self.deliveries()}, {"meter-1"})

    def test_a_device_that_was_out_of_reach_goes_on_where_it_was(self):
        link, device = self.device({"write_rate": 40_000.0})
        self.start(f"peers = {link.address}\n")
        wait_for(lambda: device.has("progress"), "some of it has arrived", self.LIMIT)
        link.down()
        wait_for(lambda: "no answer at offset" in self.gateway.log_text() or
                 not device.up, "the gateway has noticed", self.LIMIT)
        link.up()
        self.check(device)
        begun = [event for event in device.events if event["event"] == "upload_begun"]
        self.assertEqual(len(begun), 1)

    def test_strangers_and_garbage_do_no_harm(self):
        link, device = self.device(delay=0.005)
        self.start(f"peers = {link.address}\nmax_devices = 3\n")
        chooser = random.Random(3)
        strangers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
        for stranger in strangers:
            for size in (0, 1, 8, 40, 1400, 9000):
                stranger.sendto(chooser.randbytes(size), self.listen)
            stranger.sendto(struct.pack(">BBHHBB", 3, 0, 2, 1, 1, 1) + b"\xbf\xff", self.listen)
        self.check(device)
        for stranger in strangers:
            stranger.close()

    @unittest.skipUnless(os.geteuid() == 0, "needs a network of its own")
    def test_a_device_is_found_by_mdns(self):
        if not os.environ.get("FERRY_OWN_NETWORK"):
            command = ["unshare", "-n", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\"", sys.executable, __file__,
                       self.id().removeprefix("__main__.")]
            done = subprocess.run(command, env={**os.environ, "FERRY_OWN_NETWORK": "1"}, capture_output=True,
                                  text=True, timeout=self.LIMIT * 2)
            self.assertEqual(done.returncode, 0, done.stderr)
            return
        link, device = self.device()
        responder = Responder(link.port)
        self.addCleanup(responder.close)
        self.start("discover = mdns\n")
        self.check(device)
        self.assertGreater(responder.asked, 0)


class Responder:
    """Answers questions for _mcumgr._udp by multicast, as Zephyr's responder does."""
    GROUP = "224.0.0.251"

    def __init__(self, port):
        self.port, self.asked = port, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(("", 5353))
        group = socket.inet_aton(self.GROUP) + socket.inet_aton("127.0.0.1")
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        self.socket.settimeout(0.1)
        self.ends = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        question = b"\x07_mcumgr\x04_udp\x05local\0\0\x0c\0\x01"
        while not self.ends:
            try:
                data, _ = self.socket.recvfrom(9000)
            except TimeoutError:
                continue
            if data[2] & 0x80 == 0 and question in data:
                self.asked += 1
                self.socket.sendto(self.answer(), (self.GROUP, 5353))

    def answer(self):
        service = b"\x07_mcumgr\x04_udp\x05local\0"
        records = service + struct.pack(">HHIH", 12, 1, 4500, 10) + b"\x07meter-1\xc0\x0c"
        instance = struct.pack(">H", 0xC000 | 12 + len(service) + 10)
        host = b"\x07meter-1\x05local\0"
        records += instance + struct.pack(">HHIH", 33, 0x8001, 120, 6 + len(host))
        records += struct.pack(">HHH", 0, 0, self.port) + host
        records += host + struct.pack(">HHIH", 1, 0x8001, 120, 4) + socket.inet_aton("127.0.0.1")
        return struct.pack(">HHHHHH", 0, 0x8400, 0, 3, 0, 0) + records

    def close(self):
        self.ends = True
        self.thread.join()
        self.socket.close()


class Asks(UdpTest):
    def test_a_device_fetches_by_name_over_a_lossy_link(self):
        content = random.Random(5).randbytes(60_000)
        self.start("dialect = pull\n", content, "dialect = pycom\n")
        self.gateway.wait_for_release("meter", "1.1.0")
        device = PullDevice(self.folder / "device", PullSettings(dialect="pycom", again_seconds=0.5, timeout=0.2,
                                                                 tries=20))
        self.link(device, gateway=self.listen, lose=0.05, delay=0.001)
        wait_for(lambda: device.finished == 0, "there is nothing newer for the device", self.LIMIT)
        self.assertEqual((device.state / "firmware.bin").read_bytes(), content)
        self.wait_for_state("installed")


class Yaota(UdpTest):
    KEY = yaota_device.make_key()

    def begin(self, **link):
        content = random.Random(6).randbytes(20_100)
        device = yaota_device.YaotaDevice(self.KEY)
        link = self.link(device, raw=True, **link)
        self.start(f"dialect = yaota8266\npeers = {link.address}\n", yaota_device.make_container(content, self.KEY))
        return content, device, link

    def test_a_signed_container_is_pushed_packet_by_packet(self):
        content, device, _ = self.begin()
        wait_for(lambda: device.has("finished"), "the device has it", self.LIMIT)
        self.assertEqual(device.image, content)
        self.assertEqual(device.refused, 0)
        self.wait_for_state("transferred")

    def test_over_a_lossy_link(self):
        content, device, _ = self.begin(lose=0.1, delay=0.002)
        wait_for(lambda: device.has("finished"), "the device has it", self.LIMIT)
        self.assertEqual(device.image, content)

    def test_a_broken_container_is_not_taken_in(self):
        container = bytearray(yaota_device.make_container(b"\xe9" * 5000, self.KEY))
        container[1000] ^= 1
        self.start("dialect = yaota8266\npeers = 127.0.0.1:9\n", bytes(container))
        wait_for(lambda: "its checksum does not fit" in self.gateway.log_text(), "it is refused", self.LIMIT)
        self.assertEqual(self.deliveries(), [])


if __name__ == "__main__":
    unittest.main()
