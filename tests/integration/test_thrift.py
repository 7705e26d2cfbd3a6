"""Links that cost money: a source stays within its window, its rate and its budget, and says so.

Usage: test_thrift.py SOURCE_PROBE [unittest arguments]
"""
import contextlib
import hashlib
import os
import random
import sqlite3
import time

import source_rig
from cloud_server import CloudServer

MIB = 1 << 20
IMAGE = random.Random(21).randbytes(5 * MIB)
SLACK = 600000  # a buffer of libcurl and what stands in heads and documents


class Thrift(source_rig.SourceTest):
    def setUp(self):
        super().setUp()
        self.site.add("1.0.0", [("firmware", "firmware_1.0.0.bin", IMAGE)])
        self.site.publish()
        self.cloud = self.enterContext(CloudServer(self.site.folder, self.certificates))
        self.url = "/artifacts/" + hashlib.sha256(IMAGE).hexdigest()
        os.environ["TZ"] = "UTC"

    def take(self, ok, **section):
        shown = self.sync(self.write_ini(self.https(self.cloud, **section)), ok)
        return shown, shown["sources"]["cloud"]

    def catalog(self, sql):
        with contextlib.closing(sqlite3.connect(self.store / "catalog.db")) as catalog, catalog:
            return catalog.execute(sql).fetchall()

    def spent(self):
        return self.catalog("SELECT period_bytes FROM source")[0][0]

    def begin_another_period(self):
        self.catalog("UPDATE source SET period_begin = period_begin - 40 * 86400000")

    @staticmethod
    def window(first, last):
        """From `first` to `last` hours from now."""
        hours = [(time.gmtime().tm_hour + hour) % 24 for hour in (first, last)]
        return "{:02}:00-{:02}:00".format(*hours)

    def test_a_budget_ends_the_fetch_and_the_next_period_goes_on_with_it(self):
        _, state = self.take(False, budget="2M/month")
        self.assertIn("waits: the budget of 2097152 bytes is used up until", state["error"])
        self.assertGreaterEqual(self.spent(), 2 * MIB)
        self.assertLess(self.spent(), 2 * MIB + SLACK)

        asked = len(self.cloud.requests())
        shown, state = self.take(False, budget="2M/month")
        self.assertTrue(state["error"].startswith("waits: the budget"), state["error"])
        self.assertEqual(len(self.cloud.requests()), asked, "nothing was asked for")
        self.assertEqual(shown["releases"], [])

        self.begin_another_period()
        self.take(False, budget="2M/month")
        self.begin_another_period()
        shown, _ = self.take(True, budget="2M/month")
        self.assert_whole(shown, "1.0.0")
        ranges = [asked.headers.get("range") for asked in self.cloud.requests(self.url)]
        self.assertEqual(len(ranges), 3)
        self.assertNotIn(None, ranges[1:], "it went on where it stopped")

    def test_a_larger_budget_counts_what_was_spent(self):
        self.take(False, budget="2M/month")
        shown, _ = self.take(True, budget="8M/month")
        self.assert_whole(shown, "1.0.0")
        self.assertGreater(self.spent(), len(IMAGE))

    def test_what_came_to_its_end_with_the_last_of_the_budget_is_kept(self):
        shown, _ = self.take(True, budget=f"{len(IMAGE)}/month")
        self.assert_whole(shown, "1.0.0")
        self.assertGreater(self.spent(), len(IMAGE))

    def test_an_urgent_release_exceeds_the_budget_and_others_do_not(self):
        self.take(False, budget="2M/month")
        self.site.add("1.1.0", [("firmware", "firmware_1.1.0.bin", IMAGE[:MIB])])
        self.site.entries[-1]["urgent"] = True
        self.site.publish()
        asked = len(self.cloud.requests())
        self.take(False, budget="2M/month")
        self.assertEqual(len(self.cloud.requests()), asked, "looked at an hour after the last time")
        self.an_hour_passes()
        self.take(False, budget="2M/month", urgent="no")
        self.assertEqual(len(self.cloud.requests()), asked, "looked at though nothing may exceed the budget")
        shown, state = self.take(False, budget="2M/month")
        self.assertTrue(state["error"].startswith("waits: the budget"), state["error"])
        self.assertEqual([r["version"] for r in shown["releases"] if r["complete"]], ["1.1.0"])
        self.assertEqual(len(self.cloud.requests(self.url)), 1, "1.0.0 waits for the next period")
        self.assertGreater(self.spent(), 3 * MIB, "it counts")
        self.begin_another_period()
        self.take(False, budget="2M/month")
        self.begin_another_period()
        shown, _ = self.take(True, budget="2M/month")
        self.assert_whole(shown, "1.0.0", "1.1.0")

    def an_hour_passes(self):
        self.catalog("UPDATE source SET last_attempt = last_attempt - 3600000")

    def test_another_interface_costs_nothing(self):
        shown, _ = self.take(True, budget="1M/day", window=self.window(2, 3), metered="nosuch0")
        self.assert_whole(shown, "1.0.0")
        self.assertEqual(self.spent(), 0)

    def test_outside_of_the_window_nothing_is_asked_for(self):
        _, state = self.take(False, window=self.window(2, 3))
        self.assertTrue(state["error"].startswith("waits: window"), state["error"])
        self.assertEqual(self.cloud.requests(), [])
        shown, _ = self.take(True, window=self.window(2, 3) + ", " + self.window(-1, 2))
        self.assert_whole(shown, "1.0.0")

    def test_a_rate_is_kept(self):
        begin = time.monotonic()
        shown, _ = self.take(True, rate="1M")
        self.assert_whole(shown, "1.0.0")
        # The bytes that come at once are those of the first second.
        self.assertGreater(time.monotonic() - begin, 2)


