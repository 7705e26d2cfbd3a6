#!/usr/bin/python3
"""The library's HTTP against a server that says exactly what a case wants: every answer cut at every byte, lengths that
lie, headers without end, silence. And the network that it brings up."""
import os
import socket
import struct
import threading
import time
import types
import unittest

import rig  # noqa: F401  (puts the library's cases on the path)
from emulated_files import EmulatedFiles
from ferry_ota import errors, wifi
from ferry_ota.fetch import Fetcher
from ferry_ota.stage import Stage
from ferry_ota.wifi import WiFi

DATA = bytes(range(256)) * 5
SHA256 = __import__("hashlib").sha256(DATA).hexdigest()


class Server(threading.Thread):
    """Answers each request with what `respond(request)` gives: bytes, then closes; (bytes, "reset") breaks off,
    (bytes, "hang") falls silent."""

    def __init__(self, respond):
        super().__init__(daemon=True)
        self.respond = respond
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.hanging = []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            request = b""
            try:
                while b"\r\n\r\n" not in request:
                    request += connection.recv(4096)
                self.requests.append(request.decode())
                answer = self.respond(request.decode())
                text, end = answer if isinstance(answer, tuple) else (answer, "close")
                connection.sendall(text)
            except OSError:
                end = "close"
            if end == "hang":
                self.hanging.append(connection)
                continue
            if end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(10)
        for connection in self.hanging:
            connection.close()


