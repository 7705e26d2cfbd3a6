#!/usr/bin/python3
"""HTTP itself, as far as devices rely on it: ranges and entity tags, ends and resets, limits, and what counts as
acknowledged."""
import hashlib
import http.client
import os
import random
import signal
import socket
import struct
import time
import unittest

import gateway as g
import http_servers as servers
import device_common as common

SIZE = 3_000_000
IMAGE = random.Random(5).randbytes(SIZE)
PATH = "/cam/2.0/firmware_2.0.bin"
NAME = "firmware_2.0.bin"
TAG = f'"{hashlib.sha256(IMAGE).hexdigest()}"'


class ProtocolCase(servers.DeviceCase):
    needs_harness = True

    def start(self, products=None, releases=None, **settings):
        return servers.start(self, releases or {"cam": {"2.0": {"firmware": IMAGE, "small.txt": b"small\n"}}},
                             products or {"cam": {}}, **settings)

    def connect(self, server, source="127.0.0.1", buffer=None):
        sock = socket.socket()
        self.addCleanup(sock.close)
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.settimeout(10)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", server.port))
        return sock

    def get(self, path=PATH, version="1.1", headers=()):
        return "\r\n".join([f"GET {path} HTTP/{version}", "Host: h", *headers, "", ""]).encode()

    def read_all(self, sock):
        data = bytearray()
        while piece := sock.recv(65536):
            data += piece
        return bytes(data)


