"""The monitor against Debian's mosquitto: TLS, passwords, an access list, and a broker that dies.

Usage: test_monitor.py MONITOR_PROBE [unittest arguments]
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "devices"))
import event_rig  # noqa: E402
from services import Certificates, run  # noqa: E402
from mqtt_broker import Broker, password_file  # noqa: E402
from mqtt_listener import Listener  # noqa: E402
from waiting import TIME_LIMIT, scratch, wait_for  # noqa: E402

PROBE = sys.argv[1]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.certificates = Certificates(pathlib.Path(holder.name) / "certificates")
        cls.others = Certificates(pathlib.Path(holder.name) / "others")

    def setUp(self):
        self.folder = scratch(self)
        self.password_file = password_file(self.folder)

    def broker(self, **more):
        broker = Broker(self.folder, self.certificates, **more)
        broker.__enter__()
        self.addCleanup(broker.stop)
        return broker

    def listener(self, broker):
        listener = Listener(broker.port, self.certificates.ca, "fleet", "reads", ["ferry/#"])
        self.addCleanup(listener.close)
        return listener

    def probe(self, port, **more):
        settings = {"gateway": "van-1", "host": "127.0.0.1", "port": port, "tls": True,
                    "ca_file": str(self.certificates.ca), "user": "van-1",
                    "password_file": str(self.password_file), **more}
        probe = subprocess.Popen([PROBE, self.folder / "store", json.dumps(settings)], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def end():
            probe.kill()
            probe.wait()
            probe.stdin.close()
            probe.stdout.close()
        self.addCleanup(end)
        return probe

    def order(self, probe, **order):
        probe.stdin.write(json.dumps(order) + "\n")
        probe.stdin.flush()

    def status(self, probe):
        self.order(probe, do="status")
        return json.loads(probe.stdout.readline())

    def connected(self, probe):
        return wait_for(lambda: (found := self.status(probe))["state"] == "connected" and found,
                     "the connection")

    def error(self, probe):
        return wait_for(lambda: (found := self.status(probe))["error"] and found, "an error")


class Presence(Case):
    TOPIC = "ferry/van-1/status"

    def test_online_retained_and_offline_by_the_will(self):
        broker = self.broker()
        early = self.listener(broker)
        probe = self.probe(broker.port)
        wait_for(lambda: early.of(self.TOPIC) == ["online"], "online")
        probe.send_signal(signal.SIGKILL)
        wait_for(lambda: early.of(self.TOPIC) == ["online", "offline"], "the will")
        late = self.listener(broker)
        wait_for(lambda: (self.TOPIC, "offline", True) in late.messages, "the retained will")

    def test_offline_at_an_orderly_end(self):
        broker = self.broker()
        listener = self.listener(broker)
        probe = self.probe(broker.port)
        self.connected(probe)
        begun = time.monotonic()
        probe.stdin.close()
        probe.wait(TIME_LIMIT)
        self.assertLess(time.monotonic() - begun, 20)
        wait_for(lambda: listener.of(self.TOPIC) == ["online", "offline"], "offline")

    def test_online_again_after_the_brokers_restart(self):
        broker = self.broker()
        probe = self.probe(broker.port)
        self.connected(probe)
        broker.kill()
        wait_for(lambda: self.status(probe)["state"] == "connecting", "the loss to be noticed")
        broker.__enter__()
        self.connected(probe)
        listener = self.listener(broker)
        wait_for(lambda: listener.of(self.TOPIC)[-1:] == ["online"], "online")


class RetainedMessages(Case):
    def test_state_and_devices_survive_a_broker_that_forgets(self):
        broker = self.broker()
        probe = self.probe(broker.port)
        self.order(probe, do="state", value={"version": "0.1.0"})
        self.order(probe, do="device", product="pump", id="pump/7", value={"version": "1.1"})
        self.order(probe, do="device", product="pump", id="gone", value={"version": "1.1"})
        self.order(probe, do="device", product="pump", id="gone", value=None)
        for _ in range(3):
            self.connected(probe)
            listener = self.listener(broker)
            wait_for(lambda: listener.of("ferry/van-1/state") == ['{"version":"0.1.0"}'], "the state")
            wait_for(lambda: listener.of("ferry/van-1/device/pump/pump%2F7") == ['{"version":"1.1"}'], "the device")
            self.assertFalse(any(listener.of("ferry/van-1/device/pump/gone")))
            broker.kill()
            broker.__enter__()

    def test_a_late_listener_gets_the_latest(self):
        broker = self.broker()
        probe = self.probe(broker.port)
        early = self.listener(broker)
        for version in range(100):
            self.order(probe, do="device", product="pump", id="p", value={"version": version})
        topic, last = "ferry/van-1/device/pump/p", '{"version":99}'
        wait_for(lambda: early.of(topic)[-1:] == [last], "the last version")
        late = self.listener(broker)
        wait_for(lambda: (topic, last, True) in late.messages, "the retained one")
        self.assertEqual(len(late.of(topic)), 1)

    def test_only_the_latest_is_kept_while_the_broker_is_away(self):
        broker = self.broker()
        broker.kill()
        probe = self.probe(broker.port)
        for version in range(100):
            self.order(probe, do="device", product="pump", id="p", value={"version": version})
        self.error(probe)
        broker.__enter__()
        listener = self.listener(broker)
        wait_for(lambda: listener.of("ferry/van-1/device/pump/p") == ['{"version":99}'], "the latest alone")


class Events(Case):
    TOPIC = "ferry/van-1/event"

    def sequences(self, listener):
        return [json.loads(payload)["sequence"] for payload in listener.of(self.TOPIC)]

    def empty(self, probe):
        wait_for(lambda: self.status(probe)["waiting"] == 0, "the outbox to be empty")

    def test_each_event_once_in_order_with_its_time_of_origin(self):
        broker = self.broker()
        listener = self.listener(broker)
        probe = self.probe(broker.port)
        self.order(probe, do="events", count=300)
        self.empty(probe)
        wait_for(lambda: len(listener.of(self.TOPIC)) >= 300, "all events")
        self.assertEqual(self.sequences(listener), list(range(1, 301)))
        self.assertEqual(json.loads(listener.of(self.TOPIC)[0]), {
            "sequence": 1, "time": "2020-01-02T03:04:05Z", "kind": "fetched",
            "detail": {"artifact": "pump.bin"}})

    def test_what_happened_without_a_broker_arrives_later(self):
        broker = self.broker()
        broker.kill()
        probe = self.probe(broker.port)
        self.order(probe, do="events", count=150)
        wait_for(lambda: self.status(probe)["waiting"] == 150, "the outbox to hold them")
        # Power is cut meanwhile.
        probe.kill()
        probe.wait()
        broker.__enter__()
        listener = self.listener(broker)
        self.empty(self.probe(broker.port))
        wait_for(lambda: len(listener.of(self.TOPIC)) >= 150, "all events")
        self.assertEqual(self.sequences(listener), list(range(1, 151)))

    def test_a_full_outbox_costs_little_and_is_sent_soon(self):
        """FERRY_WAITING is how many wait; ./dev soak has the figure's 100,000."""
        count = int(os.environ.get("FERRY_WAITING", 10_000))
        broker = self.broker()
        broker.kill()
        probe = self.probe(broker.port)
        for order in event_rig.orders(count):
            self.order(probe, **order)
        wait_for(lambda: self.status(probe)["waiting"] == count, "the outbox to hold them")
        used = event_rig.bytes_on_disk(self.folder / "store")
        broker.__enter__()
        begun = time.monotonic()
        listener = self.listener(broker)
        self.connected(probe)
        wait_for(lambda: self.status(probe)["waiting"] == 0, "the outbox to be empty", 120)
        taken = time.monotonic() - begun
        self.assertEqual(self.sequences(listener), list(range(1, count + 1)))
        print(f"{count} waiting events: {used / 2**20:.1f} MiB on disk, sent within {taken:.1f} s")
        self.assertLess(used, 40 << 20)
        self.assertLess(taken, 60)


