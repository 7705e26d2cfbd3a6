"""What the tests of the mirror share: an upstream repository, gateway A that pulls and passes it on, and gateway B that
pulls from A."""
import http.client
import http.server
import random
import threading
import unittest

import gateway as g
import tuf_repository

IMAGE = random.Random(31).randbytes((1 << 20) + 4321)
OTHER = random.Random(32).randbytes(len(IMAGE))


class MirrorTest(unittest.TestCase):
    CONSISTENT = True

    def setUp(self):
        self.folder = g.scratch(self)
        self.build = g.Build()
        self.repository = tuf_repository.Repository(self.CONSISTENT)
        self.upstream = tuf_repository.Server(self.repository)
        self.addCleanup(self.upstream.close)
        self.root = self.folder / "root.json"
        self.root.write_bytes(self.repository.served["1.root.json"])
        self.gateways = []

    def release(self, version, content=IMAGE, role="targets"):
        facts = {"product": "meter", "version": version, "channel": "stable", "artifacts": 1, "role": "firmware"}
        self.repository.add(f"meter/{version}/firmware.bin", content, role, {"ferry": facts})

    def gateway(self, name, url, mirror="mirror = cloud\n", root=None, source="cloud", more=""):
        sections = (f"[source.{source}]\ntype = tuf\nurl = {url}metadata/\nroot = {root or self.root}\n"
                    f"interval = 1h\nstall_timeout = 1s\n{more}[product.meter]\n"
                    f"[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\n{mirror}")
        gateway = g.Gateway(self.folder / name, sections, self.build, name=name)
        self.addCleanup(gateway.__exit__, None)
        return gateway.start()

    def first(self, *versions, **more):
        """Gateway A, once it holds these versions."""
        self.a = self.gateway("a", self.upstream.url + "/", **more)
        for version in versions:
            self.a.wait_for_release("meter", version)
        return self.a

    def second(self, url=None, **more):
        self.b = self.gateway("b", url or self.url(), mirror="", source="above", **more)
        return self.b

    def url(self, gateway=None):
        return f"http://127.0.0.1:{(gateway or self.a).port()}/mirror/cloud/"

    def get(self, path, method="GET", gateway=None, **headers):
        """(status, headers, body) of a path below /mirror/, as it is written."""
        connection = http.client.HTTPConnection("127.0.0.1", (gateway or self.a).port(), timeout=60)
        try:
            connection.putrequest(method, "/mirror/" + path, skip_accept_encoding=True)
            for key, value in headers.items():
                connection.putheader(key.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def metadata(self, name, **more):
        return self.get("cloud/metadata/" + name, **more)

    def settled(self, gateway, source="cloud"):
        """The source's state once an attempt that began after this call has ended."""
        before = gateway.source(source)["runs"]
        gateway.sync(source)

        def done():
            state = gateway.source(source)
            return state if state["state"] != "fetching" and state["runs"] > before else None
        return g.wait_for(done, f"an attempt of {source} has ended")


class Changer:
    """A proxy in front of a gateway that changes what `change(path, body)` says, or answers its status."""

    def __init__(self, port, change):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802 (the name is the library's)
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("GET", self.path)
                answer = connection.getresponse()
                body = change(self.path, answer.read())
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                connection.close()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_port}/mirror/cloud/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