class Ranges(ProtocolCase):
    def check(self, server, value, status, first=0, last=SIZE - 1, headers=None):
        got, answer, body = g.fetch(server.port, PATH, {"Range": value, **(headers or {})})
        self.assertEqual((got, len(body)), (status, last - first + 1), value)
        self.assertEqual(body, IMAGE[first:last + 1])
        self.assertEqual((answer["ETag"], answer["Accept-Ranges"]), (TAG, "bytes"))
        if status == 206:
            self.assertEqual(answer["Content-Range"], f"bytes {first}-{last}/{SIZE}")

    def test_single_ranges(self):
        server = self.start()
        for value, first, last in (("bytes=0-0", 0, 0), ("bytes=100-299", 100, 299), ("bytes=2999990-", 2999990, SIZE - 1),
                                   ("bytes=2999990-9999999", 2999990, SIZE - 1), ("bytes=-7", SIZE - 7, SIZE - 1),
                                   ("bytes=-99999999", 0, SIZE - 1), ("bytes=0-99999999999999999999", 0, SIZE - 1)):
            self.check(server, value, 206, first, last)

    def test_what_is_no_single_range_is_the_whole(self):
        server = self.start()
        for value in ("bytes=0-1,5-6", "bytes=5-2", "lines=0-1", "bytes=", "bytes=a-b", "bytes=1", "bytes=--1"):
            self.check(server, value, 200)

    def test_past_the_end_is_416(self):
        server = self.start()
        for value in (f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0", "bytes=99999999999999999999-"):
            status, answer, body = g.fetch(server.port, PATH, {"Range": value})
            self.assertEqual((status, answer["Content-Range"], body), (416, f"bytes */{SIZE}", b""), value)

    def test_if_range(self):
        server = self.start()
        self.check(server, "bytes=5-9", 206, 5, 9, {"If-Range": TAG})
        for other in ('"other"', f"W/{TAG}", "Wed, 21 Oct 2015 07:28:00 GMT"):
            self.check(server, "bytes=5-9", 200, headers={"If-Range": other})

    def test_if_none_match(self):
        server = self.start()
        for value in (TAG, f'"x", {TAG}', f"W/{TAG}", "*"):
            status, answer, body = g.fetch(server.port, PATH, {"If-None-Match": value})
            self.assertEqual((status, answer["ETag"], body), (304, TAG, b""), value)
            self.assertNotIn("Content-Length", answer)
        self.assertEqual(g.fetch(server.port, PATH, {"If-None-Match": '"x"'})[0], 200)
        self.assertEqual(server.events("seen")[0]["device"], "127.0.0.1")

    def test_head_says_the_same_without_a_body(self):
        server = self.start()
        _, whole, _ = g.fetch(server.port, PATH)
        status, head, body = g.fetch(server.port, PATH, {"Range": "bytes=5-9"}, method="HEAD")
        self.assertEqual((status, head, body), (200, whole, b""))

    def test_content_length_has_its_letter_case_and_lines_are_short(self):
        server = self.start()
        sock = self.connect(server)
        sock.sendall(self.get(version="1.0"))
        head = self.read_all(sock).partition(b"\r\n\r\n")[0].split(b"\r\n")
        self.assertIn(f"Content-Length: {SIZE}".encode(), head)
        self.assertIn(b"Content-Type: application/octet-stream", head)
        self.assertTrue(all(len(line) < 128 for line in head), head)


class Connections(ProtocolCase):
    def test_http_1_1_is_kept_and_http_1_0_is_closed(self):
        server = self.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self.addCleanup(connection.close)
        for _ in range(3):
            connection.request("GET", "/cam/2.0/small.txt")
            answer = connection.getresponse()
            self.assertEqual(answer.read(), b"small\n")
            self.assertIsNone(answer.getheader("Connection"))
            kept = connection.sock
        self.assertIsNotNone(kept)
        for version, headers in (("1.0", ()), ("1.1", ("Connection: close",)), ("1.0", ("Connection: keep-alive",))):
            sock = self.connect(server)
            sock.sendall(self.get("/cam/2.0/small.txt", version, headers))
            answer = self.read_all(sock)
            self.assertTrue(answer.startswith(f"HTTP/{version} 200 OK\r\n".encode()))
            self.assertIn(b"\r\nConnection: close\r\n", answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nsmall\n"))

    def test_requests_sent_in_one_go_are_answered_one_after_the_other(self):
        server = self.start()
        sock = self.connect(server)
        sock.sendall(b"".join(self.get(PATH, headers=[f"Range: bytes={n}-{n}"]) for n in range(40)) +
                     self.get("/cam/2.0/small.txt", headers=["Connection: close"]))
        answers = self.read_all(sock).split(b"HTTP/1.1 ")[1:]
        self.assertEqual([a.partition(b"\r\n\r\n")[2] for a in answers],
                         [IMAGE[n:n + 1] for n in range(40)] + [b"small\n"])

    def test_a_request_that_comes_byte_by_byte(self):
        server = self.start()
        sock = self.connect(server)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in self.get("/cam/2.0/small.txt", "1.0"):
            sock.sendall(bytes([byte]))
        self.assertTrue(self.read_all(sock).endswith(b"small\n"))

    def test_a_client_that_closes_its_half_gets_everything(self):
        server = self.start()
        sock = self.connect(server, buffer=4096)
        sock.sendall(self.get(version="1.0"))
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(sock).partition(b"\r\n\r\n")[2], IMAGE)

    def test_other_methods_unknown_paths_and_bodies(self):
        server = self.start()
        for request, status, words in (
                (b"POST /cam/2.0/small.txt HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405, b"only GET and HEAD"),
                (b"DELETE /cam/2.0/small.txt HTTP/1.1\r\nConnection: close\r\n\r\n", 405, b"only GET and HEAD"),
                (b"GET /cam/2.0/small.txt HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 413, b"body"),
                (b"GET /nobody/knows HTTP/1.0\r\n\r\n", 404, b"no product"),
                (b"GET /cam/nothing HTTP/1.0\r\n\r\n", 404, b"/cam/VERSION/NAME"),
                (b"GET /cam/9.9/x HTTP/1.0\r\n\r\n", 404, b"no complete artifact x of version 9.9"),
                (b"GET /cam/%zz HTTP/1.0\r\n\r\n", 400, b"not well-formed"),
                (b"GET /cam/2.0/a%00b HTTP/1.0\r\n\r\n", 400, b"not well-formed"),
                (b"GET /cam/2.0/../../etc/passwd HTTP/1.0\r\n\r\n", 404, b""),
                (b"GET /cam/2.0/%2e%2e/x HTTP/1.0\r\n\r\n", 404, b""),
                (b"nonsense\r\n\r\n", 400, b"HTTP/1.0 or HTTP/1.1"),
                (b"GET / HTTP/1.0\r\n" + b"X: y\r\n" * 60 + b"\r\n", 431, b"too many"),
                (b"GET / HTTP/1.0\r\nX: " + b"y" * 9000, 431, b"8192")):
            sock = self.connect(server)
            sock.sendall(request)
            head, _, body = self.read_all(sock).partition(b"\r\n\r\n")
            self.assertEqual(int(head.split()[1]), status, request[:60])
            self.assertIn(words, body)

    def test_half_a_request_is_not_waited_for(self):
        server = self.start(header_timeout=100, idle_timeout=60_000)
        sock = self.connect(server)
        sock.sendall(b"GET /cam/2.0/sm")
        self.assertEqual(self.read_all(sock), b"")

    def test_an_idle_connection_is_closed_in_order(self):
        server = self.start(header_timeout=60_000, idle_timeout=100)
        sock = self.connect(server)
        sock.sendall(self.get("/cam/2.0/small.txt"))
        self.assertTrue(self.read_all(sock).endswith(b"small\n"))

    def test_a_full_house_keeps_its_idle_guests_until_somebody_knocks(self):
        server = self.start(max_connections=2, idle_timeout=60_000)
        idle = [self.connect(server) for _ in range(2)]
        for _ in range(2):
            for sock in idle:
                sock.sendall(self.get("/cam/2.0/small.txt"))
                self.assertTrue(sock.recv(1000).endswith(b"small\n"))
        newcomer = self.connect(server)
        newcomer.sendall(self.get("/cam/2.0/small.txt"))
        self.assertTrue(newcomer.recv(1000).endswith(b"small\n"))
        self.assertEqual(self.read_all(idle[0]), b"")  # idle for longest
        idle[1].sendall(self.get("/cam/2.0/small.txt"))
        self.assertTrue(idle[1].recv(1000).endswith(b"small\n"))

    def test_more_connections_than_allowed_wait_and_idle_ones_make_room(self):
        server = self.start(max_connections=2, header_timeout=60_000, idle_timeout=60_000)
        busy = [self.connect(server) for _ in range(2)]
        for sock in busy:
            sock.sendall(b"GET ")
        third = self.connect(server)
        third.sendall(self.get("/cam/2.0/small.txt"))
        busy[0].sendall(self.get("/cam/2.0/small.txt")[4:])  # is answered, idle, and makes room
        self.assertTrue(busy[0].recv(1000).endswith(b"small\n"))
        self.assertEqual(self.read_all(busy[0]), b"")
        self.assertTrue(third.recv(1000).endswith(b"small\n"))


class Breaks(ProtocolCase):
    def start_reading(self, server):
        """A connection on which an answer is half way."""
        sock = self.connect(server, buffer=4096)
        sock.sendall(self.get(version="1.0"))
        self.assertTrue(sock.recv(100).startswith(b"HTTP/1.0 200"))
        return sock

    def check_reset(self, sock):
        with self.assertRaises(ConnectionResetError):
            self.read_all(sock)

    def test_bytes_that_cannot_be_read_break_the_answer_off(self):
        server = self.start()
        server.order("corrupt")
        sock = self.connect(server)
        sock.sendall(self.get(version="1.0"))
        self.check_reset(sock)
        server.order("heal")
        self.assertEqual(g.fetch(server.port, PATH)[2], IMAGE)

    def test_killed_half_way_breaks_off(self):
        server = self.start()
        sock = self.start_reading(server)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        self.check_reset(sock)

    def test_stopped_half_way_breaks_off(self):
        server = self.start()
        sock = self.start_reading(server)
        self.assertEqual(server.stop(), 0)
        self.check_reset(sock)

    def test_a_reader_that_stalls_is_reset(self):
        server = self.start(idle_timeout=200, header_timeout=60_000)
        sock = self.start_reading(server)
        g.wait_for(lambda: self.gone(sock), "the connection is reset")

    def test_a_reader_that_is_slow_but_steady_is_served_to_the_end(self):
        server = self.start(idle_timeout=250)
        sock = self.connect(server, buffer=4096)
        sock.sendall(self.get(version="1.0"))
        data, started = bytearray(), time.monotonic()
        while piece := sock.recv(65536):
            data += piece
            if time.monotonic() - started < 1:
                time.sleep(0.01)  # a slow link, not a wait for anything
        self.assertEqual(bytes(data).partition(b"\r\n\r\n")[2], IMAGE)

    def gone(self, sock):
        """True once the other end has reset, without reading."""
        state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return state == 7  # TCP_CLOSE

    def test_slow_readers_hold_no_memory(self):
        server = self.start()
        g.fetch(server.port, PATH)  # the folder's files are read by now
        before = g.private_memory(server.process.pid)
        socks = [self.start_reading(server) for _ in range(64)]
        g.wait_for(lambda: all(self.unread(sock) for sock in socks), "each has something to read")
        if not g.Build().sanitized:  # whose own memory grows
            self.assertLess(g.private_memory(server.process.pid) - before, 2 << 20)

    def unread(self, sock):
        return sock.recv(1, socket.MSG_PEEK)


class Agent(ProtocolCase):
    def test_away_is_503_and_what_is_known_is_served_on(self):
        server = self.start()
        g.fetch(server.port, "/cam/2.0/small.txt")
        server.order("away")
        self.assertEqual(g.fetch(server.port, "/cam/offer.json")[0], 503)
        self.assertEqual(g.fetch(server.port, PATH)[0], 503)
        self.assertEqual(g.fetch(server.port, "/cam/2.0/small.txt")[0], 200)
        server.order("back")
        self.assertEqual(g.fetch(server.port, PATH, {"Range": "bytes=0-9"})[0], 206)

    def test_a_device_that_waits_delays_no_other(self):
        server = self.start()
        g.fetch(server.port, PATH)
        server.order("mute")
        waiting = self.connect(server)
        waiting.sendall(self.get("/cam/offer.json"))
        server.wait_event(lambda e: e["event"] == "offer")
        self.assertEqual(g.fetch(server.port, PATH)[2], IMAGE)

    def test_each_artifact_is_asked_for_once_until_the_catalog_changes(self):
        server = self.start()
        for _ in range(3):
            g.fetch(server.port, "/cam/2.0/small.txt")
        self.assertEqual(len(server.events("find")), 1)
        server.order("changed")
        g.fetch(server.port, "/cam/2.0/small.txt")
        g.wait_for(lambda: len(server.events("find")) == 2, "it is asked for again")

    def test_pycom_is_told_null_while_the_agent_is_away(self):
        server = self.start({"cam": {"dialect": "pycom"}})
        server.order("away")
        status, _, body = g.fetch(server.port, "/cam/manifest.json?current_ver=1.0")
        self.assertEqual((status, body), (503, b"null"))


class Acknowledged(ProtocolCase):
    def wait_acknowledged(self, server, device, size):
        g.wait_for(lambda: server.acknowledged(NAME).get(device) == size, f"{device} acknowledged {size} bytes")

    def test_a_whole_download(self):
        server = self.start()
        g.fetch(server.port, PATH)
        self.wait_acknowledged(server, "127.0.0.1", SIZE)

    def test_pieces_on_one_connection_count_when_the_next_is_asked_for(self):
        server = self.start()
        sock = self.connect(server)
        reader = common.Reader(common.Connection(common.Link(server.gateway), sock))
        for number, known in ((0, None), (1, 512), (2, 1024)):
            sock.sendall(self.get(headers=[f"Range: bytes={number * 512}-{number * 512 + 511}"]))
            common.read_head(reader)
            self.assertEqual(reader.read(512), IMAGE[number * 512:number * 512 + 512])
            self.wait_acknowledged(server, "127.0.0.1", known)
        sock.close()
        self.wait_acknowledged(server, "127.0.0.1", 1536)

    def test_a_connection_that_is_reset_does_not_count_to_the_end(self):
        server = self.start()
        sock = self.connect(server)
        sock.sendall(self.get(version="1.0", headers=["Range: bytes=0-999"]))
        g.wait_for(lambda: len(sock.recv(4000, socket.MSG_PEEK)) > 1000, "the answer has come")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        g.fetch(server.port, PATH, {"Range": "bytes=2000-2009"})
        self.wait_acknowledged(server, "127.0.0.1", 10)

    def test_a_silent_device_counts_once_all_is_acknowledged(self):
        server = self.start(idle_timeout=200)
        sock = self.connect(server)
        sock.sendall(self.get(headers=["Range: bytes=0-999"]))
        self.wait_acknowledged(server, "127.0.0.1", 1000)

    def test_devices_by_address_header_query_and_path(self):
        for device_id, path, headers, wanted in (("address", PATH, {}, "127.0.0.1"),
                                                 ("header:X-Id", PATH, {"X-Id": "AA:BB"}, "AA:BB"),
                                                 ("query:id", PATH + "?id=n7", {}, "n7"),
                                                 ("path", PATH.replace("/cam", "/cam/unit-3"), {}, "unit-3")):
            server = self.start({"cam": {"device_id": device_id}})
            self.assertEqual(g.fetch(server.port, path, headers)[2], IMAGE)
            self.wait_acknowledged(server, wanted, SIZE)

    def test_an_id_that_only_the_manifest_told_is_remembered(self):
        server = self.start({"cam": {"device_id": "query:id"}})
        g.fetch(server.port, "/cam/offer.json?id=n7")
        g.fetch(server.port, PATH)
        self.wait_acknowledged(server, "n7", SIZE)

    def test_an_id_that_is_none_is_refused(self):
        server = self.start({"cam": {"device_id": "query:id"}})
        for bad in ("a%20b", "x" * 121, "a/b", "%3Cx%3E"):
            self.assertEqual(g.fetch(server.port, f"/cam/offer.json?id={bad}")[0], 400, bad)


class Settings(ProtocolCase):
    def failure(self, products=None, **settings):
        with self.assertRaises(AssertionError) as caught:
            self.start(products, **settings)
        return str(caught.exception)

    def test_settings_that_make_no_sense_are_named(self):
        for words, settings in (("listen: 'x' is not", {"listen": "x"}), ("listen: 'h.example' is not", {"listen": "h.example:1"}),
                                ("max_connections: '0'", {"max_connections": 0}), ("[product.none]", {"product": "none"})):
            self.assertIn(words, self.failure(**settings))
        self.assertIn("dialect: 'morse'", self.failure({"cam": {"dialect": "morse"}}))

    def test_a_port_in_use_is_named(self):
        server = self.start()
        self.assertIn("Address already in use", self.failure(listen=server.gateway))

    def test_ipv6(self):
        server = self.start(listen="[::1]:0")
        self.assertTrue(server.gateway.startswith("[::1]:"), server.gateway)
        self.assertEqual(g.fetch(server.port, PATH, host="::1")[2], IMAGE)


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
