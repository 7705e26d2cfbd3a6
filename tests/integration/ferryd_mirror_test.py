#!/usr/bin/python3
"""Gateway behind gateway: A pulls a TUF repository and passes it on, B and ferry-tuf-client pull from A and verify for
themselves, and neither a bad link nor a bad gateway between them gets anything in."""
import contextlib
import hashlib
import json
import re
import subprocess
import threading
import unittest

import gateway as g
import mirror_rig
from link_proxy import LinkProxy
from mirror_rig import IMAGE, OTHER


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class EndToEnd(mirror_rig.MirrorTest):
    def held(self, gateway):
        return {release["version"]: [artifact["sha256"] for artifact in release["artifacts"]]
                for release in gateway.get("/v1/releases") if release["complete"]}

    def publish_roles(self):
        """Two releases, one of a delegated role with a name that has to be encoded."""
        self.repository.delegate("targets", "../odd role", paths=["meter/2.0/*"])
        self.release("1.0")
        self.release("2.0", OTHER, role="../odd role")
        self.repository.publish_all("../odd role", "targets")

    def test_a_second_gateway_ends_with_the_same_releases(self):
        self.publish_roles()
        self.first("1.0", "2.0")
        self.second()
        for version in ("1.0", "2.0"):
            self.b.wait_for_release("meter", version)
        self.assertEqual(self.held(self.b), self.held(self.a))
        self.assertEqual(set(self.held(self.b)), {"1.0", "2.0"})
        self.assertEqual(self.b.source("above")["rejected"], 0)
        # What comes later arrives, too, though only the timestamp tells.
        self.release("3.0", IMAGE[::-1])
        self.repository.publish_all("targets")
        self.a.sync()
        self.a.wait_for_release("meter", "3.0")
        self.b.sync()
        self.b.wait_for_release("meter", "3.0")
        self.assertEqual(self.held(self.b), self.held(self.a))

    def test_all_metadata_is_passed_on_as_it_came(self):
        self.publish_roles()
        self.first("1.0", "2.0")
        for name, content in self.repository.served.items():
            if self.CONSISTENT and name in ("1.snapshot.json", "1.targets.json"):
                continue  # replaced before the gateway came
            with self.subTest(name):
                status, headers, body = self.metadata(name)
                self.assertEqual((status, body), (200, content))
                self.assertEqual(headers["ETag"], f'"{sha256(content)}"')

    def test_a_new_timestamp_of_the_same_snapshot_is_passed_on(self):
        self.publish_roles()
        self.first("1.0", "2.0")
        self.repository.publish("timestamp")
        self.assertTrue(self.settled(self.a)["state"])
        self.assertEqual(self.metadata("timestamp.json")[2], self.repository.served["timestamp.json"])

    def test_any_client_of_tuf_pulls_from_it(self):
        self.publish_roles()
        self.first("1.0", "2.0")
        client = self.build._find("agent/source/tuf/ferry-tuf-client", "agent/ferry-tuf-client")
        kept, targets = self.folder / "kept", self.folder / "targets"
        kept.mkdir()
        targets.mkdir()

        def run(*arguments):
            done = subprocess.run([client, "--metadata-dir", kept, *arguments], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
        at = ["--metadata-url", self.url() + "metadata"]
        run("init", self.root)
        run(*at, "refresh")
        run(*at, "--target-name", "meter/2.0/firmware.bin", "--target-base-url", self.url() + "targets",
            "--target-dir", targets, "download")
        self.assertEqual([file.read_bytes() for file in targets.iterdir()], [OTHER])
        self.assertEqual((kept / "snapshot.json").read_bytes(),
                         self.repository.served[self.repository.name_of("snapshot")])

    def test_a_chain_of_roots_since_the_one_that_was_provisioned(self):
        self.publish_roles()
        self.first("1.0", "2.0")
        for _ in range(2):
            for role in ("root", "timestamp"):
                self.repository.rotate(role)
            # Signed as the root before asks, too.
            self.repository.signers["root"] = self.repository.signers["root"] + self.older_root_keys()
            self.repository.publish("root", "timestamp")
            self.keys = self.repository.signers["root"][:1]
            self.settled(self.a)
        self.assertEqual(self.metadata("3.root.json")[2], self.repository.served["3.root.json"])
        self.second()
        for version in ("1.0", "2.0"):
            self.b.wait_for_release("meter", version)
        self.assertEqual(self.b.source("above")["rejected"], 0)
        self.assertEqual(self.metadata("4.root.json")[0], 404)

    def older_root_keys(self):
        return self.keys

    def setUp(self):
        super().setUp()
        self.keys = list(self.repository.signers["root"])


class EndToEndInconsistent(EndToEnd):
    """The same of a repository whose metadata and artifacts have lasting names."""
    CONSISTENT = False
    # Its role's file is overwritten by each publication, and its names need no version.


class Between(mirror_rig.MirrorTest):
    """Somebody sits between the gateways, or the first one is broken into."""

    def setUp(self):
        super().setUp()
        self.release("1.0")
        self.repository.publish_all("targets")
        self.first("1.0")

    def refused(self, pattern, words):
        """B does not take what was changed in answers whose path fits `pattern`, and says so."""
        def change(path, body):
            if not re.search(pattern, path) or not body:
                return body
            at = len(body) // 2
            return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        with mirror_rig.Changer(self.a.port(), change) as changer:
            b = self.second(changer.url)
            g.wait_for(lambda: b.source("above")["rejected"] and b.source("above")["last_error"],
                       "what was changed is refused")
            self.assertEqual(b.releases(), set())
            self.assertRegex(b.source("above")["last_error"], words)
            self.assertRegex(b.log_text(), words)

    def test_a_changed_timestamp(self):
        self.refused(r"timestamp\.json$", "timestamp|JSON|signed")

    def test_a_changed_snapshot(self):
        self.refused(r"snapshot\.json$", "snapshot|JSON|signed")

    def test_changed_targets(self):
        self.refused(r"metadata/\d+\.targets\.json$", "targets|JSON|signed")

    def test_a_changed_artifact(self):
        self.refused(r"/targets/", "meter 1.0|firmware")


class Serving(mirror_rig.MirrorTest):
    def setUp(self):
        super().setUp()
        self.release("1.0")
        self.repository.publish_all("targets")

    def hashed(self, content=IMAGE):
        return f"cloud/targets/meter/1.0/{sha256(content)}.firmware.bin"

    def test_artifacts_are_served_as_plain_ones_are(self):
        self.first("1.0")
        etag = f'"{sha256(IMAGE)}"'
        for path in (self.hashed(), "cloud/targets/meter/1.0/firmware.bin"):
            status, headers, body = self.get(path)
            self.assertEqual((status, headers["ETag"], body), (200, etag, IMAGE))
            status, headers, body = self.get(path, method="HEAD")
            self.assertEqual((status, headers["Content-Length"], body), (200, str(len(IMAGE)), b""))
            status, headers, body = self.get(path, Range="bytes=1000-1999", If_Range=etag)
            self.assertEqual((status, body), (206, IMAGE[1000:2000]))
            self.assertEqual(headers["Content-Range"], f"bytes 1000-1999/{len(IMAGE)}")
            self.assertEqual(self.get(path, Range="bytes=1000-", If_Range='"other"')[2], IMAGE)
            self.assertEqual(self.get(path, If_None_Match=etag)[0], 304)
        status, headers, body = self.metadata("timestamp.json", Range="bytes=-10",
                                              If_Range=self.metadata("timestamp.json")[1]["ETag"])
        self.assertEqual((status, body), (206, self.repository.served["timestamp.json"][-10:]))

    def test_a_cut_between_the_gateways_is_resumed_where_it_was(self):
        self.first("1.0")
        asked = []

        def seen(piece):
            if b"/targets/" in piece:
                found = re.search(rb"\r\nRange: bytes=(\d+)-", piece)
                asked.append(int(found[1]) if found else 0)
        with LinkProxy(("127.0.0.1", self.a.port()), on_up=seen) as link:
            link.cut_after(len(IMAGE) // 2, link.restore)
            b = self.second(f"http://127.0.0.1:{link.port}/mirror/cloud/")
            b.wait_for_release("meter", "1.0")
            self.assertEqual(link.cuts, 1)
        self.assertEqual((len(asked), asked[0]), (2, 0))
        self.assertGreater(asked[1], 0)

    def test_what_the_first_one_does_not_hold_comes_to_the_second_later(self):
        content = self.repository.artifacts.pop(f"meter/1.0/{sha256(IMAGE)}.firmware.bin")
        self.a = self.gateway("a", self.upstream.url + "/")
        g.wait_for(lambda: self.metadata("2.targets.json")[0] == 200, "A passes the metadata on")
        self.assertEqual(self.get(self.hashed())[0], 404)
        b = self.second()
        g.wait_for(lambda: b.source("above")["last_error"], "B could not have it")
        self.assertEqual(b.source("above")["rejected"], 0)
        self.repository.artifacts[f"meter/1.0/{sha256(IMAGE)}.firmware.bin"] = content
        self.a.sync()
        self.a.wait_for_release("meter", "1.0")
        b.sync()
        b.wait_for_release("meter", "1.0")

    def test_one_set_of_metadata_before_is_still_answered(self):
        self.first("1.0")
        before = dict(self.repository.served)
        self.release("2.0", OTHER)
        self.repository.publish_all("targets")
        self.a.sync()
        self.a.wait_for_release("meter", "2.0")
        for name in ("2.snapshot.json", "2.targets.json"):
            self.assertEqual(self.metadata(name)[2], before[name])
        self.assertEqual(self.metadata("3.snapshot.json")[2], self.repository.served["3.snapshot.json"])
        self.repository.publish_all("targets")
        self.settled(self.a)
        self.assertEqual(self.metadata("2.snapshot.json")[0], 404)

    def test_hostile_paths_find_nothing_and_harm_nobody(self):
        self.first("1.0")
        hostile = ["", "/", "cloud", "cloud/", "cloud/metadata", "cloud/metadata/", "cloud/targets/", "cloud//",
                   "cloud/metadata/index", "cloud/metadata/names", "cloud/metadata/index.json", "cloud/index",
                   "other/metadata/timestamp.json", "cloud%20mirror/metadata/timestamp.json",
                   "cloud%20roots/metadata/1.root.json", "cloud%20provisioned/metadata/root.json",
                   "cloud/metadata/../metadata/timestamp.json", "cloud/metadata/%2e%2e/%2e%2e/timestamp.json",
                   "%2e%2e/%2e%2e/etc/passwd", "cloud/targets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
                   "cloud/targets//etc/passwd", "cloud/targets/meter%2F1.0%2F..%2Fcatalog.db",
                   "cloud/metadata/timestamp.json%00", "cloud/metadata/timestamp.json%0a", "cloud/metadata/%",
                   "cloud/metadata/%zz", "cloud/metadata/%ff%fe.json", "cloud/metadata/" + "a" * 4000 + ".json",
                   "cloud/targets/" + "%41" * 2000, "cloud/targets/" + "../" * 1000, "cloud/targets/%20",
                   "cloud/targets/" + "0" * 64 + ".firmware.bin", "cloud/targets/meter/1.0/" + "g" * 64 + ".firmware.bin",
                   f"cloud/targets/meter/1.0/{sha256(OTHER)}.firmware.bin", "cloud/metadata/0.root.json",
                   "cloud/metadata/-1.root.json", "cloud/metadata/99999999999999999999.root.json",
                   "cloud/metadata/01.root.json", "cloud/metadata/root.json%20", "cloud/metadata/'%20OR%201=1--.json"]
        pids = [self.a.process.pid, *self.a.host_pids()]
        for path in hostile:
            with self.subTest(path[:80]):
                self.assertIn(self.get(path)[0], (400, 404))
        self.assertEqual([self.a.process.pid, *self.a.host_pids()], pids)
        self.assertEqual(self.metadata("timestamp.json")[0], 200)
        self.assertEqual(self.get(self.hashed())[2], IMAGE)

    def test_nothing_of_a_source_that_is_not_named_is_served(self):
        other = "\n[source.secret]\ntype = tuf\nurl = {0}metadata/\nroot = {1}\n".format(self.upstream.url + "/", self.root)
        self.first("1.0", more=other)
        self.settled(self.a, "secret")
        self.assertEqual(self.metadata("timestamp.json")[0], 200)
        for name in ("metadata/timestamp.json", "metadata/1.root.json", "metadata/2.snapshot.json",
                     f"targets/meter/1.0/{sha256(IMAGE)}.firmware.bin"):
            self.assertEqual(self.get("secret/" + name)[0], 404)
        without = self.gateway("without", self.upstream.url + "/", mirror="")
        without.wait_for_release("meter", "1.0")
        self.assertEqual(self.get("cloud/metadata/timestamp.json", gateway=without)[0], 404)

    def test_a_mirror_that_is_named_later_has_all_of_it(self):
        self.first("1.0", mirror="")
        self.assertEqual(self.metadata("timestamp.json")[0], 404)
        self.a.stop()
        self.a.configure(self.a.config.read_text().split("\n", 6)[6] + "mirror = cloud\n")
        self.a.start()
        g.wait_for(lambda: self.metadata("2.snapshot.json")[0] == 200, "it is passed on")
        self.second().wait_for_release("meter", "1.0")

    def test_many_readers_at_once(self):
        """64 at once, each with all of the metadata and the image; the host stays small."""
        self.first("1.0")
        wrong = []

        def read():
            with contextlib.suppress(OSError):
                for name in ("timestamp.json", "1.root.json", "2.snapshot.json", "2.targets.json"):
                    if self.metadata(name)[2] != self.repository.served[name]:
                        wrong.append(name)
                if self.get(self.hashed())[2] == IMAGE:
                    return
            wrong.append("image")
        threads = [threading.Thread(target=read) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        if not self.build.sanitized:
            together = sum(g.private_memory(pid) for pid in [self.a.process.pid, *self.a.host_pids()])
            self.assertLess(together, 24 << 20)


class Published(mirror_rig.MirrorTest):
    """A repository as ferryctl publishes it, with patches."""

    def publish(self, *more):
        releases, site, keys = (self.folder / name for name in ("releases", "site", "keys"))
        done = subprocess.run([self.build.ferryctl, "--json", "publish", releases, site, "--product", "meter", "--tuf",
                               "--keys", keys, *more], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        root = site / "metadata" / "root.json"
        if not self.repository.artifacts:
            self.root.write_bytes(root.read_bytes())
        for kind, files in (("metadata", self.repository.served), ("targets", self.repository.artifacts)):
            for file in (site / kind).rglob("*"):
                if file.is_file():
                    files[str(file.relative_to(site / kind))] = file.read_bytes()
        return json.loads(done.stdout)

    def test_a_patch_that_the_first_gateway_does_not_hold_is_no_loss(self):
        self.repository.served.clear()
        g.write_release(self.folder / "releases", "1.0", IMAGE)
        self.publish()
        self.first("1.0")
        self.second().wait_for_release("meter", "1.0")
        new = IMAGE[:-1] + bytes([IMAGE[-1] ^ 1])
        g.write_release(self.folder / "releases", "1.1", new)
        self.assertGreater(self.publish("--patches", "1")["patches"], 0)
        before = {gateway.name: gateway.source(name)["bytes_fetched"]
                  for gateway, name in ((self.a, "cloud"), (self.b, "above"))}
        self.a.sync()
        self.a.wait_for_release("meter", "1.1")
        self.b.sync()
        self.b.wait_for_release("meter", "1.1")
        self.assertLess(self.a.source("cloud")["bytes_fetched"] - before["a"], len(new) // 2)
        self.assertGreaterEqual(self.b.source("above")["bytes_fetched"] - before["b"], len(new))
        self.assertEqual(self.b.source("above")["rejected"], 0)
        self.assertRegex(self.b.log_text(), "patch .*fetched another way")


if __name__ == "__main__":
    unittest.main()
