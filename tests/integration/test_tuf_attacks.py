"""A hostile upstream against the tuf source: one test for each attack that The Update Framework and Uptane name, as
far as metadata decides (test_tuf_hostile_link.py has the rest). None gets anything accepted; each leaves a line in the
log, and the source's state says what was refused and why.

Usage: test_tuf_attacks.py SOURCE_PROBE [unittest arguments]
"""
import json

import tuf_source_rig
from tuf_repository import Repository, Signer, days
from tuf_source_rig import EVIL, OTHER, Attack


class ArbitrarySoftware(Attack):
    def test_other_bytes_than_were_signed(self):
        self.misbehave(self.announce(), body=EVIL)
        self.assertGreater(self.attack("SHA-256")["rejected"], 0)

    def test_metadata_by_a_stranger(self):
        self.repository.signers = {role: [Signer()] for role in self.repository.signers}
        self.announce()
        self.attack("timestamp: not signed by 1 distinct keys of root")

    def test_targets_by_a_stranger(self):
        self.repository.signers["targets"] = [Signer()]
        self.announce()
        self.attack("targets: not signed")

    def test_a_root_by_a_stranger(self):
        evil = Repository()
        evil.part["root"]["version"] = 1
        evil.publish("root")
        self.repository.served["2.root.json"] = evil.served["2.root.json"]
        self.put()
        self.attack("root: not signed by 1 distinct keys of version 1")

    def test_a_root_that_leaves_out_one(self):
        self.repository.publish("root", "root")
        self.repository.served["2.root.json"] = self.repository.served["3.root.json"]
        self.put()
        self.attack("root: version 3 instead of 2")

    def test_a_signature_that_was_changed(self):
        self.announce()
        served = self.repository.served
        served["timestamp.json"] = served["timestamp.json"].replace(b'"expires"', b'"Expires"')
        self.put()
        self.attack("expires")

    def test_two_readings_of_one_document(self):
        served = self.repository.served
        text = json.loads(served["timestamp.json"])
        more = json.dumps({**text["signed"], "version": 9})
        served["timestamp.json"] = served["timestamp.json"].replace(
            b'"signed":', b'"signed": ' + more.encode() + b', "signed":')
        self.put()
        self.attack("timestamp")

    def test_a_version_that_changes_its_bytes(self):
        self.release("1.0", {"firmware_1.0.bin": EVIL})
        self.publish()
        # The gateway that has it lets it be; another channel does not get it in either.
        self.release("1.0", {"other.bin": EVIL}, channel="beta")
        self.publish()
        self.attack("differs from what is here")


class Rollback(Attack):
    def test_an_older_timestamp(self):
        old = self.repository.served["timestamp.json"]
        self.publish()
        self.sync(self.ini, True)
        self.repository.served["timestamp.json"] = old
        self.put()
        self.attack("timestamp: rolled back")

    def test_an_older_snapshot_by_the_timestamp_key(self):
        self.publish()
        self.sync(self.ini, True)
        self.repository.part["timestamp"]["meta"]["snapshot.json"] = {"version": 2}
        self.repository.publish("timestamp")
        self.put()
        self.attack("timestamp: rolls the snapshot back")

    def test_older_targets_by_both_keys(self):
        self.publish()
        self.sync(self.ini, True)
        self.repository.part["snapshot"]["meta"]["targets.json"] = {"version": 2}
        self.repository.publish("snapshot", "timestamp")
        self.put()
        self.attack("snapshot: rolls back targets.json")

    def test_an_older_delegated_role(self):
        self.repository.delegate("targets", "team", paths=["meter/*/*"])
        self.publish("targets", "team")
        self.publish("team")
        self.sync(self.ini, True)
        self.repository.part["snapshot"]["meta"]["team.json"] = {"version": 1}
        self.repository.publish("snapshot", "timestamp")
        self.put()
        self.attack("snapshot: rolls back team.json")

    def test_keys_that_were_given_up(self):
        given_up = self.repository.signers["timestamp"]
        self.repository.rotate("timestamp")
        self.repository.publish("root")
        self.publish()
        self.sync(self.ini, True)
        self.repository.signers["timestamp"] = given_up
        self.announce()
        self.attack("timestamp: not signed")


class FastForward(Attack):
    def test_a_version_beyond_all_numbers(self):
        self.repository.part["timestamp"]["version"] = 2 ** 63 - 1
        self.repository.publish("timestamp")
        self.put()
        self.attack("version")

    def test_versions_driven_up_are_recovered_from(self):
        self.repository.part["timestamp"]["version"] = 2 ** 62
        self.publish()
        self.sync(self.ini, True)
        self.repository.part["timestamp"]["version"] = 7
        self.release("2.0", {"firmware_2.0.bin": OTHER})
        self.publish()
        self.attack("timestamp: rolled back")
        self.repository.rotate("timestamp")
        self.repository.publish("root", "timestamp")
        self.put()
        self.assert_whole(self.sync(self.ini, True), "1.0", "2.0")


class Freeze(Attack):
    def expired(self, role):
        self.repository.part[role]["expires"] = days(-1)
        self.repository.publish(role)
        if role != "root":
            self.repository.publish("snapshot", "timestamp", bump=role != "timestamp")
        self.put()
        self.attack(f"{role}: expired at")

    def test_a_timestamp_served_for_ever(self):
        self.expired("timestamp")

    def test_a_snapshot_served_for_ever(self):
        self.repository.part["snapshot"]["expires"] = days(-1)
        self.publish("targets")
        self.attack("snapshot: expired at")

    def test_targets_served_for_ever(self):
        self.repository.part["targets"]["expires"] = days(-1)
        self.announce()
        self.attack("targets: expired at")

    def test_a_root_served_for_ever(self):
        self.expired("root")


