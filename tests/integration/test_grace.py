#!/usr/bin/python3
"""Metadata that expired: the real gateway, its clock set by libfaketime, with a repository that is out of reach. What
was verified in time is offered on for the grace of its source, then no more; a clock that comes back locks nothing
out."""
import time

import tuf_source_rig
from gateway import Gateway, fetch
from source_rig import wait_for
from test_time_floor import DAY, system_clock, written
from tuf_repository import days

IMAGE = "/meter/1.0/firmware_1.0.bin"
NOW = int(time.time())


class Grace(tuf_source_rig.TufSourceTest):
    """The timestamp that was taken ends in a day; the grace is ten more."""

    def setUp(self):
        super().setUp()
        self.repository.part["timestamp"]["expires"] = days(1)
        self.release("1.0")
        self.publish()
        section = "".join(f"{key} = {value}\n" for key, value in self.tuf(grace="10d").items() if key != "name")
        self.gateway = Gateway(self.folder / "gateway", (
            f"[source.cloud]\n{section}"
            "[product.meter]\ndialect = plain\n[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\n"))
        with self.gateway.start():
            self.gateway.wait_for_release("meter", "1.0")
        self.publish()

    def offered(self, after):
        """(status of a device's request, the source's state, ferryctl's words) with the clock so many seconds ahead."""
        with system_clock(NOW + after), self.gateway.start():
            status, _, body = fetch(self.gateway.port(), IMAGE)
            if status == 200:
                self.assertEqual(body, tuf_source_rig.IMAGE)
            wait_for(lambda: self.gateway.source()["last_error"] or after < DAY, "the source tried")
            return status, self.gateway.source(), self.gateway.ctl("sources")

    def test_before_its_end(self):
        status, source, words = self.offered(0)
        self.assertEqual((status, source["metadata"]["standing"]), (200, "valid"))
        self.assertNotIn("expired", words)

    def test_expired_it_is_offered_on_and_the_state_says_until_when(self):
        status, source, words = self.offered(2 * DAY)
        self.assertEqual((status, source["metadata"]["standing"]), (200, "expired"))
        self.assertIn("offered until " + source["metadata"]["offered_until"], words)

    def test_nothing_new_is_taken_after_its_end(self):
        self.release("2.0")
        self.publish()
        _, source, _ = self.offered(2 * DAY)
        self.assertIn("expired", source["last_error"])
        with self.gateway.start():
            self.gateway.wait_for_release("meter", "2.0")

    def test_past_its_grace_it_is_offered_no_more(self):
        status, source, words = self.offered(12 * DAY)
        self.assertEqual((status, source["metadata"]["standing"]), (404, "lapsed"))
        self.assertIn("offered no more", words)
        with self.gateway.start():
            self.assertEqual(fetch(self.gateway.port(), IMAGE)[0], 200, "the clock came back")

    def test_the_grace_ends_while_it_runs(self):
        stamp = self.folder / "clock"
        stamp.write_text(written(NOW + 2 * DAY))
        with system_clock(stamp), self.gateway.start():
            self.assertEqual(fetch(self.gateway.port(), IMAGE)[0], 200)
            stamp.write_text(written(NOW + 12 * DAY))
            wait_for(lambda: fetch(self.gateway.port(), IMAGE)[0] == 404, "it is withdrawn", 60)
            self.assertIn("none of its releases is offered", self.gateway.log_text())


if __name__ == "__main__":
    tuf_source_rig.main()
