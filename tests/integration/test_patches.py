"""Patches from the publisher to the store: `ferryctl publish --patches` makes them, a gateway takes the smallest that it
can use, and whatever goes wrong with one ends in the artifact itself.

Usage: test_patches.py SOURCE_PROBE FERRYCTL [unittest arguments]
"""
import hashlib
import json
import random
import struct
import subprocess
import sys

import source_rig
from cloud_server import CloudServer, Fault

MIB = 1 << 20
CODE = random.Random(11)
# What no compressor shortens, so that only an older image can.
OLD = CODE.randbytes(5 * MIB + 321)
NEW = OLD[:MIB] + b"a new function" + OLD[MIB:4 * MIB] + CODE.randbytes(60000) + OLD[4 * MIB:]
TEXT = b"".join(b"line %d of a table\n" % number for number in range(90000))


class Patches(source_rig.SourceTest):
    FERRYCTL = None

    def setUp(self):
        super().setUp()
        self.releases = self.folder / "releases"
        self.put("firmware_1.0.0.bin", OLD)
        self.publish()
        self.cloud = self.enterContext(CloudServer(self.site.folder, self.certificates))
        self.ini = self.write_ini(self.https(self.cloud))

    def put(self, name, content):
        file = self.releases / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def publish(self, *more):
        done = subprocess.run([self.FERRYCTL, "--json", "publish", self.releases, self.site.folder, "--product", "meter",
                               "--key", self.key, *more], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def publish_new(self, content=NEW):
        self.put("firmware_1.0.1.bin", content)
        report = self.publish("--patches", "2")
        [patch] = (self.site.folder / "patches" / hashlib.sha256(content).hexdigest()).iterdir()
        self.patch = "/" + str(patch.relative_to(self.site.folder))
        self.size = patch.stat().st_size
        return report

    def frames(self):
        """Where the frames of the patch begin, and where it ends."""
        content = (self.site.folder / self.patch[1:]).read_bytes()
        count = struct.unpack_from("<I", content, 28)[0]
        at = [32 + 48 * count]
        for number in range(count):
            at.append(at[-1] + struct.unpack_from("<I", content, 32 + 48 * number + 12)[0])
        return at

    def spoil(self, at):
        content = bytearray((self.site.folder / self.patch[1:]).read_bytes())
        content[at] ^= 0x40
        (self.site.folder / self.patch[1:]).write_bytes(content)

    def take_new(self, ok=True):
        shown = self.sync(self.ini, ok)
        if ok:
            self.assert_whole(shown, "1.0.0", "1.0.1")
        return shown

    def whole_fetched(self, content=NEW):
        return len(self.cloud.requests("/artifacts/" + hashlib.sha256(content).hexdigest()))

    def assert_fell_back(self, shown, why=None):
        self.assertEqual(self.whole_fetched(), 1)
        rejected = [event["detail"]["why"] for event in shown["events"] if event["kind"] == "rejected"]
        self.assertEqual(len(rejected), 1 if why else 0, rejected)
        if why:
            self.assertIn(why, rejected[0])

    def test_a_patch_from_the_version_held_takes_the_place_of_the_artifact(self):
        self.sync(self.ini, True)
        self.assertEqual(self.publish_new()["patches"], 1)
        shown = self.take_new()
        self.assertEqual(self.whole_fetched(), 0)
        self.assertEqual(shown["sources"]["cloud"]["fetched"], self.size)
        self.assertLess(self.size, len(NEW) // 50)
        self.assertEqual(len(self.cloud.requests(self.patch)), 1)

    def test_whoever_has_no_base_takes_the_artifact(self):
        self.put("firmware_1.0.0.bin", OLD)
        self.publish_new()
        self.cloud.misbehave("/artifacts/" + hashlib.sha256(OLD).hexdigest(), Fault(status=404))
        shown = self.sync(self.ini)
        self.assert_whole(shown, "1.0.1")
        self.assertEqual(self.whole_fetched(), 1)
        self.assertEqual(self.cloud.requests(self.patch), [])

    def test_without_a_base_the_compressed_artifact_is_taken(self):
        self.put("1.0.1/flash/table.txt", TEXT)
        self.assertEqual(self.publish("--patches", "0")["patches"], 1)
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0", "1.0.1")
        self.assertEqual(self.whole_fetched(TEXT), 0)
        self.assertLess(shown["sources"]["cloud"]["fetched"], len(OLD) + len(TEXT) // 3)

    def test_a_patch_goes_on_at_its_segment_after_a_cut(self):
        self.sync(self.ini, True)
        self.publish_new()
        at = self.frames()
        self.assertEqual(len(at), 4)
        self.cloud.misbehave(self.patch, Fault(cut_after=at[2] + 10, times=1))
        self.take_new(ok=False)
        shown = self.take_new()
        self.assertEqual(self.whole_fetched(), 0)
        first, head, rest = self.cloud.requests(self.patch)
        self.assertNotIn("range", first.headers)
        self.assertEqual(head.headers["range"], f"bytes=0-{at[0] - 1}")
        self.assertEqual(rest.headers["range"], f"bytes={at[2]}-")
        self.assertEqual(shown["sources"]["cloud"]["fetched"], at[0] + self.size - at[2])

    def test_a_server_without_ranges_sends_it_again_and_it_goes_on_all_the_same(self):
        self.sync(self.ini, True)
        self.publish_new()
        self.cloud.misbehave(self.patch, Fault(cut_after=self.frames()[1] + 10, times=1))
        self.take_new(ok=False)
        self.cloud.misbehave(self.patch, Fault(ignore_range=True))
        self.take_new()
        self.assertEqual(self.whole_fetched(), 0)

    def test_a_spoiled_head_is_not_read(self):
        self.sync(self.ini, True)
        self.publish_new()
        self.spoil(40)
        self.assert_fell_back(self.take_new(), "its head is not what the release names")

    def test_a_spoiled_frame_is_not_decoded(self):
        self.sync(self.ini, True)
        self.publish_new()
        self.spoil(self.frames()[1] + 20)
        self.assert_fell_back(self.take_new(), "its frame 1 is not what its head says")

    def test_a_patch_that_is_gone_costs_nothing_but_a_request(self):
        self.sync(self.ini, True)
        self.publish_new()
        (self.site.folder / self.patch[1:]).unlink()
        self.assert_fell_back(self.take_new())

    def test_a_patch_longer_than_said_still_counts_when_the_artifact_is_right(self):
        self.sync(self.ini, True)
        self.publish_new()
        with open(self.site.folder / self.patch[1:], "ab") as patch:
            patch.write(b"more" * 1000)
        shown = self.take_new()
        self.assertEqual(self.whole_fetched(), 0)
        [rejected] = [event["detail"]["why"] for event in shown["events"] if event["kind"] == "rejected"]
        self.assertIn("goes on past its last frame", rejected)

    def test_a_patch_that_is_cut_off_at_the_same_place_each_time_is_given_up(self):
        self.sync(self.ini, True)
        self.publish_new()
        self.cloud.misbehave(self.patch, Fault(cut_after=self.frames()[1] + 10))
        with source_rig.Runner(self.PROBE, self.ini, self.folder / "log") as runner:
            source_rig.wait_for(lambda: len(runner.show("poke")["releases"]) == 2, "the artifact to come whole")
        self.assertEqual(self.whole_fetched(), 1)

    def test_a_patch_signed_for_other_bytes_makes_no_release(self):
        """What a publisher in error would do: the patch is whole, but makes something else."""
        self.sync(self.ini, True)
        self.publish_new()
        document = json.loads((self.site.folder / "releases/meter/stable/1.0.1/release.json").read_text())
        [artifact] = document["artifacts"]
        other = bytearray(NEW)
        other[100] ^= 1
        self.site.add("1.0.2", [("firmware", "firmware_1.0.2.bin", bytes(other))],
                      change=lambda text: text["artifacts"][0].update(patches=artifact["patches"]))
        self.site.publish(sequence=9)
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0", "1.0.2")
        self.assertEqual(self.whole_fetched(bytes(other)), 1)
        [rejected] = [event["detail"] for event in shown["events"] if event["kind"] == "rejected"]
        self.assertIn("patch", rejected["why"])

    def test_publishing_again_leaves_documents_as_they_are(self):
        self.publish_new()
        document = self.site.folder / "releases/meter/stable/1.0.1/release.json"
        before = document.read_bytes()
        self.assertEqual(self.publish()["published"], [])
        self.assertEqual(self.publish("--patches", "3")["published"], [])
        self.assertEqual(document.read_bytes(), before)


if __name__ == "__main__":
    source_rig.SourceTest.PROBE = sys.argv.pop(1)
    Patches.FERRYCTL = sys.argv.pop(1)
    source_rig.unittest.main()