class Order(source_rig.SourceTest):
    """What is fetched first."""

    def setUp(self):
        super().setUp()
        self.cloud = self.enterContext(CloudServer(self.site.folder, self.certificates))
        self.site.publish()
        self.sync(self.write_ini(self.https(self.cloud)), True)
        self.count = 0

    def add(self, product, version, channel="stable", urgent=False):
        self.count += 1
        self.site.add(version, [("file", "a", f"{product} {version} {channel}".encode())], product, channel)
        self.site.entries[-1]["urgent"] = urgent

    def device(self, product, version, seen, channel="", assigned=""):
        self.count += 1
        with contextlib.closing(sqlite3.connect(self.store / "catalog.db")) as catalog, catalog:
            catalog.execute("INSERT INTO device VALUES (?, ?, ?, 'wifi', '', ?, ?, ?, 0, 0)",
                            (product, f"d{self.count}", version, seen, channel, assigned))

    def fetched(self):
        self.site.publish()
        shown = self.sync(self.write_ini(self.https(self.cloud)), True)
        told = [event["detail"] for event in shown["events"] if event["kind"] == "fetched"]
        return [f"{detail['product']} {detail['version']}" for detail in told]

    def test_what_devices_wait_for_that_were_seen_last_comes_first(self):
        for product in ("lock", "meter", "pump", "valve"):
            self.add(product, "1.1")
        self.device("pump", "1.0", 1000)
        self.device("valve", "1.0", 2000)
        self.device("meter", "1.1", 3000)  # has it
        self.assertEqual(self.fetched(), ["valve 1.1", "pump 1.1", "lock 1.1", "meter 1.1"])

    def test_of_a_product_the_newest_or_what_is_assigned(self):
        for version in ("1.1", "1.10", "1.9"):
            self.add("meter", version)
            self.add("pump", version)
        self.device("meter", "1.0", 2000)
        self.device("pump", "1.0", 1000, assigned="1.9")
        self.assertEqual(self.fetched()[:2], ["meter 1.10", "pump 1.9"])

    def test_only_of_the_devices_channel(self):
        self.add("meter", "1.1")
        self.add("meter", "1.2", "beta")
        self.add("pump", "1.1")
        self.device("pump", "1.0", 1000)
        self.device("meter", "1.0", 2000, channel="beta")
        self.assertEqual(self.fetched(), ["meter 1.2", "pump 1.1", "meter 1.1"])

    def test_what_is_urgent_comes_before_all(self):
        self.add("lock", "1.1")
        self.add("pump", "1.1")
        self.add("valve", "1.1", urgent=True)
        self.device("pump", "1.0", 1000)
        self.assertEqual(self.fetched(), ["valve 1.1", "pump 1.1", "lock 1.1"])


class Priority(source_rig.SourceTest):
    def test_a_source_gives_way_in_mid_transfer_and_goes_on_after_it(self):
        self.site.add("1.0.0", [("firmware", "firmware_1.0.0.bin", IMAGE)])
        self.site.publish()
        other = source_rig.site_writer.SiteWriter(self.folder / "other", self.key)
        other.publish()
        with CloudServer(self.site.folder, self.certificates) as low, \
                CloudServer(other.folder, self.certificates) as high:
            low.pace = high.pace = 0.05  # seconds for each 64 KiB: both take some
            ini = self.write_ini(self.https(low, "low"), self.https(high, "high", priority=1, interval="1h"))
            with source_rig.Runner(self.PROBE, ini, self.folder / "log") as runner:
                def sources():
                    return runner.show()["sources"]
                source_rig.wait_for(lambda: low.requests("/artifacts/") and sources()["high"]["succeeded"], "a start")
                other.add("7.0", [("firmware", "firmware_7.0.bin", IMAGE[::-1])], "pump")
                other.publish()
                runner.show("poke")
                source_rig.wait_for(lambda: sources()["low"]["last_error"] == "waits: gives way to source high",
                                    "it gives way")
                self.assertEqual(len(low.requests("/artifacts/")), 1)
                source_rig.wait_for(lambda: high.requests("/artifacts/"), "the other one goes on")
                self.assertLess(high.requests("/artifacts/")[0].sent, len(IMAGE))
                shown = source_rig.wait_for(lambda: (now := runner.show()) and len(now["releases"]) == 2 and now,
                                            "both are here")
            self.assert_whole(shown, "1.0.0", "7.0")
            first, second = low.requests("/artifacts/")
            self.assertIsNone(first.headers.get("range"))
            self.assertIsNotNone(second.headers.get("range"), "it went on where it stopped")
            self.assertEqual(len(high.requests("/artifacts/")), 1, "nobody made the first one wait")


if __name__ == "__main__":
    source_rig.main()
