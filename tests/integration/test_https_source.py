"""The https source against a real TLS server that behaves as badly as servers, proxies and links do.

Usage: test_https_source.py SOURCE_PROBE [unittest arguments]
"""
import hashlib
import random
import struct
import subprocess
import time

import source_rig
from cloud_server import CloudServer, ConnectProxy, Fault
import services
import site_writer

MIB = 1 << 20
IMAGE = random.Random(7).randbytes(3 * MIB + 1234)
OTHER = random.Random(8).randbytes(len(IMAGE))


class HttpsSource(source_rig.SourceTest):
    def setUp(self):
        super().setUp()
        self.site.add("1.0.0", [("firmware", "firmware_1.0.0.bin", IMAGE), ("file", "flash/main.py", b"print(1)\n"),
                                ("file", "flash/empty.py", b"")])
        self.site.publish()
        self.cloud = self.enterContext(CloudServer(self.site.folder, self.certificates))
        self.ini = self.write_ini(self.https(self.cloud))
        self.image_url = "/artifacts/" + hashlib.sha256(IMAGE).hexdigest()

    def fetched(self):
        return struct.unpack("<Q", self.counter.read_bytes())[0] if self.counter.exists() else 0

    def assert_refused(self, shown, words, code=None):
        state = shown["sources"]["cloud"]
        self.assertIn(words, state.get("error", "no error"))
        if code:
            self.assertEqual(state["code"], code)
        self.assertEqual(shown["releases"], [])

    # What goes well.

    def test_a_site_is_pulled_and_pulled_once(self):
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0")
        state = shown["sources"]["cloud"]
        self.assertEqual((state["admitted"], state["sequence"], state["rejected"]), (1, 1, 0))
        self.assertEqual(state["fetched"], len(IMAGE) + 9)
        self.assertEqual(state["bytes_fetched"], len(IMAGE) + 9)
        self.assertEqual(self.kinds(shown), ["fetched", "verified"])
        self.assertEqual(shown["events"][1]["detail"]["trust"], "signature")

        again = self.sync(self.ini, True)
        self.assertTrue(again["sources"]["cloud"]["unchanged"])
        self.assertEqual(self.cloud.requests()[-1].status, 304)
        self.assertEqual(self.fetched(), len(IMAGE) + 9)

    def test_releases_of_other_products_are_refused(self):
        self.site.add("7.0", [("firmware", "pump.bin", b"pump")], product="pump")
        self.site.publish()
        only = self.write_ini(self.https(self.cloud, products="meter"))  # the same file
        shown = self.sync(only, True)
        self.assert_whole(shown, "1.0.0")
        self.assertEqual(shown["sources"]["cloud"]["rejected"], 1)
        told = [event["detail"] for event in shown["events"] if event["kind"] == "rejected"]
        self.assertEqual([detail["what"] for detail in told], ["pump 7.0"])
        self.assertEqual(len(self.cloud.requests("releases/pump")), 0)
        # Unchanged is unchanged; but another choice of products has the index read again.
        self.assertTrue(self.sync(only, True)["sources"]["cloud"]["unchanged"])
        self.assertEqual(self.cloud.requests()[-1].status, 304)
        every = self.write_ini(self.https(self.cloud))
        self.assert_whole(self.sync(every, True), "1.0.0", "7.0")

    def test_a_new_release_fetches_what_is_new(self):
        self.sync(self.ini, True)
        self.site.add("1.0.1", [("firmware", "firmware_1.0.1.bin", IMAGE), ("file", "flash/main.py", b"print(2)\n"),
                                ("differential", "differential_1.0.0_to_1.0.1.bin", b"patch", "1.0.0")])
        self.site.publish()
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0", "1.0.1")
        self.assertEqual(shown["sources"]["cloud"]["fetched"], 9 + 5)
        self.assertEqual(len(self.cloud.requests(self.image_url)), 1)

    def test_small_artifacts_share_a_pack_and_large_ones_do_not(self):
        self.sync(self.ini, True)
        self.assertEqual(len(list((self.store / "packs").iterdir())), 2)
        self.assertEqual(list((self.store / "incoming").iterdir()), [])

    def test_a_proxy_is_used_when_named_and_only_then(self):
        with ConnectProxy() as proxy:
            self.sync(self.ini, True)
            self.assertEqual(proxy.targets, [])
            self.site.add("1.0.1", [("file", "a", b"a")])
            self.site.publish()
            self.sync(self.write_ini(self.https(self.cloud, proxy=proxy.url)), True)
            self.assertEqual(set(proxy.targets), {self.cloud.url[len("https://"):-1]})

    def test_a_client_certificate_opens_the_door(self):
        certificate, key = self.folder / "gateway.pem", self.folder / "gateway.key"
        services.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-keyout", key, "-out", certificate, "-subj", "/CN=gateway 7")
        with CloudServer(self.site.folder, self.certificates, client_ca=certificate) as cloud:
            self.assertIn("error", self.sync(self.write_ini(self.https(cloud)))["sources"]["cloud"])
            self.sync(self.write_ini(self.https(cloud, client_certificate=certificate, client_key=key)), True)
            self.assertIn("gateway 7", cloud.requests()[-1].client)

    def test_a_redirect_to_https_is_followed(self):
        with CloudServer(self.site.folder, self.certificates) as mirror:
            self.cloud.misbehave("/artifacts/", Fault(redirect=mirror.url + self.image_url[1:]))
            self.site.entries.clear()
            self.site.add("2.0", [("firmware", "f.bin", IMAGE)])
            self.site.publish()
            self.assert_whole(self.sync(self.ini, True), "2.0")
            self.assertEqual(len(mirror.requests(self.image_url)), 1)

    def test_tls_alone_is_trusted_when_the_section_says_so(self):
        self.site.key = None
        self.site.publish()
        self.assert_refused(self.sync(self.ini), "no signature by public_key", "denied")
        trusting = self.write_ini(self.https(self.cloud, name="open", public_key=None, trust="tls"))
        shown = self.sync(trusting, True)
        self.assert_whole(shown, "1.0.0")
        self.assertEqual(shown["events"][-1]["detail"]["trust"], "tls")

    # Links that break.

    def test_a_cut_is_resumed_where_it_was(self):
        self.cloud.misbehave(self.image_url, Fault(cut_after=2 * MIB + 5000, times=1))
        shown = self.sync(self.ini, False)
        self.assertEqual(shown["sources"]["cloud"]["code"], "unavailable")
        self.assertEqual(shown["sources"]["cloud"]["rejected"], 0)
        self.assertEqual(shown["releases"], [])
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        asked = self.cloud.requests(self.image_url)[1]
        self.assertEqual(asked.status, 206)
        self.assertIn("if-range", asked.headers)
        self.assertEqual(self.fetched(), len(IMAGE) + 9, "nothing was fetched twice")

    def test_an_end_that_looks_polite_is_no_end(self):
        self.cloud.misbehave(self.image_url, Fault(end_after=MIB + 1, no_length=True, times=1))
        self.assertIn("ended after 1048577", self.sync(self.ini, False)["sources"]["cloud"]["error"])
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        self.assertEqual(self.fetched(), len(IMAGE) + 9)

    def test_silence_ends_the_attempt_and_keeps_the_bytes(self):
        self.cloud.misbehave(self.image_url, Fault(stall_after=2 * MIB, times=1))
        begin = time.monotonic()
        self.assertEqual(self.sync(self.ini, False)["sources"]["cloud"]["code"], "timed out")
        self.assertLess(time.monotonic() - begin, 10)
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        self.assertEqual(self.fetched(), len(IMAGE) + 9)

    def test_without_a_strong_etag_it_begins_afresh(self):
        for etag in (None, 'W/"weak"'):
            with self.subTest(etag=etag):
                self.tearDownStore()
                self.cloud.behave()
                self.cloud.misbehave(self.image_url, Fault(etag=etag))
                self.cloud.misbehave(self.image_url, Fault(etag=etag, cut_after=MIB * 2, times=1))
                self.sync(self.ini, False)
                self.assert_whole(self.sync(self.ini, True), "1.0.0")
                self.assertNotIn("range", self.cloud.requests(self.image_url)[-1].headers)

    def test_a_server_that_ignores_ranges_is_served_by_beginning_afresh(self):
        self.cloud.misbehave(self.image_url, Fault(ignore_range=True))
        self.cloud.misbehave(self.image_url, Fault(cut_after=MIB * 2, times=1))
        self.sync(self.ini, False)
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        self.assertEqual(self.cloud.requests(self.image_url)[-1].status, 200)

    def test_a_server_in_trouble_is_asked_again(self):
        for path, status in (("/index.json", 503), ("/releases", 500), (self.image_url, 429)):
            with self.subTest(path=path):
                self.cloud.misbehave(path, Fault(status=status, times=1))
                self.assert_refused(self.sync(self.ini), f"status {status}", "unavailable")
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        self.assertEqual(self.sync(self.ini, True)["sources"]["cloud"]["rejected"], 0)

    def test_nobody_there_is_an_error_in_plain_words(self):
        ini = self.write_ini({"name": "cloud", "type": "https", "url": f"https://127.0.0.1:{services.free_port()}/",
                              "public_key": self.public_key})
        self.assert_refused(self.sync(ini), "127.0.0.1", "unavailable")

    # Files that change, servers that lie.

    def test_a_file_that_changes_in_between_is_begun_afresh(self):
        # The old file is cut, then another one of the same length stands there, then the right one again.
        self.cloud.misbehave(self.image_url, Fault(body=OTHER, cut_after=2 * MIB, times=1))
        self.sync(self.ini, False)
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        asked = self.cloud.requests(self.image_url)[-1]
        self.assertIn("if-range", asked.headers)
        self.assertEqual(asked.status, 200)

    def test_a_part_of_another_file_is_never_joined(self):
        # A server that answers 206 although If-Range no longer holds, and lies about the ETag as well.
        self.cloud.misbehave(self.image_url, Fault(etag='"same"', times=1))
        self.cloud.misbehave(self.image_url, Fault(body=OTHER, etag='"same"', cut_after=2 * MIB, times=1))
        self.sync(self.ini, False)
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0")
        statuses = [asked.status for asked in self.cloud.requests(self.image_url)]
        self.assertEqual(statuses, [200, 206, 200])

    def test_a_part_that_is_not_the_one_asked_for_is_refused(self):
        total = len(IMAGE)
        for lie in (f"bytes 0-{total - 1}/{total}", f"bytes 4096-{total - 1}/{total}", "bytes */5", "nonsense",
                    f"bytes 2097152-{total}/{total + 1}", f"bytes 2097152-2097151/{total}"):
            with self.subTest(content_range=lie):
                self.tearDownStore()
                self.cloud.behave()
                self.cloud.misbehave(self.image_url, Fault(content_range=lie))
                self.cloud.misbehave(self.image_url, Fault(cut_after=MIB * 2, times=1))
                self.sync(self.ini, False)
                self.assert_whole(self.sync(self.ini, True), "1.0.0")
                self.assertEqual([asked.status for asked in self.cloud.requests(self.image_url)][-2:], [206, 200])

    def test_a_version_that_is_held_with_other_bytes_is_refused_before_it_is_fetched(self):
        self.sync(self.ini, True)
        self.site.add("1.0.0", [("firmware", "firmware_1.0.0.bin", OTHER)], channel="beta")
        self.site.publish()
        before = self.fetched()
        shown = self.sync(self.ini, False)
        self.assertIn("differs from what is here", shown["sources"]["cloud"]["error"])
        self.assertEqual((self.fetched(), shown["sources"]["cloud"]["rejected"]), (before, 1))
        self.assert_whole(shown, "1.0.0")

    def test_wrong_bytes_are_thrown_away_and_counted(self):
        self.cloud.misbehave(self.image_url, Fault(body=OTHER, times=1))
        shown = self.sync(self.ini)
        self.assert_refused(shown, "SHA-256 is", "corrupt")
        self.assertEqual(shown["sources"]["cloud"]["rejected"], 1)
        self.assertEqual(self.kinds(shown), ["rejected"])
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0")
        self.assertEqual(shown["sources"]["cloud"]["rejected"], 1)

    def test_more_than_announced_is_never_taken(self):
        self.cloud.misbehave(self.image_url, Fault(body=IMAGE + b"x", times=1))
        self.assert_refused(self.sync(self.ini), f"has {len(IMAGE) + 1} bytes", "corrupt")
        self.assertEqual(self.fetched(), 0, "what announces a wrong length is not even begun")
        self.cloud.misbehave(self.image_url, Fault(body=IMAGE + b"x", no_length=True, times=1))
        self.assert_refused(self.sync(self.ini), "goes on past", "corrupt")
        # What came before the surplus is right, and its hash says so: nothing is fetched again.
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        self.assertEqual(len(self.cloud.requests(self.image_url)), 2)

    def test_an_index_without_end_is_not_read_to_its_end(self):
        self.cloud.misbehave("/index.json", Fault(body=b"x" * (17 * MIB), no_length=True))
        self.assert_refused(self.sync(self.ini), "larger than 16777216", "too large")

    def test_an_artifact_that_is_not_there_leaves_the_others(self):
        self.site.add("1.0.1", [("file", "a", b"lost")])
        self.site.add("1.0.2", [("file", "a", b"here")])
        self.site.publish()
        self.cloud.misbehave("/artifacts/" + hashlib.sha256(b"lost").hexdigest(), Fault(status=404))
        shown = self.sync(self.ini, False)
        self.assertEqual(shown["sources"]["cloud"]["code"], "not found")
        self.assert_whole(shown, "1.0.0", "1.0.2")
        self.cloud.behave()
        self.assert_whole(self.sync(self.ini, True), "1.0.0", "1.0.1", "1.0.2")

    def test_compression_that_nobody_asked_for_is_refused(self):
        self.cloud.misbehave(self.image_url, Fault(encoding="gzip"))
        self.assert_refused(self.sync(self.ini), "turn compression off", "invalid")
        self.cloud.behave()
        self.cloud.misbehave("/index.json", Fault(encoding="gzip"))
        self.assert_refused(self.sync(self.ini), "turn compression off", "invalid")

    def test_a_redirect_away_from_https_is_not_followed(self):
        for target in ("http://127.0.0.1:9/x", "file:///etc/passwd", "ftp://127.0.0.1/x"):
            with self.subTest(target=target):
                self.cloud.behave()
                self.cloud.misbehave("/index.json", Fault(redirect=target))
                self.assert_refused(self.sync(self.ini), "index.json", "invalid")

    def test_redirects_in_a_circle_end(self):
        self.cloud.misbehave("/index.json", Fault(redirect=self.cloud.url + "index.json"))
        self.assert_refused(self.sync(self.ini), "redirect", "invalid")

    # Whom to believe.

    def test_another_ca_is_not_believed(self):
        ini = self.write_ini(self.https(self.cloud, ca_file=None))
        self.assert_refused(self.sync(ini), "certificate", "denied")
        self.assertEqual(self.cloud.requests(), [])

    def test_an_index_of_another_key_is_rejected(self):
        other = self.folder / "other"
        other.mkdir()
        key, _ = site_writer.make_key(other)
        self.site.publish(key=key)
        shown = self.sync(self.ini)
        self.assert_refused(shown, "no signature by public_key", "denied")
        self.assertEqual((shown["sources"]["cloud"]["rejected"], self.kinds(shown)), (1, ["rejected"]))

    def test_a_changed_index_is_rejected(self):
        def flip(envelope):
            envelope["payload"] = ("A" if envelope["payload"][40] != "A" else "B").join(
                (envelope["payload"][:40], envelope["payload"][41:]))
        self.site.publish(change=flip)
        self.assert_refused(self.sync(self.ini), "no signature", "denied")

    def test_a_signature_for_another_type_is_rejected(self):
        self.site.publish(change=lambda envelope: envelope.update(payloadType="text/plain"))
        self.assert_refused(self.sync(self.ini), "payload is no index", "invalid")

    def test_an_old_index_is_a_replay(self):
        self.site.publish(sequence=7)
        self.sync(self.ini, True)
        self.site.publish(sequence=6)
        shown = self.sync(self.ini, False)
        self.assertIn("sequence 6 is below 7", shown["sources"]["cloud"]["error"])
        self.assertEqual(shown["sources"]["cloud"]["sequence"], 7)
        self.site.publish(sequence=8)
        self.sync(self.ini, True)

    def test_a_document_that_differs_from_the_index_is_rejected(self):
        url = self.site.entries[0]["document"]
        self.site.put(url, (self.site.folder / url).read_bytes().replace(b"main.py", b"evil.py"))
        self.assert_refused(self.sync(self.ini), "is not what the index says", "corrupt")

    def test_a_document_for_another_release_is_rejected(self):
        self.site.entries.clear()
        self.site.add("1.0.0", [("file", "a", b"a")], change=lambda document: document.update(version="9.9"))
        self.site.publish()
        self.assert_refused(self.sync(self.ini), "for another release", "invalid")

    def test_a_path_out_of_the_site_is_rejected(self):
        self.site.entries.clear()
        self.site.add("1.0.0", [("file", "a", b"a")],
                      change=lambda document: document["artifacts"][0].update(url="../../etc/passwd"))
        self.site.publish()
        self.assert_refused(self.sync(self.ini), "url", "invalid")

    def test_a_changed_key_forgets_the_etag(self):
        self.sync(self.ini, True)
        other = self.folder / "other"
        other.mkdir()
        _, public_key = site_writer.make_key(other)
        shown = self.sync(self.write_ini(self.https(self.cloud, public_key=public_key)), False)
        self.assertEqual(shown["sources"]["cloud"]["code"], "denied")

    # The store.

    def test_a_full_store_says_so_and_goes_on_with_room(self):
        small = self.write_ini(self.https(self.cloud), quota="2M")
        self.assert_refused(self.sync(small), "quota", "disk full")
        self.assert_whole(self.sync(self.write_ini(self.https(self.cloud)), True), "1.0.0")

    def tearDownStore(self):
        subprocess.run(["rm", "-rf", self.store], check=True)


if __name__ == "__main__":
    source_rig.main()
