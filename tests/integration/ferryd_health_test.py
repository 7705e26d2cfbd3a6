#!/usr/bin/python3
"""What a whole gateway counts and measures: as devices use it, when its hosts are killed, and on the page for
Prometheus, whoever connects there."""
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import unittest

import gateway as g
import open_metrics
from services import free_port

IMAGE_SIZE = 300_000
PATH = "/sensor/1.1.0/firmware_1.1.0.bin?id=a1&version=1.0.0"
TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SECTIONS = """
[source.stick]
type = directory
path = {releases}
product = sensor
[product.sensor]
device_id = query:id
device_version = query:version
[transport.wifi]
plugin = http
listen = 127.0.0.1:0
[monitor]
metrics = {metrics}
"""


def refuses(text):
    try:
        open_metrics.parse(text)
    except open_metrics.Malformed:
        return True
    return False


class Page(unittest.TestCase):
    """The parser that the other cases rely on."""

    def test_it_takes_what_the_format_allows_and_nothing_else(self):
        good = '# TYPE a counter\n# HELP a Text.\na_total{x="\\"\\n\\\\"} 5\n# TYPE b gauge\nb 7\n# EOF\n'
        self.assertEqual(open_metrics.parse(good), {("a_total", (("x", '"\n\\'),)): 5, ("b", ()): 7})
        for bad in ("", "# EOF", "a 1\n# EOF\n", "# TYPE a counter\na 1\n# EOF\n", good + "# EOF\n",
                    "# TYPE a gauge\n# TYPE a gauge\n# EOF\n", '# TYPE a gauge\na{x="1",x="2"} 1\n# EOF\n',
                    "# TYPE a gauge\na 1\na 2\n# EOF\n", "# TYPE a gauge\n# UNIT a bytes\n# EOF\n",
                    '# TYPE a gauge\na{x="1"}1\n# EOF\n', "# TYPE a gauge\n\n# EOF\n"):
            self.assertTrue(refuses(bad), bad)


class Health(unittest.TestCase):
    def setUp(self):
        self.folder = g.scratch(self)
        self.releases = self.folder / "releases"
        g.write_release(self.releases, "1.1.0", random.Random(3).randbytes(IMAGE_SIZE))
        self.gateway = g.Gateway(self.folder / "gw", self.sections("127.0.0.1:0"))
        self.addCleanup(self.gateway.__exit__, None)

    def sections(self, metrics):
        return SECTIONS.format(releases=self.releases, metrics=metrics)

    def start(self):
        self.gateway.start()
        self.gateway.wait_for_release("sensor", "1.1.0")

    def page_port(self):
        return int(re.findall(r"metrics at http://127\.0\.0\.1:(\d+)/metrics", self.gateway.log_text())[-1])

    def page(self):
        """The samples of the control socket's page."""
        connection = g.UnixConnection(self.gateway.control)
        with contextlib.closing(connection):
            connection.request("GET", "/v1/metrics")
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, TYPE))
            return open_metrics.parse(answer.read().decode())

    def value(self, name, **labels):
        return self.page()[(name, tuple(sorted(labels.items())))]

    def wait_for(self, name, value, **labels):
        g.wait_for(lambda: self.value(name, **labels) == value, f"{name} {labels} is {value}")


