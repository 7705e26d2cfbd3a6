"""Sets the stage: firmware, a signed site, cloud, broker, gateway, and the two links that will be cut."""
import contextlib
import json
import pathlib
import re
import secrets
import subprocess
import threading

import firmware
from fleet import Device
from gateway import Build, Gateway, die_with_parent
from link_proxy import LinkProxy
from services import Certificates, Mosquitto, Nginx, run

CLOUD_RATE = 1 << 20         # bytes a second: the whole site in a few seconds
METER_DELAY = 0.001          # seconds that each piece to the meter is late
METER_CUT_WITHIN = 300       # bytes into the answer with the block half way
METER_ADDRESS = "127.0.0.12"
ADDRESSES = {"tracker": "127.0.0.7", "lock": "127.0.0.3", "meter": METER_ADDRESS}

CONFIGURATION = """
# Releases from the cloud, believed because they are signed.
[source.cloud]
type = https
url = https://127.0.0.1:{cloud_port}/
public_key = {public_key}
ca_file = {ca}

# Releases from a folder, as Pycom's own server reads it.
[source.stick]
type = directory
path = {stick}
product = tracker

[transport.wifi]
plugin = http
listen = 127.0.0.1:0
product = tracker

[product.tracker]
dialect = pycom
[product.lock]
dialect = esp32-json
[product.meter]
dialect = chunked

[monitor]
broker = 127.0.0.1:{broker_port}
ca_file = {ca}
user = gateway
password_file = {password_file}
state_interval = 5s
"""


class Listener:
    """mosquitto_sub, as somebody at the fleet's desk would run it."""

    def __init__(self, broker, log, hears):
        self.hears = hears   # called with each event
        self.events = []     # of topic event, as JSON
        self.topics = set()
        self.lock = threading.Lock()
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                ["mosquitto_sub", *map(str, broker.client_arguments()), "-q", "1", "-t", "ferry/#", "-F", "%t %p"],
                stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=die_with_parent)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(5)
        self.thread.join(5)

    def _read(self):
        for line in self.process.stdout:
            topic, _, payload = line.rstrip("\n").partition(" ")
            with self.lock:
                self.topics.add(topic)
                if topic.endswith("/event"):
                    event = json.loads(payload)
                    self.events.append(event)
                    self.hears(event)

    def count(self, kind, product=None):
        with self.lock:
            return sum(event["kind"] == kind and product in (None, event["detail"].get("product"))
                       for event in self.events)


class MeterLink:
    """The meter's link: cut once, in the middle of the block half way through its image. Whoever connects
    meanwhile waits, as when packets are lost. Remembers which blocks were asked for."""

    def __init__(self, gateway_port, blocks, on_cut):
        self.half = blocks // 2
        self.on_cut = on_cut
        self.blocks = []
        # The meter builds its URLs from the gateway's port, so its link has the same port, elsewhere.
        self.proxy = LinkProxy(("127.0.0.1", gateway_port), "127.0.0.2", gateway_port, source_host=METER_ADDRESS,
                               delay=METER_DELAY, buffer=8192, on_up=self._asked, hold=True)
        self.address = f"127.0.0.2:{gateway_port}"

    def _asked(self, piece):
        found = re.match(rb"GET \S+/firmware_\S+/(\d+) ", piece)
        if not found:
            return
        self.blocks.append(int(found[1]))
        if self.blocks[-1] == self.half and self.proxy.cuts == 0:
            self.proxy.cut_after(METER_CUT_WITHIN, self.on_cut)

    def asked_twice(self):
        return sorted({block for block in self.blocks if self.blocks.count(block) > 1})


class Stage:
    """All that runs while the demonstration does. Ends with the `with` block, in reverse order."""

    def __init__(self, folder, build):
        self.folder = pathlib.Path(folder)
        self.build = Build(build)
        self.site, self.stick = self.folder / "site", self.folder / "stick"
        self.images = {}
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def publish(self):
        """Lays the firmware out, signs the cloud's part of it, and gives the number of bytes there."""
        layouts = self.folder / "layouts"
        firmware.make_tracker(self.stick)
        firmware.make_lock(layouts / "lock")
        firmware.make_meter(layouts / "meter")
        key = self.folder / "site.key"
        self.public_key = run(self.build.ferryctl, "keygen", key).split()[-1]
        for product in ("lock", "meter"):
            run(self.build.ferryctl, "publish", layouts / product, self.site, "--product", product, "--key", key)
        for name, path in (("tracker", self.stick / "firmware_1.1.0.bin"),
                           ("lock", layouts / "lock" / "firmware_2.0.0.bin"),
                           ("meter", layouts / "meter" / "firmware_3.2.0.bin")):
            self.images[name] = path.read_bytes()
        self.published = [path.stat().st_size for path in layouts.rglob("*") if path.is_file()]
        return sum(self.published)

    def start_services(self, hears):
        """`hears` is called with each event that the broker was told."""
        certificates = Certificates(self.folder / "tls")
        self.nginx = self.stack.enter_context(Nginx(self.folder / "nginx", self.site, certificates))
        self.broker = self.stack.enter_context(
            Mosquitto(self.folder / "mosquitto", certificates, "gateway", secrets.token_hex(8)))
        self.listener = self.stack.enter_context(Listener(self.broker, self.folder / "mosquitto_sub.log", hears))
        self.cloud_link = self.stack.enter_context(
            LinkProxy(("127.0.0.1", self.nginx.port), rate=CLOUD_RATE, buffer=32 * 1024))
        self.ca = certificates.ca

    def start_gateway(self):
        sections = CONFIGURATION.format(cloud_port=self.cloud_link.port, public_key=self.public_key, ca=self.ca,
                                        stick=self.stick, broker_port=self.broker.port,
                                        password_file=self.broker.password_file)
        self.gateway = Gateway(self.folder / "gateway", sections, self.build, name="van-1")
        self.stack.callback(self.stop_gateway)
        self.gateway.start()

    def stop_gateway(self):
        if self.gateway.process:
            self.gateway.stop()

    def start_meter_link(self, on_cut):
        blocks = -(-len(self.images["meter"]) // 512)
        self.meter_link = MeterLink(self.gateway.port(), blocks, on_cut)
        self.stack.enter_context(self.meter_link.proxy)

    def devices(self):
        """The three of them, each on its old version."""
        home = self.folder / "devices"
        tracker = Device("tracker", "Pycom", "pycom_device.py", home / "tracker", "partition.bin",
                         ("1.0.0", firmware.image("malta64el/u-boot.bin")), ("1.1.0", self.images["tracker"]),
                         ["--source", ADDRESSES["tracker"]])
        for name, content in firmware.tracker_files("1.0.0").items():
            target = tracker.state / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (tracker.state / "version").write_text("1.0.0")
        lock = Device("lock", "esp32 JSON", "esp32_json_device.py", home / "lock", "ota.bin",
                      ("1.0.0", firmware.image("qemu-ppce500/u-boot.bin")), ("2.0.0", self.images["lock"]),
                      ["--source", ADDRESSES["lock"], "--root", "/lock", "--tries", 0])
        meter = Device("meter", "chunked", "chunked_device.py", home / "meter", "partition.bin",
                       ("3.1.0", firmware.image("malta64el/u-boot.bin")), ("3.2.0", self.images["meter"]),
                       ["--root", "/meter", "--tries", 0])
        return tracker, lock, meter

