#!/usr/bin/python3
"""Jobs of AWS IoT through the whole gateway: from the cloud to devices over http, and their outcomes back."""
import contextlib
import pathlib
import random
import socket
import tempfile
import time
import unittest

import aws_side
import gateway as g
from cloud_server import Fault
from device_common import Link
from quec_device import QuecDevice
from services import Certificates, run

SECTIONS = """[source.aws]
type = aws-jobs
endpoint = 127.0.0.1:{port}
things = meter-12 = meter/127.0.0.12, meter-13 = meter/127.0.0.13
client_id = van-7
ca_file = {ca}
client_certificate = {certificate}
client_key = {key}
stall_timeout = 2s
[transport.wifi]
plugin = http
listen = 127.0.0.1:0
product = meter
[product.meter]
dialect = quecpython
device_version = query:version
"""


class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.certificates = Certificates(pathlib.Path(holder.name) / "certificates")
        cls.thing = aws_side.thing_certificate(pathlib.Path(holder.name) / "thing", cls.certificates, "van-7")

    def setUp(self):
        self.folder = g.scratch(self)
        (self.folder / "bucket").mkdir()
        self.broker = aws_side.AwsBroker(self.folder, self.certificates)
        self.broker.__enter__()
        self.addCleanup(self.broker.stop)
        self.bucket = aws_side.Bucket(self.folder / "bucket", self.certificates)
        self.bucket.__enter__()
        self.addCleanup(self.bucket.__exit__)
        self.aws = aws_side.AwsSide(self.broker, self.certificates)
        self.addCleanup(lambda: self.aws.close())
        sections = SECTIONS.format(port=self.broker.port, ca=self.certificates.ca, certificate=self.thing[0],
                                   key=self.thing[1])
        self.gateway = g.Gateway(self.folder / "gw", sections)
        self.addCleanup(self.gateway.__exit__, None)

    def put(self, path, size, seed=1):
        content = random.Random(seed).randbytes(size)
        (self.folder / "bucket" / path).write_bytes(content)
        return content

    def device(self, number, version="1.0"):
        state = self.folder / f"device-{number}"
        state.mkdir(exist_ok=True)
        if not (state / "version").exists():
            (state / "version").write_text(version)
        return QuecDevice(Link(f"127.0.0.1:{self.gateway.port()}", f"127.0.0.{number}"), state)

    def until(self, condition, what):
        """The source asks now, and not when its time has come."""
        def reached():
            if condition():
                return True
            self.gateway.sync("aws")
            return False
        g.wait_for(reached, what, interval=0.2)

    def status_of(self, thing, status, job=None):
        return lambda: status in self.aws.statuses(thing, job)

    def wait_for_release(self, version):
        self.until(lambda: ("meter", version) in self.gateway.releases(), f"{version} is here")

    def update(self, number):
        """Brings the device to its new version, and shows it with that."""
        device = self.device(number)
        g.wait_for(lambda: device.update() == "updated", f"device {number} is updated")
        self.assertEqual(self.device(number).update(), "current")

    def wait_for_waiting(self, count):
        """Until so many reports wait, as far as people are told."""
        def told():
            self.gateway.sync("aws")
            return self.gateway.source("aws")["reports"]["waiting"] == count
        g.wait_for(told, f"{count} reports wait", interval=0.2)

    def is_kept(self, text):
        """Whether the catalog has it, the parts of a row without anything between them."""
        files = [self.gateway.store / name for name in ("catalog.db", "catalog.db-wal")]
        return any(text.encode() in file.read_bytes() for file in files if file.exists())

    def mend_broker(self):
        """A broker that was killed is there again, with the cloud as it was."""
        before = self.aws
        before.close()
        self.broker.__enter__()
        self.aws = aws_side.AwsSide(self.broker, self.certificates)
        self.aws.executions, self.aws.updates = before.executions, before.updates

    def test_both_kinds_of_job_with_the_link_cut_in_the_middle(self):
        image = self.put("image", 4_000_000)
        files = {"/usr/a.py": self.put("a.py", 3000, 2), "/usr/b.py": self.put("b.py", 5000, 3)}
        self.aws.add("meter-12", "jobfota", aws_side.fota(self.bucket, "image", "2.0", "EG915_V1-V2.pack"))
        self.aws.add("meter-13", "jobappota", aws_side.app_fota(
            self.bucket, {"/usr/a.py": "a.py", "/usr/b.py": "b.py"}, "3.0"))
        self.bucket.misbehave("/image", Fault(stall_after=2_500_000, times=1))
        self.bucket.misbehave("/image", Fault(times=1))  # the look at it comes first
        self.gateway.start()
        g.wait_for(lambda: any(a.sent >= 2_500_000 for a in self.bucket.requests("image")), "the cut")
        self.broker.kill()
        self.bucket.expire()
        self.mend_broker()
        self.wait_for_release("2.0")
        self.wait_for_release("3.0")
        self.update(12)
        self.update(13)
        self.until(self.status_of("meter-12", "SUCCEEDED"), "jobfota has succeeded")
        self.until(self.status_of("meter-13", "SUCCEEDED"), "jobappota has succeeded")
        self.assertEqual((self.folder / "device-12/usr/firmware.bin").read_bytes(), image)
        for name, content in files.items():
            self.assertEqual((self.folder / "device-13/usr" / pathlib.PurePath(name).name).read_bytes(), content)
        self.assertEqual(self.aws.statuses("meter-12"), ["IN_PROGRESS", "SUCCEEDED"])
        self.assertEqual(self.aws.of("meter-12")[-1][1], {"step": "installed"})
        self.assertIn("held", [details["step"] for _, details in self.aws.of("meter-12")])
        self.assertLess(self.gateway.source("aws")["bytes_fetched"], len(image) + 8000 + 2_000_000)
        self.assertEqual(self.gateway.source("aws")["trust"], "tls")

    def test_a_job_is_for_its_device_alone(self):
        self.put("image", 2000)
        self.aws.add("meter-12", "job", aws_side.fota(self.bucket, "image", "2.0"))
        self.gateway.start()
        self.wait_for_release("2.0")
        self.update(12)
        self.assertEqual(self.device(99).update(), "current")
        self.assertEqual(self.device(13).update(), "current")

    def test_outcomes_from_before_a_kill_are_reported_once_and_in_order(self):
        self.put("image", 2000)
        for thing in ("meter-12", "meter-13"):
            self.aws.add(thing, f"job-{thing}", aws_side.fota(self.bucket, "image", "2.0"))
        self.gateway.start()
        self.wait_for_release("2.0")
        g.wait_for(lambda: len([d for _, _, _, d in self.aws.updates if d.get("step") == "held"]) == 2, "both are held")
        self.broker.kill()
        self.update(13)
        self.update(12)
        # What it shows is not yet on the medium; only what is there outlives a kill.
        g.wait_for(lambda: all(self.is_kept(f"job-{thing}SUCCEEDED") for thing in ("meter-12", "meter-13")), "kept")
        self.gateway.kill()
        self.gateway.start()
        self.wait_for_waiting(2)
        self.assertIn("2 reports wait, the oldest from", self.gateway.ctl("status"))
        self.assertIsNotNone(self.gateway.source("aws")["reports"]["oldest"])
        self.mend_broker()
        done = lambda: [thing for thing, _, status, _ in self.aws.updates if status == "SUCCEEDED"]  # noqa: E731
        self.until(lambda: len(done()) == 2, "both are reported")
        self.wait_for_waiting(0)
        self.gateway.stop()
        self.assertEqual(done(), ["meter-13", "meter-12"])
        self.assertEqual(self.aws.refused, [])

    def test_a_device_that_runs_the_version_already_has_done_its_job(self):
        self.put("image", 2000)
        self.gateway.start()
        self.assertEqual(self.device(12, "2.0").update(), "current")
        self.gateway.stop()  # writes down whom it has seen
        self.gateway.start()
        self.aws.add("meter-12", "job", aws_side.fota(self.bucket, "image", "2.0"))
        self.until(self.status_of("meter-12", "SUCCEEDED"), "it has succeeded")
        self.assertEqual(self.aws.of("meter-12"), [("SUCCEEDED", {"step": "installed"})])
        self.assertEqual(self.bucket.requests(), [])

    def test_a_flood_of_what_is_no_job_holds_up_no_job(self):
        self.put("image", 2000)
        self.gateway.start()
        self.until(lambda: self.gateway.source("aws")["last_success"], "the first look")
        pid = self.gateway.process.pid
        before = g.private_memory(pid)
        wrong = ["{", "[" * 50_000, " " * 100_000, '{"execution":{"jobId":"a/b","status":"QUEUED","versionNumber":1}}',
                 '{"execution":{"jobId":"x","status":"QUEUED","versionNumber":-1,"jobDocument":[]}}', "x"]
        lines = "\n".join(wrong * 85) + "\n"
        for rest in ("notify-next", "$next/get/accepted", "job/update/rejected", "notify"):
            for retain in ([], ["-r"]):
                run("mosquitto_pub", "-h", "127.0.0.1", "-p", self.broker.side_port, "--cafile", self.certificates.ca,
                    "-t", f"$aws/things/meter-12/jobs/{rest}", "-l", *retain, input=lines)
        self.aws.add("meter-12", "job", aws_side.fota(self.bucket, "image", "2.0"))
        self.wait_for_release("2.0")
        self.update(12)
        self.until(self.status_of("meter-12", "SUCCEEDED"), "it has succeeded")
        self.assertEqual(self.gateway.process.pid, pid)
        self.assertIsNone(self.gateway.process.poll())
        grown = g.private_memory(pid) - before
        print(f"{8 * 85 * len(wrong)} messages of jobs that are none: {grown >> 10} KiB more memory")
        if not self.gateway.build.sanitized:  # whose own memory grows
            self.assertLess(grown, 8 << 20)

    def test_a_version_below_the_devices_is_rejected(self):
        self.put("image", 2000)
        self.gateway.start()
        self.assertEqual(self.device(12, "3.0").update(), "current")
        self.aws.add("meter-12", "job", aws_side.fota(self.bucket, "image", "2.0"))
        self.until(self.status_of("meter-12", "REJECTED"), "it is rejected")
        self.assertIn("3.0", self.aws.of("meter-12")[-1][1]["reason"])
        self.assertEqual(self.device(12).update(), "current")

    def test_a_job_that_is_taken_back_reaches_no_device_any_more(self):
        self.put("image", 2000)
        self.aws.add("meter-12", "job", aws_side.fota(self.bucket, "image", "2.0"))
        self.gateway.start()
        self.wait_for_release("2.0")
        assigned = lambda: {d["id"]: d["assigned"] for d in self.gateway.get("/v1/devices")}  # noqa: E731
        g.wait_for(lambda: assigned() == {"127.0.0.12": "2.0"}, "it is assigned")
        self.aws.cancel("meter-12", "job")
        g.wait_for(lambda: assigned() == {"127.0.0.12": ""}, "it is assigned no more")
        self.assertEqual(self.device(12).update(), "current")

    def test_a_broker_that_swallows_every_packet_holds_up_no_end(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as fillers:
            for _ in range(4):  # the kernel drops what comes then
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            sections = self.gateway.config.read_text()
            self.gateway.config.write_text(
                sections.replace(f"127.0.0.1:{self.broker.port}", f"127.0.0.1:{listener.getsockname()[1]}"))
            self.gateway.start()
            self.assertEqual(self.gateway.source("aws")["state"], "fetching")
            begun = time.monotonic()
            self.assertEqual(self.gateway.stop(), 0)
            self.assertLess(time.monotonic() - begun, 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