class Counted(Health):
    def test_a_pull_counts_requests_bytes_and_the_delivery(self):
        self.start()
        self.assertEqual(self.value("ferry_requests_total", transport="wifi"), 0)
        self.assertEqual(self.value("ferry_deliveries_total", outcome="delivered"), 0)
        status, _, body = g.fetch(self.gateway.port(), PATH)
        self.assertEqual((status, len(body)), (200, IMAGE_SIZE))
        self.wait_for("ferry_requests_total", 1, transport="wifi")
        self.wait_for("ferry_delivered_bytes_total", IMAGE_SIZE, transport="wifi")
        self.wait_for("ferry_deliveries_total", 1, outcome="delivered")
        self.assertEqual(self.value("ferry_refusals_total", transport="wifi"), 0)
        self.assertEqual(self.value("ferry_open_deliveries"), 1)
        # It comes again with the new version.
        g.fetch(self.gateway.port(), "/sensor/offer.json?id=a1&version=1.1.0")
        self.wait_for("ferry_deliveries_total", 1, outcome="installed")
        self.assertEqual(self.value("ferry_open_deliveries"), 0)

    def test_what_is_refused_is_counted_as_such(self):
        self.start()
        self.assertEqual(g.fetch(self.gateway.port(), "/sensor/9.9/none.bin")[0], 404)
        self.wait_for("ferry_refusals_total", 1, transport="wifi")
        self.assertEqual(self.value("ferry_requests_total", transport="wifi"), 1)

    def test_links_store_and_time_are_measured(self):
        self.start()
        g.wait_for(lambda: self.value("ferry_source_up", source="stick") == 1, "the source went well")
        self.assertEqual(self.value("ferry_transport_up", transport="wifi"), 1)
        self.assertEqual(self.value("ferry_broker_up"), 0)
        self.assertEqual(self.value("ferry_releases"), 1)
        g.wait_for(lambda: self.value("ferry_store_bytes") >= IMAGE_SIZE, "the store was looked at")
        self.assertEqual(self.value("ferry_store_writable"), 1)
        self.assertGreater(self.value("ferry_store_quota_bytes"), IMAGE_SIZE)
        self.assertGreater(self.value("ferry_time_floor_seconds"), 1_600_000_000)
        # In a container the kernel may count nothing for a file system that is kept in memory.
        self.assertGreaterEqual(self.value("ferry_written_bytes_total"), 0)

    def test_counters_never_go_down_when_a_host_is_killed(self):
        self.start()
        before = {}
        for killed in range(3):
            g.fetch(self.gateway.port(), PATH)
            self.wait_for("ferry_requests_total", killed + 1, transport="wifi")
            self.wait_for("ferry_delivered_bytes_total", (killed + 1) * IMAGE_SIZE, transport="wifi")
            pid = self.gateway.transport()["pid"]
            os.kill(pid, signal.SIGKILL)

            def serves_again(pid=pid):
                now = {key: value for key, value in self.page().items() if key[0].endswith("_total")}
                for key, value in before.items():
                    self.assertGreaterEqual(now[key], value, key)
                before.update(now)
                transport = self.gateway.transport()
                return transport["pid"] not in (0, pid) and transport["state"] == "listening"
            g.wait_for(serves_again, "the host runs again", interval=0.005)
        self.assertEqual(self.value("ferry_transport_restarts_total", transport="wifi"), 3)
        self.assertEqual(self.gateway.transport()["requests"], 3)

    def test_state_and_ferryctl_tell_the_same(self):
        self.start()
        g.fetch(self.gateway.port(), PATH)
        self.wait_for("ferry_requests_total", 1, transport="wifi")
        self.wait_for("ferry_delivered_bytes_total", IMAGE_SIZE, transport="wifi")
        self.wait_for("ferry_deliveries_total", 1, outcome="delivered")
        counters = self.gateway.status()["counters"]
        self.assertEqual((counters["requests"], counters["bytes_delivered"]), (1, IMAGE_SIZE))
        self.assertEqual(counters["deliveries"]["delivered"], 1)
        self.assertEqual(json.loads(self.gateway.ctl("--json", "status"))["counters"]["requests"], 1)
        shown = self.gateway.ctl("status")
        self.assertRegex(shown, r"traffic +293\.0 KiB fetched, 293\.0 KiB delivered, .* 1 requests, 0 refused\n")
        self.assertRegex(shown, r"outcomes +1 delivered\n")


