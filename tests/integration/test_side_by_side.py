"""Fetching several small things at a time: a site costs its bytes, not a round trip for each file.

Usage: test_side_by_side.py SOURCE_PROBE [unittest arguments]
"""
import threading
import unittest.mock

import source_rig  # before what it brings into reach
import cloud_server
import services
from cloud_server import CloudServer, Fault


class Together:
    """While it lives, answers to `some` requests at a time go out together: whoever asks for less waits in vain."""

    def __init__(self, path, some):
        self.barrier, self.path, self.most, self.now = threading.Barrier(some), path, 0, 0
        self.lock = threading.Lock()

    def __enter__(self):
        answer = cloud_server.Handler.body

        def together(handler, asked, *rest):
            if asked.path.startswith(self.path):
                with self.lock:
                    self.now += 1
                    self.most = max(self.most, self.now)
                if self.barrier.parties > 1:
                    self.barrier.wait(20)
            answer(handler, asked, *rest)
            if asked.path.startswith(self.path):
                with self.lock:
                    self.now -= 1
        self.patch = unittest.mock.patch.object(cloud_server.Handler, "body", together)
        self.patch.start()
        return self

    def __exit__(self, *_):
        self.patch.stop()


class SideBySide(source_rig.SourceTest):
    FILES = [("file", f"lib/{number}.py", f"print({number})\n".encode()) for number in range(8)]

    def test_small_artifacts_of_a_release(self):
        self.site.add("1.0", self.FILES)
        self.site.publish()
        with CloudServer(self.site.folder, self.certificates) as cloud, Together("/artifacts/", 4):
            shown = self.sync(self.write_ini(self.https(cloud, stall_timeout="30s")), True)
            self.assert_whole(shown, "1.0")
            self.assertEqual(len(cloud.requests("/artifacts/")), len(self.FILES))

    def test_release_documents(self):
        versions = [f"1.{number}" for number in range(8)]
        for version in versions:
            self.site.add(version, [("file", "a.py", version.encode())])
        self.site.publish()
        with CloudServer(self.site.folder, self.certificates) as cloud, Together("/releases/", 4):
            shown = self.sync(self.write_ini(self.https(cloud, stall_timeout="30s")), True)
            self.assert_whole(shown, *versions)

    def test_where_a_rate_is_to_be_kept_one_after_the_other(self):
        self.site.add("1.0", self.FILES)
        self.site.publish()
        with CloudServer(self.site.folder, self.certificates) as cloud, Together("/", 1) as together:
            self.assert_whole(self.sync(self.write_ini(self.https(cloud, rate="1M")), True), "1.0")
        self.assertEqual(together.most, 1)

    def test_one_that_is_wrong_costs_its_release_alone_and_is_told_once(self):
        described = self.site.add("1.0", self.FILES)
        self.site.add("1.1", [("file", "a.py", b"a")])
        self.site.publish()
        with CloudServer(self.site.folder, self.certificates) as cloud:
            cloud.misbehave("/" + described[3]["url"], Fault(body=b"print(9)\n"))
            shown = self.sync(self.write_ini(self.https(cloud)), False)
            self.assertEqual([r["version"] for r in shown["releases"] if r["complete"]], ["1.1"])
            self.assertEqual(shown["sources"]["cloud"]["rejected"], 1)
            self.assertIn("lib/3.py", shown["sources"]["cloud"]["error"])
            before = len(cloud.requests("/artifacts/"))
            cloud.misbehave("/artifacts/", Fault())
            self.assert_whole(self.sync(self.write_ini(self.https(cloud)), True), "1.0", "1.1")
            self.assertLess(len(cloud.requests("/artifacts/")) - before, len(self.FILES), "what was right was kept")

    def test_a_link_that_is_cut_in_their_midst_goes_on(self):
        described = self.site.add("1.0", self.FILES)
        self.site.publish()
        with CloudServer(self.site.folder, self.certificates) as cloud:
            cloud.misbehave("/" + described[5]["url"], Fault(cut_after=3))
            self.sync(self.write_ini(self.https(cloud)), False)
            cloud.misbehave("/" + described[5]["url"], Fault())
            self.assert_whole(self.sync(self.write_ini(self.https(cloud)), True), "1.0")


class OneConnection(source_rig.SourceTest):
    def test_by_http_2_all_goes_over_one_connection(self):
        self.site.add("1.0", SideBySide.FILES + [("firmware", "firmware.bin", bytes(3 << 20))])
        self.site.add("1.1", SideBySide.FILES[:2])
        self.site.publish()
        with services.Nginx(self.folder / "nginx", self.site.folder, self.certificates, http2=True) as cloud:
            ini = self.write_ini({"name": "cloud", "type": "https", "url": f"https://127.0.0.1:{cloud.port}/",
                                  "public_key": self.public_key, "ca_file": self.certificates.ca})
            self.assert_whole(self.sync(ini, True), "1.0", "1.1")
        asked = [line.split()[-2:] for line in cloud.access_log.read_text().splitlines()]
        self.assertEqual(len(asked), 1 + 2 + len(SideBySide.FILES) + 1)
        self.assertEqual({protocol for protocol, _ in asked}, {"HTTP/2.0"})
        self.assertEqual(len({connection for _, connection in asked}), 1)


if __name__ == "__main__":
    source_rig.main()