class Refusals(Case):
    def test_wrong_password(self):
        self.password_file.write_text("wrong\n")
        found = self.error(self.probe(self.broker().port))
        self.assertEqual((found["state"], found["error"]),
                         ("refused", "refused: not authorised (check user and password_file)"))

    def test_a_corrected_password_is_picked_up(self):
        self.password_file.write_text("wrong\n")
        probe = self.probe(self.broker().port)
        self.error(probe)
        self.password_file.write_text("right\n")
        self.assertEqual(self.connected(probe)["error"], "")

    def test_wrong_ca(self):
        found = self.error(self.probe(self.broker().port, ca_file=str(self.others.ca)))
        self.assertEqual(found["state"], "refused")
        self.assertIn("is not trusted (check ca_file", found["error"])

    def test_certificate_for_another_name(self):
        # The certificate names 127.0.0.1 and localhost; this is the same address under a third name.
        found = self.error(self.probe(self.broker().port, host="127.1"))
        self.assertEqual(found["state"], "refused")
        self.assertIn("the name in broker", found["error"])

    def test_plain_text_to_a_tls_port(self):
        found = self.error(self.probe(self.broker().port, tls=False))
        self.assertNotEqual(found["state"], "connected")

    def test_client_certificate(self):
        broker = self.broker(client_certificates=True)
        bare = self.probe(broker.port)
        self.assertNotEqual(self.error(bare)["state"], "connected")
        bare.kill()
        bare.wait()
        certificate, key = self.client_certificate()
        self.connected(self.probe(broker.port, client_certificate=str(certificate), client_key=str(key)))

    def client_certificate(self):
        key, request = self.folder / "client.key", self.folder / "client.csr"
        certificate = self.folder / "client.pem"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", request, "-subj", "/CN=van-1")
        authority = pathlib.Path(self.certificates.ca).with_name("ca.key")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.certificates.ca, "-CAkey", authority,
            "-CAcreateserial", "-out", certificate, "-days", "30")
        return certificate, key


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