class WrongSoftware(Attack):
    def test_a_product_that_is_not_taken(self):
        ini = self.write_ini(self.tuf(products="meter"))
        self.release("2.0", {"firmware_2.0.bin": EVIL}, product="pump")
        self.publish()
        shown = self.sync(ini)
        self.assert_whole(shown, "1.0")
        told = [event["detail"] for event in shown["events"] if event["kind"] == "rejected"]
        self.assertEqual([detail["what"] for detail in told], ["pump 2.0"])
        self.assertEqual(shown["sources"]["cloud"]["rejected"], 1)

    def test_one_products_image_under_anothers_name(self):
        self.release("2.0", {"firmware_2.0.bin": EVIL}, path="pump")
        self.publish()
        self.attack("says product 'meter', but its path does not begin with that")

    def test_a_team_that_speaks_of_anothers_product(self):
        self.repository.delegate("targets", "pumps", paths=["pump/*/*"])
        self.release("2.0", {"firmware_2.0.bin": EVIL}, path="pump", role="pumps")
        self.publish("targets", "pumps")
        self.attack("says product 'meter', but its path does not begin with that")

    def test_a_team_that_uses_anothers_path(self):
        self.repository.delegate("targets", "pumps", paths=["pump/*/*"])
        self.release("2.0", {"firmware_2.0.bin": EVIL}, role="pumps")
        self.release("1.0", product="pump", role="pumps")
        self.publish("targets", "pumps")
        shown = self.sync(self.ini, True)
        self.assertEqual([(release["product"], release["version"]) for release in shown["releases"]],
                         [("meter", "1.0"), ("pump", "1.0")])

    def test_a_name_that_leaves_its_folder(self):
        self.release("2.0", {"a.bin": EVIL}, name="../../etc/passwd")
        self.publish()
        self.attack("meter 2.0")

    def test_a_role_that_a_device_does_not_know(self):
        self.release("2.0", {"a.bin": EVIL}, role_is="x", from_=1)
        self.repository.part["targets"]["targets"]["meter/2.0/a.bin"]["custom"]["ferry"]["role"] = "rootkit"
        self.publish()
        self.attack("rootkit")


class MixAndMatch(Attack):
    def test_targets_that_are_not_those_of_the_snapshot(self):
        old = self.repository.served["2.targets.json"]
        self.announce()
        self.repository.served["3.targets.json"] = old
        self.put()
        self.attack("targets: version 2 instead of 3")

    def test_targets_of_another_hash(self):
        self.repository.with_hashes = True
        self.announce()
        served = self.repository.served
        served["3.targets.json"] = served["3.targets.json"].replace(b"{", b"{ ", 1)[:-1] + b" "
        self.put()
        self.attack("targets: ")

    def test_a_snapshot_that_is_not_the_timestamps(self):
        old = self.repository.served["2.snapshot.json"]
        self.announce()
        self.repository.served["3.snapshot.json"] = old
        self.put()
        self.attack("snapshot: version 2 instead of 3")

    def test_parts_of_two_versions_in_one_release(self):
        self.release("2.0", {"a.bin": OTHER, "lib/x.py": b"x"})
        self.release("2.1", {"b.bin": EVIL, "lib/x.py": b"y"})
        targets = self.repository.part["targets"]["targets"]
        targets["meter/2.0/lib/x.py"]["custom"]["ferry"]["version"] = "2.1"
        self.publish()
        self.attack("artifacts, but")


class ExtraneousDependencies(Attack):
    def test_an_artifact_more_than_the_release_has(self):
        self.release("2.0", {"firmware_2.0.bin": OTHER})
        self.repository.delegate("targets", "team", paths=["meter/2.0/*"])
        self.release("2.0", {"hook.py": b"evil"}, role="team", artifacts=1)
        self.publish("targets", "team")
        self.attack("says that it has 1 artifacts, but 2 are named")


class KeyCompromise(Attack):
    def setUp(self):
        super().setUp()
        self.both = [Signer(), Signer()]
        self.repository.trust("targets", *self.both, threshold=2)
        self.repository.signers["targets"] = self.both
        self.repository.publish("root")
        self.publish()
        self.sync(self.ini, True)

    def test_one_key_of_two(self):
        self.repository.signers["targets"] = self.both[:1]
        self.announce()
        self.attack("targets: not signed by 2 distinct keys")

    def test_one_key_twice(self):
        self.repository.signers["targets"] = [self.both[0], self.both[0].renamed(self.both[1].keyid)]
        self.announce()
        self.attack("targets: not signed by 2 distinct keys")

    def test_the_timestamp_key_alone(self):
        evil = Repository()
        self.repository.part["timestamp"]["meta"]["snapshot.json"]["version"] = 9
        self.repository.publish("timestamp")
        evil.part["snapshot"]["version"] = 8
        evil.publish("snapshot")
        self.repository.served["9.snapshot.json"] = evil.served["9.snapshot.json"]
        self.put()
        self.attack("snapshot: not signed")


if __name__ == "__main__":
    tuf_source_rig.main()
