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


if __name__ == "__main__":
    source_rig.main()