def header(status="200 OK", **fields):
    lines = [f"HTTP/1.1 {status}"] + [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def asked_offset(request):
    mark = request.find("Range: bytes=")
    return int(request[mark + 13:].split("-")[0]) if mark >= 0 else 0


def good(request, tag='"one"', data=DATA):
    """As the gateway answers."""
    offset = asked_offset(request)
    if "If-Range" in request and f"If-Range: {tag}" not in request:
        offset = 0
    if offset and offset >= len(data):
        return header("416 Range Not Satisfiable", Content_Range=f"bytes */{len(data)}", Content_Length=0)
    body = data[offset:]
    if not offset:
        return header(Content_Length=len(body), ETag=tag) + body
    return header("206 Partial Content", Content_Length=len(body), ETag=tag,
                  Content_Range=f"bytes {offset}-{len(data) - 1}/{len(data)}") + body


class Http(unittest.TestCase):
    def serve(self, respond):
        server = Server(respond)
        self.addCleanup(server.close)
        return server

    def fetch(self, server, files=None, tries=3, limit=100_000, timeout=5, longest=20, block=100):
        """The bytes that were accepted."""
        files = files or EmulatedFiles(folders=("w",))
        stage = Stage(files, "w", 0)
        transport = WiFi("127.0.0.1", server.port, timeout=timeout, longest=longest)
        Fetcher(transport, memoryview(bytearray(block)), tries, 0).fetch("/file", stage, limit, SHA256)
        return files.lasting["w/0"]

    def fails(self, kind, respond, words="", **options):
        with self.assertRaisesRegex(kind, words):
            self.fetch(self.serve(respond), **options)

    def test_cut_at_every_byte(self):
        whole = good("")
        for end in ("close", "reset"):
            for cut in list(range(0, len(whole) - len(DATA) + 3)) + list(range(200, len(whole), 61)):
                answers = iter([(whole[:cut], end)])
                server = self.serve(lambda request: next(answers, None) or good(request))
                self.assertEqual(self.fetch(server), DATA, (cut, end))
                self.assertLessEqual(len(server.requests), 3)

    def test_resume_asks_for_the_rest_of_the_same_file(self):
        answers = iter([(good("")[:500], "close")])
        server = self.serve(lambda request: next(answers, None) or good(request))
        self.assertEqual(self.fetch(server), DATA)
        got = 500 - (len(good("")) - len(DATA))
        self.assertIn(f"Range: bytes={got}-\r\nIf-Range: \"one\"\r\n", server.requests[1])

    def test_a_file_that_changed_is_begun_afresh(self):
        answers = iter([(good("", '"old"', b"x" * 2000)[:700], "close")])
        server = self.serve(lambda request: next(answers, None) or good(request))
        self.assertEqual(self.fetch(server), DATA)

    def test_other_shapes_of_an_answer(self):
        chunked = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part)
                           for part in (DATA[:1], DATA[1:900], DATA[900:])) + b"0\r\nTrailer: x\r\n\r\n"
        for answer in (header() + DATA,  # until it is closed
                       header(Transfer_Encoding="chunked") + chunked,
                       b"HTTP/1.1 100 Continue\r\n\r\n" + good(""),
                       b"HTTP/1.0 200 OK\ncontent-length:1280\n\n" + DATA,
                       header(Content_Length=len(DATA)) + DATA + b"more than was announced",
                       header(Content_Length=len(DATA), ETag="W/\"weak\"", X_Pad="x" * 400) + DATA):
            self.assertEqual(self.fetch(self.serve(lambda request, answer=answer: answer)), DATA)

    def test_a_server_without_ranges(self):
        answers = iter([(good("")[:900], "close")])
        server = self.serve(lambda request: next(answers, None) or header(Content_Length=len(DATA)) + DATA)
        self.assertEqual(self.fetch(server), DATA)
        # One that never comes to its end is given up, though each attempt brings bytes.
        server = self.serve(lambda request: (good("")[:900], "close"))
        with self.assertRaises(errors.LinkError):
            self.fetch(server)
        self.assertLess(len(server.requests), 10)

    def test_errors_have_names(self):
        for status, words in ((400, "bad request"), (403, "forbidden"), (404, "not found"), (410, "gone"),
                              (302, "moved"), (204, "no content"), (500, "server error"), (503, "unavailable"),
                              (418, "unexpected status")):
            server = self.serve(lambda request, status=status: header(f"{status} X", Content_Length=0))
            with self.assertRaisesRegex(errors.HttpError, f"{status} {words}: /file"):
                self.fetch(server)
            self.assertEqual(len(server.requests), 3 if status >= 500 else 1)

    def test_busy_and_then_not(self):
        answers = iter([header("503 Busy"), header("429 Slow")])
        self.assertEqual(self.fetch(self.serve(lambda request: next(answers, None) or good(request))), DATA)

    def test_answers_that_contradict_themselves(self):
        part = "206 Partial Content"
        for first, answer in ((0, b"nonsense\r\n\r\n"), (0, b"HTTP/2 200\r\n\r\n"), (0, b"HTTP/1.1 abc OK\r\n\r\n"),
                              (0, header(Content_Length="12x")), (0, header(Content_Length="-1")),
                              (0, header(Content_Length="9" * 11)), (0, header(Content_Length="")),
                              (0, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
                              (0, header(Transfer_Encoding="gzip")), (0, header(Content_Encoding="gzip")),
                              (0, header(Transfer_Encoding="chunked") + b"xyz\r\n"),
                              (0, header(Transfer_Encoding="chunked") + b"5\r\nhelloo\r\n"),
                              (0, header(Transfer_Encoding="chunked") + b"-5\r\nhello\r\n"),
                              (0, b"HTTP/1.1 200 OK\r\n: empty\r\n\r\n"), (0, b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n"),
                              (0, b"HTTP/1.1 100 Continue\r\n\r\n" * 9), (0, header(part, Content_Length=5) + b"hello"),
                              (300, header(part, Content_Range="bytes 0-1279/1280") + DATA),
                              (300, header(part, Content_Range="bytes 300-1279/1279") + DATA),
                              (300, header(part, Content_Range="bytes 300-200/1280")),
                              (300, header(part, Content_Range="bytes */1280")),
                              (300, header(part, Content_Range="items 300-1279/1280")),
                              (300, header(part, Content_Range="bytes 300-1279/1280", Content_Length=3)),
                              (300, header(part, Content_Range="bytes 300-2999/3000", Content_Length=2700))):
            begun = good("")[:len(good("")) - len(DATA) + first]
            answers = iter([begun] if first else [])
            with self.subTest(answer=answer[:100]):
                self.fails(errors.ProtocolError, lambda request: next(answers, None) or answer)

    def test_no_bound_is_exceeded(self):
        endless = b"x" * 300_000
        self.fails(errors.ProtocolError, lambda request: b"HTTP/1.1 200 OK\r\nX: " + endless, "longer than")
        self.fails(errors.ProtocolError, lambda request: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, "header lines")
        self.fails(errors.ProtocolError,
                   lambda request: header(Transfer_Encoding="chunked") + b"0\r\n" + b"X: y\r\n" * 10_000, "trailers")
        self.fails(errors.SizeError, lambda request: header() + endless, "more than the")
        self.fails(errors.SizeError, lambda request: header(Content_Length=300_000) + endless, "300000 bytes")
        self.fails(errors.SizeError,
                   lambda request: header(Transfer_Encoding="chunked") + b"493e0\r\n" + endless, "more than the")

    def test_silence_has_an_end(self):
        for said in (b"", b"HTTP/1.1 200", header(Content_Length=9), header(Content_Length=2000) + DATA):
            began = time.monotonic()
            self.fails(errors.LinkError, lambda request, said=said: (said, "hang"), timeout=0.1, tries=2)
            self.assertLess(time.monotonic() - began, 5)

    def test_a_trickle_has_an_end(self):
        """Each byte comes in time, the whole never would."""
        def trickle():
            connection, _ = listener.accept()
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    while not over.wait(0.02):
                        connection.sendall(b"x")
                except OSError:
                    pass
        over = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=trickle, daemon=True).start()
            body = WiFi("127.0.0.1", listener.getsockname()[1], timeout=5, longest=0.3).open("/file", 0, "")
            with self.assertRaisesRegex(errors.LinkError, "longer than 300 ms"):
                while body.readinto(memoryview(bytearray(10))):
                    pass
            body.close()
            over.set()

    def test_a_wrong_file_is_refused(self):
        self.fails(errors.HashError, lambda request: good(request, data=DATA[:-1] + b"x"))
        self.fails(errors.HashError, lambda request: good(request, data=b""))

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with self.assertRaises(errors.LinkError):
            WiFi("127.0.0.1", port).open("/file", 0, "")


class Network(unittest.TestCase):
    """A `network` module as MicroPython has it, and as Pycom has it."""

    def bring_up(self, module, **options):
        self.addCleanup(setattr, wifi, "network", wifi.network)
        wifi.network = module
        return WiFi("gw", ssid="van", password="secret", **options)

    def test_micropython(self):
        calls = []

        class WLAN:
            def __init__(self, kind):
                self.joined = 0

            def active(self, on):
                calls.append(("active", on))

            def connect(self, ssid, password):
                calls.append((ssid, password))
                self.joined = 3

            def isconnected(self):
                self.joined -= 1
                return self.joined == 0

            def disconnect(self):
                calls.append("left")
        link = self.bring_up(types.SimpleNamespace(STA_IF=0, WLAN=WLAN))
        link.connect()
        link.disconnect()
        self.assertEqual(calls, [("active", True), ("van", "secret"), "left", ("active", False)])

    def test_pycom(self):
        calls = []

        class WLAN:
            STA, WPA2 = 1, 3

            def __init__(self, mode):
                self.on = False

            def connect(self, ssid, auth):
                calls.append((ssid, auth))
                self.on = True

            def isconnected(self):
                return self.on

            def disconnect(self):
                calls.append("left")

            def deinit(self):
                calls.append("off")
        link = self.bring_up(types.SimpleNamespace(WLAN=WLAN))
        link.connect()
        link.disconnect()
        self.assertEqual(calls, [("van", (3, "secret")), "left", "off"])

    def test_a_network_that_is_not_there(self):
        station = types.SimpleNamespace(active=lambda on: None, connect=lambda *words: None, isconnected=lambda: False)
        link = self.bring_up(types.SimpleNamespace(STA_IF=0, WLAN=lambda kind: station), timeout=0.05)
        with self.assertRaisesRegex(errors.LinkError, "joining the network van"):
            link.connect()


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
