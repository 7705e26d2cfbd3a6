"""The control server: its socket, and HTTP as curl speaks it.

Usage: test_control.py CONTROL_PROBE FERRYCTL [unittest arguments]
"""

import os
import signal
import stat
import sys
import unittest

from control_rig import Probe, Case, everything


class Socket(Case):
    def test_mode_lets_owner_and_group_in(self):
        self.probe()
        mode = os.stat(self.path).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o660)

    def test_a_dead_agents_socket_is_replaced(self):
        self.probe().end(signal.SIGKILL)
        self.probe()
        self.assertEqual(self.ctl("status").returncode, 0)

    def test_a_live_agents_socket_is_not(self):
        self.probe()
        second = Probe(self.path)
        code, errors = second.end()
        self.assertFalse(second.ready)
        self.assertEqual(code, 1)
        self.assertIn("another ferryd answers here", errors)
        self.assertEqual(self.ctl("status").returncode, 0)

    def test_a_file_in_its_place_is_left_alone(self):
        with open(self.path, "w") as file:
            file.write("precious")
        other = Probe(self.path)
        self.assertFalse(other.ready)
        self.assertIn("not a socket", other.end()[1])
        with open(self.path) as file:
            self.assertEqual(file.read(), "precious")

    def test_it_goes_with_the_agent(self):
        self.probe().end()
        self.assertFalse(os.path.exists(self.path))


class Http(Case):
    def test_curl_gets_errors_as_json(self):
        self.probe()
        cases = [(404, "not-found", ["/v1/nothing"]), (404, "not-found", ["/"]),
                 (404, "not-found", ["/v1/devices/nobody"]), (405, "method", ["/v1/sync"]),
                 (405, "method", ["/v1/status", "-X", "DELETE"]),
                 (400, "invalid", ["/v1/sync", "-d", "{"]),
                 (400, "invalid", ["/v1/sync", "-d", '{"source":7}']),
                 (400, "invalid", ["/v1/sync", "-d", "[" * 1000]),
                 (400, "invalid", ["/v1/devices/pump-7/assign", "-d", "{}"]),
                 (403, "denied", ["/v1/devices/pump-7/assign", "-d", '{"version":"1.0.0"}']),
                 (400, "invalid", ["/v1/watch", "--http1.0"])]
        for status, code, arguments in cases:
            with self.subTest(arguments):
                answered, body = self.curl(*arguments)
                self.assertEqual((answered, body["error"]["code"]), (status, code))
                self.assertNotEqual(body["error"]["message"], "")

    def test_sizes_are_bounded(self):
        self.probe()
        self.assertEqual(self.curl("/v1/sync", "-d", "x" * 100000)[0], 413)
        self.assertEqual(self.curl("/v1/status", "-H", "X-Long: " + "x" * 9000)[0], 431)

    def test_a_connection_serves_many_requests(self):
        self.probe()
        client = self.connect()
        for _ in range(3):
            client.sendall(b"GET /v1/releases HTTP/1.1\r\nHost: ferry\r\n\r\n")
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_what_is_no_http_is_refused(self):
        self.probe()
        client = self.connect()
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        self.assertTrue(everything(client).startswith(b"HTTP/1.1 400 "))

    def test_a_stalled_client_is_dropped(self):
        self.probe(32, 8, 300)
        client = self.connect()
        client.sendall(b"POST /v1/sync HTTP/1.1\r\nHost: ferry\r\nContent-Length: 10\r\n\r\n{")
        self.assertEqual(everything(client), b"")

    def test_more_clients_than_places_wait_for_one(self):
        self.probe(2, 1, 1000)
        idle = [self.connect(), self.connect()]
        done = self.ctl("status")
        self.assertEqual(done.returncode, 0)
        for client in idle:
            client.setblocking(False)
        self.assertEqual(min(len(client.recv(1)) for client in idle[:1]), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
