"""The https source over time: attempts that repeat, stops, and SIGKILL in the middle of pulls.

Usage: test_lasting_source.py SOURCE_PROBE [unittest arguments]
"""
import os
import random
import struct
import subprocess
import time

import source_rig
from cloud_server import CloudServer, Fault

MIB = 1 << 20


class Runner(source_rig.SourceTest):
    def test_a_source_that_failed_tries_again_and_a_poke_makes_it_now(self):
        self.site.add("1.0.0", [("file", "a", b"a")])
        self.site.publish()
        with CloudServer(self.site.folder, self.certificates) as cloud:
            cloud.misbehave("/index.json", Fault(status=503, times=2))
            with source_rig.Runner(self.PROBE, self.write_ini(self.https(cloud, interval="1h")),
                                   self.folder / "log") as runner:
                shown = source_rig.wait_for(lambda: (now := runner.show()) and now["releases"] and now, "the release")
                self.assert_whole(shown, "1.0.0")
                self.assertEqual(len(cloud.requests("index.json")), 3)
                source_rig.wait_for(lambda: not runner.show()["sources"]["cloud"]["running"], "the end of the attempt")
                state = runner.show()["sources"]["cloud"]
                self.assertEqual((state["last_error"], state["trust"]), ("", "signature"))
                self.assertGreater(state["next_attempt_in"], 50 * 60 * 1000)
                runner.show("poke")
                source_rig.wait_for(lambda: len(cloud.requests("index.json")) == 4, "the attempt that was asked for")

    def test_stopping_does_not_wait_for_a_silent_server(self):
        self.site.add("1.0.0", [("firmware", "f", b"x" * 100000)])
        self.site.publish()
        with CloudServer(self.site.folder, self.certificates) as cloud:
            cloud.misbehave("/artifacts", Fault(stall_after=1000))
            with source_rig.Runner(self.PROBE, self.write_ini(self.https(cloud, stall_timeout="60s")),
                                   self.folder / "log") as runner:
                source_rig.wait_for(lambda: cloud.requests("artifacts"), "the request")
                begin = time.monotonic()
            self.assertLess(time.monotonic() - begin, 30)
            self.assertEqual(runner.process.returncode, 0)


class Killed(source_rig.SourceTest):
    """SIGKILL at random moments of a pull: what was committed is not fetched again."""
    SIZE = 64 * MIB
    KILLS = 20

    def test_a_killed_pull_fetches_at_most_a_mebibyte_again(self):
        image = random.Random(1).randbytes(self.SIZE)
        self.site.add("1.0.0", [("firmware", "firmware_1.0.0.bin", image)])
        self.site.publish()
        chance = random.Random(int(os.environ.get("FERRY_SEED", "2")))
        with CloudServer(self.site.folder, self.certificates) as cloud:
            cloud.pace = 0.002  # 64 MiB take some seconds: room for twenty kills
            ini = self.write_ini(self.https(cloud, stall_timeout="30s"))
            again = []
            for _ in range(self.KILLS):
                before = self.count()
                resumed_from = len(cloud.requests("artifacts"))
                probe = subprocess.Popen([self.PROBE, ini, "sync", self.counter], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
                target = before + chance.randrange(1, 2 * self.SIZE // self.KILLS // 2)
                while probe.poll() is None and self.count() < target:
                    pass
                probe.kill()
                probe.wait()
                asked = cloud.requests("artifacts")[resumed_from:]
                if not asked:
                    continue
                start = int(asked[0].headers.get("range", "bytes=0-")[6:-1])
                again.append(self.arrived - start)
                self.arrived = start + self.count() - before
            shown = self.sync(ini, True)
            self.assert_whole(shown, "1.0.0")
        print(f"\nkills: {len(again)}; fetched again after each: largest {max(again)} bytes, "
              f"mean {sum(again) // len(again)}; in all {self.count() - self.SIZE} of {self.SIZE}")
        self.assertGreaterEqual(len(again), self.KILLS - 2)
        self.assertLessEqual(max(again), MIB)

    def setUp(self):
        super().setUp()
        self.arrived = 0  # bytes of the artifact that the killed process had received

    def count(self):
        return struct.unpack("<Q", self.counter.read_bytes())[0] if self.counter.exists() else 0


if __name__ == "__main__":
    source_rig.main()
