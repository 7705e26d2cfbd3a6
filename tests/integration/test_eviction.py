"""A store that is full: through both sources the newest release arrives all the same, and nothing that is needed goes.

Usage: test_eviction.py SOURCE_PROBE [unittest arguments]
"""
import contextlib
import random
import sqlite3

import source_rig
from cloud_server import CloudServer

MIB = 1 << 20
SIZE = 2 * MIB
QUOTA = "7M"  # three releases of that size, not four


def image(version, product="meter"):
    return random.Random(product + version).randbytes(SIZE)


class Eviction(source_rig.SourceTest):
    def setUp(self):
        super().setUp()
        self.cloud = self.enterContext(CloudServer(self.site.folder, self.certificates))
        self.ini = self.write_ini(self.https(self.cloud), quota=QUOTA)

    def publish(self, *versions, product="meter"):
        for version in versions:
            self.site.add(version, [("firmware", f"{version}.bin", image(version, product))], product=product)
        self.site.publish()

    def sync_whole(self, *versions):
        shown = self.sync(self.ini, expect_ok=True)
        self.assert_whole(shown, *versions)
        return shown

    def evicted(self, shown):
        return [event["detail"]["version"] for event in shown["events"] if event["kind"] == "evicted"]

    def device(self, version, assigned=""):
        """A device that the gateway has met."""
        with contextlib.closing(sqlite3.connect(self.store / "catalog.db")) as database, database:
            database.execute(
                "INSERT OR REPLACE INTO device (product, id, version, transport, address, last_seen, channel, "
                "assigned_version, downgrade, proven) VALUES ('meter', 'pump-7', ?, 'wifi', '', 1, '', ?, 0, 0)",
                (version, assigned))

    def test_the_newest_arrives_and_the_oldest_goes(self):
        self.publish("1.0.0", "1.1.0", "1.2.0")
        self.sync_whole("1.0.0", "1.1.0", "1.2.0")
        self.publish("1.10.0")
        shown = self.sync_whole("1.1.0", "1.2.0", "1.10.0")
        self.assertEqual(self.evicted(shown), ["1.0.0"])

    def test_what_was_evicted_is_not_fetched_again(self):
        self.publish("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0")
        self.sync_whole("1.2.0", "1.3.0", "1.4.0")
        self.assertEqual(len(self.cloud.requests("artifacts")), 5)
        for version in ("1.5.0", "1.6.0"):
            self.publish(version)
            self.sync(self.ini, expect_ok=True)
        self.assertEqual(len(self.cloud.requests("artifacts")), 7)
        # Nor where there is room for it again.
        self.ini = self.write_ini(self.https(self.cloud), quota="64M")
        self.publish("1.7.0")
        self.sync_whole("1.4.0", "1.5.0", "1.6.0", "1.7.0")
        self.assertEqual(len(self.cloud.requests("artifacts")), 8)

    def test_an_old_release_takes_the_place_of_none(self):
        self.publish("1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0")
        shown = self.sync_whole("1.4.0", "1.3.0", "1.2.0")
        self.assertEqual(self.evicted(shown), [])
        self.assertEqual(len(self.cloud.requests("artifacts")), 3)
        # Having been left out once, it is not even asked for.
        asked = len(self.cloud.requests("releases/"))
        self.publish()
        self.sync_whole("1.4.0", "1.3.0", "1.2.0")
        self.assertEqual(len(self.cloud.requests("releases/")), asked)

    def test_what_a_device_runs_stays(self):
        self.publish("1.0.0", "1.1.0", "1.2.0")
        self.sync_whole("1.0.0", "1.1.0", "1.2.0")
        self.device("1.0.0")
        self.publish("1.3.0")
        shown = self.sync_whole("1.0.0", "1.2.0", "1.3.0")
        self.assertEqual(self.evicted(shown), ["1.1.0"])

    def test_what_was_evicted_comes_back_when_it_is_assigned(self):
        self.publish("1.0.0", "1.1.0", "1.2.0", "1.3.0")
        self.sync_whole("1.1.0", "1.2.0", "1.3.0")
        self.device("0.9.0", assigned="1.0.0")
        # The index has not changed, and the server says so when it is asked.
        shown = self.sync_whole("1.0.0", "1.2.0", "1.3.0")
        self.assertEqual(self.evicted(shown), ["1.0.0", "1.1.0"])

    def test_with_nothing_to_spare_the_error_says_what_to_do(self):
        for product in ("meter", "pump", "valve"):
            self.publish("1.0.0", product=product)
        self.assertEqual(len(self.sync(self.ini, expect_ok=True)["releases"]), 3)
        self.publish("2.0.0", product="lamp")
        shown = self.sync(self.ini)
        self.assertIn("raise [storage] quota", shown["sources"]["cloud"]["error"])
        self.assertEqual((len(shown["releases"]), self.evicted(shown)), (3, []))

    def test_a_release_that_never_fits_costs_no_other(self):
        self.publish("1.0.0", "1.1.0", "1.2.0")
        self.sync_whole("1.0.0", "1.1.0", "1.2.0")
        self.site.add("2.0.0", [("firmware", "f", random.Random(2).randbytes(9 * MIB))])
        self.site.publish()
        shown = self.sync(self.ini)
        self.assertIn("do not fit", shown["sources"]["cloud"]["error"])
        self.assert_whole(shown, "1.0.0", "1.1.0", "1.2.0")

    def test_files_that_the_evicted_shared_with_the_newest_are_here(self):
        self.ini = self.write_ini(self.https(self.cloud), quota="8500K")
        shared = ("file", "lib/big.bin", random.Random(5).randbytes(MIB))
        self.site.add("1.0.0", [("firmware", "f", image("1.0.0")[:MIB]), shared])
        self.site.add("1.1.0", [("firmware", "f", image("1.1.0")), ("file", "lib/small.bin", b"small")])
        self.site.add("1.2.0", [("firmware", "f", image("1.2.0"))])
        self.site.publish()
        self.sync_whole("1.0.0", "1.1.0", "1.2.0")
        self.site.add("1.3.0", [("firmware", "f", image("1.3.0")), shared])
        self.site.publish()
        shown = self.sync_whole("1.1.0", "1.2.0", "1.3.0")
        self.assertEqual(self.evicted(shown), ["1.0.0"])


class Folder(source_rig.SourceTest):
    def test_a_stick_with_more_than_fits(self):
        releases = self.folder / "releases"
        releases.mkdir()
        ini = self.write_ini({"name": "stick", "type": "directory", "path": releases, "product": "meter"}, quota=QUOTA)
        for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"):
            (releases / f"firmware_{version}.bin").write_bytes(image(version))
        shown = self.sync(ini, expect_ok=True)
        self.assert_whole(shown, "1.2.0", "1.3.0", "1.4.0")
        fetched = shown["sources"]["stick"]["bytes_fetched"]
        self.assertEqual(fetched, 5 * SIZE)
        shown = self.sync(ini, expect_ok=True)
        self.assert_whole(shown, "1.2.0", "1.3.0", "1.4.0")
        self.assertEqual(shown["sources"]["stick"]["bytes_fetched"], fetched)
        (releases / "firmware_1.5.0.bin").write_bytes(image("1.5.0"))
        self.assert_whole(self.sync(ini, expect_ok=True), "1.3.0", "1.4.0", "1.5.0")


if __name__ == "__main__":
    source_rig.main()
