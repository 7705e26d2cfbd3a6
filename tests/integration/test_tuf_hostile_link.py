"""A hostile upstream against the tuf source, as test_tuf_attacks.py: what is withheld, endless, slow, or not what HTTP
announced.

Usage: test_tuf_hostile_link.py SOURCE_PROBE [unittest arguments]
"""
import gzip

import tuf_source_rig
from cloud_server import CloudServer
from tuf_source_rig import EVIL, OTHER, Attack


class EndlessData(Attack):
    def test_metadata_without_end(self):
        self.misbehave("/metadata/timestamp.json", endless=True, no_length=True)
        self.attack("larger than 16384 bytes")
        self.assertLess(self.cloud.requests("metadata/timestamp.json")[-1].sent, 64 << 20)

    def test_a_root_without_end(self):
        self.misbehave("/metadata/2.root.json", endless=True, no_length=True, body=b"{")
        self.attack("larger than 512000 bytes")

    def test_an_artifact_without_end(self):
        self.misbehave(self.announce(), endless=True, no_length=True)
        self.attack("goes on past")

    def test_a_body_longer_than_announced(self):
        self.misbehave(self.announce(), body=OTHER + b"more")
        self.attack(f"has {len(OTHER) + 4} bytes, not {len(OTHER)}")

    def test_a_role_for_each_grain_of_sand(self):
        for number in range(1025):
            self.repository.delegate("targets", f"r{number}", paths=["meter/*/*"])
            self.repository.signers[f"r{number}"] = self.repository.signers["targets"]
            self.repository.trust(f"r{number}", *self.repository.signers["targets"])
        self.publish("targets", *[f"r{number}" for number in range(1025)])
        self.attack("more than 1024 delegated roles")


class SlowRetrieval(Attack):
    def test_metadata_that_stalls(self):
        self.misbehave("/metadata/timestamp.json", stall_after=10)
        self.attack("too slow")

    def test_an_artifact_that_stalls(self):
        self.misbehave(self.announce(), stall_after=70000)
        self.attack("too slow")

    def test_an_artifact_that_trickles(self):
        self.misbehave(self.announce(), trickle=0.1)
        self.attack("too slow")


class DropRequest(Attack):
    def test_a_timestamp_that_is_withheld(self):
        self.misbehave("/metadata/timestamp.json", status=404)
        self.attack("timestamp: ")

    def test_targets_that_are_withheld(self):
        self.announce()
        self.misbehave("/metadata/3.targets.json", status=404)
        self.attack("withheld")

    def test_a_role_that_is_withheld_costs_no_other_its_releases(self):
        self.repository.delegate("targets", "a", paths=["pump/*/*"])
        self.repository.delegate("targets", "b", paths=["meter/*/*"])
        self.release("1.0", product="pump", role="a")
        self.release("2.0", {"firmware_2.0.bin": OTHER}, role="b")
        self.publish("targets", "a", "b")
        self.misbehave("/metadata/1.a.json", status=404)
        self.attack("withheld", held=("1.0", "2.0"))


class PartialBundle(Attack):
    def test_a_release_of_which_one_artifact_is_not_named(self):
        self.release("2.0", {"firmware_2.0.bin": OTHER, "lib/x.py": b"x"})
        del self.repository.part["targets"]["targets"]["meter/2.0/lib/x.py"]
        self.publish()
        self.attack("says that it has 2 artifacts, but 1 are named")

    def test_a_release_of_which_one_artifact_is_withheld(self):
        self.release("2.0", {"firmware_2.0.bin": OTHER, "lib/x.py": b"x"})
        self.publish()
        self.misbehave("/targets/meter/2.0/lib/", status=404)
        self.attack("lib/x.py")


class Http(Attack):
    def test_a_redirect_of_metadata_to_another_scheme(self):
        self.misbehave("/metadata/timestamp.json", redirect="http://127.0.0.1:1/timestamp.json")
        self.attack("Protocol")

    def test_a_redirect_of_an_artifact_to_another_scheme(self):
        self.misbehave(self.announce(), redirect="file:///etc/passwd")
        self.attack("Protocol")

    def test_a_gzip_bomb(self):
        self.misbehave("/metadata/timestamp.json", encoding="gzip", body=gzip.compress(bytes(100 << 20)))
        self.attack("gzip")

    def test_a_gzip_bomb_as_artifact(self):
        # Compressed anew for each answer: no larger than what takes a busy machine a moment.
        self.misbehave(self.announce(), encoding="gzip", body=bytes(8 << 20))
        self.attack("gzip")

    def test_a_part_from_another_place(self):
        image = self.announce()
        self.misbehave(image, cut_after=700000, times=1)
        self.attack("firmware_2.0.bin")
        self.misbehave(image, content_range=f"bytes 0-{len(OTHER) - 1}/{len(OTHER)}", times=2)
        shown = self.sync(self.ini)
        self.assert_whole(shown, *(["1.0"] if "error" in shown["sources"]["cloud"] else ["1.0", "2.0"]))

    def test_an_etag_that_changes_in_mid_file(self):
        image = self.announce()
        self.misbehave(image, cut_after=700000, times=1)
        self.attack("firmware_2.0.bin")
        self.misbehave(image, etag='"another"', body=EVIL)
        self.attack("SHA-256")

    def test_a_body_shorter_than_announced(self):
        self.misbehave(self.announce(), end_after=1000)
        self.attack("firmware_2.0.bin")

    def test_a_certificate_of_nobody(self):
        other = type(self.certificates)(self.folder / "other")
        with CloudServer(self.upstream, other) as impostor:
            self.attack("certificate", ini=self.write_ini(self.tuf(url=impostor.url + "metadata/")))


if __name__ == "__main__":
    tuf_source_rig.main()