class Localhost(Health):
    def setUp(self):
        super().setUp()
        self.start()
        self.port = self.page_port()

    def say(self, text, limit=20):
        """All that comes back until the gateway closes."""
        with socket.create_connection(("127.0.0.1", self.port), limit) as connection:
            connection.sendall(text)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer.decode()

    def test_the_page_is_the_one_of_the_control_socket(self):
        status, headers, body = g.fetch(self.port, "/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, TYPE))
        self.assertEqual(set(open_metrics.parse(body.decode())), set(self.page()))

    def test_it_serves_one_page_for_each_connection_and_nothing_else(self):
        answer = self.say(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        self.assertEqual(answer.count("HTTP/1.1 200"), 1)
        self.assertTrue(answer.endswith("# EOF\n"))
        for path in ("/", "/v1/status", "/metrics/", "/metrics%00", "/v1/metrics", "/../metrics"):
            self.assertEqual(g.fetch(self.port, path)[0], 404, path)
        for method in ("POST", "PUT", "DELETE", "HEAD"):
            status, headers, _ = g.fetch(self.port, "/metrics", method=method)
            self.assertEqual((status, headers["Allow"]), (405, "GET"), method)
        self.assertEqual(g.fetch(self.port, "/v1/sync", method="POST")[0], 404, "nothing can be ordered here")

    def test_what_is_no_request_is_refused(self):
        self.assertIn(" 400 ", self.say(b"\x16\x03\x01 garbage\r\n\r\n"))
        self.assertIn(" 413 ", self.say(b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"))
        self.assertIn(" 431 ", self.say(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n"))
        self.assertEqual(g.fetch(self.port, "/metrics")[0], 200)

    def test_those_who_say_nothing_hold_up_neither_ferryctl_nor_others_for_long(self):
        with contextlib.ExitStack() as silent:
            for _ in range(40):
                connection = silent.enter_context(socket.create_connection(("127.0.0.1", self.port), 20))
                connection.sendall(b"GET /metr")
            self.assertEqual(self.gateway.ask("GET", "/v1/status")[0], 200)
        # Their places are free again.
        self.assertEqual(g.fetch(self.port, "/metrics", timeout=60)[0], 200)

    def test_a_client_that_says_nothing_is_cut_off(self):
        self.assertEqual(self.say(b"GET /metrics HT", 60), "")


class Configured(Health):
    def check(self, metrics):
        self.gateway.configure(self.sections(metrics))
        return subprocess.run([str(self.gateway.build.ferryd), "--config", str(self.gateway.config),
                               "--check-config"], capture_output=True, text=True, timeout=20, check=False)

    def test_addresses_that_others_could_reach_are_refused(self):
        for bad in ("0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464", "localhost:9464", "127.0.0.1", "127.0.0.1:x",
                    "127.0.0.1.example.com:9464", "9464"):
            done = self.check(bad)
            self.assertEqual(done.returncode, 2, bad)
            self.assertIn("metrics: ", done.stderr)
            self.assertIn("127.0.0.0/8", done.stderr)
        for good in ("127.0.0.1:9464", "127.3.2.1:1", "[::1]:9464", ""):
            self.assertEqual(self.check(good).returncode, 0, good)

    def test_without_the_key_nothing_listens_and_the_control_socket_has_the_page(self):
        self.gateway.configure(self.sections(""))
        self.start()
        self.assertNotIn("metrics at", self.gateway.log_text())
        self.assertEqual(self.value("ferry_releases"), 1)

    def test_a_port_that_another_program_has_keeps_nobody_from_being_served(self):
        port = free_port()
        with socket.create_server(("127.0.0.1", port)):
            self.gateway.configure(self.sections(f"127.0.0.1:{port}"))
            self.start()
            self.assertEqual(g.fetch(self.gateway.port(), PATH)[0], 200)
            self.assertRegex(self.gateway.log_text(), rf"metrics: 127\.0\.0\.1:{port}: Address already in use")


if __name__ == "__main__":
    unittest.main(verbosity=2)
