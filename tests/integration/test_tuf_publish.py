"""ferryctl publish --tuf: repositories that the tuf source and ferry-tuf-client take, made again and again.

Usage: test_tuf_publish.py SOURCE_PROBE FERRYCTL FERRY_TUF_CLIENT [unittest arguments]
"""
import functools
import http.server
import json
import subprocess
import sys
import threading

import source_rig
from cloud_server import CloudServer

IMAGE = b"image" * 1000


class Publish(source_rig.SourceTest):
    def setUp(self):
        super().setUp()
        self.releases = self.folder / "releases"
        self.upstream = self.folder / "upstream"
        self.keys = self.folder / "keys"
        self.write("firmware_1.0.bin", IMAGE)
        self.write("1.0/flash/main file.py", b"print(1)\n")
        self.cloud = self.enterContext(CloudServer(self.upstream, self.certificates))
        self.root = self.folder / "root.json"
        self.ini = self.write_ini({"name": "cloud", "type": "tuf", "url": self.cloud.url + "metadata/",
                                   "root": self.root, "ca_file": self.certificates.ca})

    def write(self, name, content):
        file = self.releases / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def run_publish(self, *more, product="meter", good=True):
        done = subprocess.run([FERRYCTL, "--json", "publish", self.releases, self.upstream, "--product", product,
                               "--tuf", "--keys", self.keys, *more], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode == 0, good, done.stderr)
        if good and not self.root.exists():
            self.root.write_bytes((self.upstream / "metadata" / "root.json").read_bytes())
        return json.loads(done.stdout) if good else done.stderr

    def serve_plain(self):
        """This server takes URLs as names: those with a blank in them are put in place as URLs have them."""
        for file in list((self.upstream / "targets").rglob("* *")):
            (file.parent / file.name.replace(" ", "%20")).write_bytes(file.read_bytes())

    def pull(self, *versions):
        self.serve_plain()
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, *versions)
        return shown

    def signed(self, name):
        return json.loads((self.upstream / "metadata" / f"{name}.json").read_text())["signed"]

    def test_a_gateway_takes_what_was_published(self):
        report = self.run_publish()
        self.assertEqual((report["sequence"], report["published"]), (1, ["1.0"]))
        shown = self.pull("1.0")
        self.assertEqual(shown["sources"]["cloud"]["rejected"], 0)
        self.assertEqual(shown["releases"][0]["artifacts"]["flash/main file.py"]["dst_path"], "flash/main file.py")

    def test_patches_stay_as_they_were_published(self):
        self.run_publish()
        self.pull("1.0")
        self.write("firmware_1.1.bin", IMAGE[:-1] + b"!")
        self.assertEqual(self.run_publish("--patches", "1")["patches"], 2)
        name = "meter/stable/1.1/firmware_1.1.bin"
        target = self.signed("2.targets")["targets"][name]
        self.assertEqual(self.run_publish()["patches"], 0)
        self.assertEqual(self.signed("3.targets")["targets"][name], target)
        shown = self.pull("1.0", "1.1")
        sizes = [patch["size"] for patch in target["custom"]["ferry"]["patches"]]
        self.assertEqual(shown["sources"]["cloud"]["fetched"], min(sizes))

    def test_a_version_that_is_urgent_stays_so_and_can_become_it(self):
        self.assertEqual(self.run_publish("--urgent", "1.0")["urgent"], ["1.0"])
        self.write("firmware_1.1.bin", IMAGE[:-1] + b"!")
        report = self.run_publish()
        self.assertEqual((report["published"], report["urgent"]), (["1.1"], []))
        self.assertEqual(self.marked(), {"1.0"})
        self.assertEqual(self.run_publish("--urgent", "1.1", "--urgent", "1.0")["urgent"], ["1.1"])
        self.assertEqual(self.marked(), {"1.0", "1.1"})
        self.pull("1.0", "1.1")
        self.assertIn("no such version", self.run_publish("--urgent", "1.2", good=False))

    def marked(self):
        version = self.signed("timestamp")["version"]
        targets = self.signed(f"{version}.targets")["targets"]
        facts = [target["custom"]["ferry"] for target in targets.values()]
        return {fact["version"] for fact in facts if fact.get("urgent")}

    def test_the_client_takes_what_was_published(self):
        self.run_publish()
        metadata, targets = self.folder / "metadata", self.folder / "targets"
        metadata.mkdir()
        targets.mkdir()
        command = [CLIENT, "--metadata-dir", metadata]
        subprocess.run([*command, "init", self.root], check=True)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=self.upstream)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        name = "meter/stable/1.0/firmware_1.0.bin"
        done = subprocess.run([*command, "--metadata-url", url + "metadata", "--target-name", name,
                               "--target-base-url", url + "targets", "--target-dir", targets, "download"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([file.read_bytes() for file in targets.iterdir()], [IMAGE])

    def test_keys_are_made_for_their_owner_alone_and_kept(self):
        self.run_publish()
        keys = {file.name: file.read_bytes() for file in self.keys.iterdir()}
        self.assertEqual(sorted(keys), ["root.pem", "snapshot.pem", "targets.pem", "timestamp.pem"])
        self.assertEqual({file.stat().st_mode & 0o777 for file in self.keys.iterdir()}, {0o600})
        self.run_publish()
        self.assertEqual({file.name: file.read_bytes() for file in self.keys.iterdir()}, keys)

    def test_publishing_again_signs_anew_and_gateways_follow(self):
        self.run_publish()
        self.pull("1.0")
        self.write("firmware_1.1.bin", IMAGE + b"1")
        self.assertEqual(self.run_publish()["published"], ["1.1"])
        self.assertEqual([self.signed(name)["version"] for name in ("root", "timestamp", "2.snapshot", "2.targets")],
                         [1, 2, 2, 2])
        self.pull("1.0", "1.1")
        self.write("firmware_7.bin", b"pump")
        self.run_publish("--channel", "beta", product="pump")
        self.assertEqual(self.signed("timestamp")["version"], 3)

    def test_versions_that_are_gone_are_withdrawn_and_stay_in_gateways(self):
        self.run_publish()
        self.pull("1.0")
        self.write("firmware_1.1.bin", IMAGE + b"1")
        (self.releases / "firmware_1.0.bin").unlink()
        (self.releases / "1.0" / "flash" / "main file.py").unlink()
        self.assertEqual(self.run_publish()["withdrawn"], ["1.0"])
        self.pull("1.0", "1.1")

    def test_a_version_is_never_changed(self):
        self.run_publish()
        before = (self.upstream / "metadata" / "timestamp.json").read_bytes()
        self.write("firmware_1.0.bin", IMAGE + b"!")
        self.assertIn("publish the change as a new version", self.run_publish(good=False))
        self.assertEqual((self.upstream / "metadata" / "timestamp.json").read_bytes(), before)
        self.assertIn("as a new version", self.run_publish("--channel", "beta", good=False))

    def test_new_keys_of_the_other_roles_are_announced_by_the_root(self):
        self.run_publish()
        self.pull("1.0")
        for role in ("timestamp", "snapshot", "targets"):
            (self.keys / f"{role}.pem").unlink()
        self.write("firmware_1.1.bin", IMAGE + b"1")
        self.run_publish()
        self.assertEqual(self.signed("root")["version"], 2)
        self.pull("1.0", "1.1")

    def test_another_root_key_is_refused(self):
        self.run_publish()
        (self.keys / "root.pem").unlink()
        self.assertIn("publish into a new folder", self.run_publish(good=False))

    def test_what_somebody_changed_is_not_signed(self):
        self.run_publish()
        file = self.upstream / "metadata" / "1.targets.json"
        file.write_text(file.read_text().replace("stable", "Stable"))
        self.run_publish(good=False)

    def test_times_are_as_told_and_a_root_is_renewed_in_time(self):
        self.run_publish("--expires-root", "10", "--expires-timestamp", "1")
        self.assertLess(self.signed("timestamp")["expires"], self.signed("root")["expires"])
        self.run_publish("--expires-root", "10")
        self.assertEqual(self.signed("root")["version"], 1)
        self.run_publish("--expires-root", "365")
        self.assertEqual(self.signed("root")["version"], 2)
        self.assertEqual(self.signed("root"), self.signed("2.root"))
        self.pull("1.0")

    def test_the_command_line(self):
        for words in (["--tuf"], ["--keys", "k"], ["--tuf", "--keys", "k", "--key", "x"],
                      ["--tuf", "--keys", "k", "--expires-root", "0"], ["--expires-root", "5"]):
            done = subprocess.run([FERRYCTL, "publish", self.releases, self.upstream, "--product", "m", *words],
                                  capture_output=True, text=True, cwd=self.folder)
            self.assertEqual(done.returncode, 2, words)


if __name__ == "__main__":
    FERRYCTL, CLIENT = sys.argv.pop(2), sys.argv.pop(2)
    source_rig.main()
