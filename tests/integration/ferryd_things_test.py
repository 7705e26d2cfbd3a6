#!/usr/bin/python3
"""Devices that are things on the gateway's own broker, through the whole gateway: from a source to the script that
modules run, and what they say of it back."""
import hashlib
import random
import unittest

import aws_side
import gateway as g
from stream_downloader import Downloader
from things_rig import Things


class Script(Things):
    def test_an_image_is_installed_and_said_so(self):
        image = self.release("2.0")
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")
        device = self.device().power_on()
        self.wait_for_state("installed")
        self.assertEqual((device.state / "usr/firmware").read_bytes(), image)
        self.assertEqual([status for _, status in device.said], ["IN_PROGRESS", "IN_PROGRESS", "SUCCEEDED"])
        self.assertEqual({job for job, _ in device.said}, {"jobfota"})
        self.assertEqual((device.boots, device.reconnects, device.downloads), (2, 0, 1))
        delivery, = self.deliveries()
        self.assertEqual(delivery["bytes_done"], len(image))
        known, = self.gateway.get("/v1/devices")
        self.assertEqual((known["id"], known["version"]), ("QuecPython_OTA", "2.0"))

    def test_a_release_that_comes_later_is_told_to_a_device_that_waits(self):
        self.release("2.0")
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")
        device = self.device().power_on()
        self.wait_for_state("installed")
        self.release("3.0")
        g.wait_for(lambda: device.firmware_version == "3.0", "it has the next one")
        g.wait_for(lambda: self.states() == ["installed"] * 2, "both are installed")
        self.assertEqual(device.reconnects, 0)

    def test_what_costs_the_device_its_connection_costs_it_no_release(self):
        self.start()
        device = self.device().power_on()
        g.wait_for(lambda: self.gateway.get("/v1/devices"), "it asked")
        self.operator().publish("$aws/things/QuecPython_OTA/jobs/get/accepted", '{"timestamp":1}')
        g.wait_for(lambda: device.reconnects == 1, "it connects anew")
        self.release("2.0")
        self.wait_for_state("installed")
        self.assertEqual(device.reconnects, 1)

    def test_after_a_failed_download_the_delivery_has_failed_and_is_not_repeated_by_itself(self):
        self.release("2.0")
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")
        device = self.device(fail_downloads=1).power_on()
        self.wait_for_state("failed")
        delivery, = self.deliveries()
        self.assertIn("FAILED of jobfota", delivery["detail"])
        self.gateway.sync("stick")
        device.power_off()
        self.assertEqual(device.downloads, 1)
        device.power_on()
        self.wait_for_state("installed")

    def test_a_gateway_that_starts_again_offers_nothing_that_is_installed(self):
        self.release("2.0")
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")
        device = self.device().power_on()
        self.wait_for_state("installed")
        self.gateway.stop()
        self.gateway.start()
        self.assertEqual(device.reconnects, 0)  # its broker stayed
        device.power_off()
        device.power_on()
        verdict, answer = self.asking().ask("get")
        self.assertEqual((verdict, answer["queuedJobs"], answer["inProgressJobs"]), ("accepted", [], []))
        self.assertEqual((self.states(), device.downloads), (["installed"], 1))

    def test_a_device_that_starts_before_the_gateway_is_answered_by_it(self):
        self.release("2.0")
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")
        self.gateway.stop()
        device = self.device().power_on()
        g.wait_for(lambda: device.asked == 3, "it has asked")
        self.gateway.start()
        self.wait_for_state("installed")

    def test_nothing_is_retained(self):
        self.release("2.0")
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")
        self.device().power_on()
        self.wait_for_state("installed")
        late = self.asking()
        late.ask("get")
        self.assertEqual(late.client.retained, 0)


class Cloud(Things):
    """Jobs that come from AWS and are done by things of the gateway's own broker."""

    SOURCE = """[source.aws]
type = aws-jobs
endpoint = 127.0.0.1:{port}
things = QuecPython_OTA = tracker/QuecPython_OTA, meter-12 = tracker/meter-12
client_id = QuecPython_OTA
ca_file = {ca}
client_certificate = {certificate}
client_key = {key}
"""

    def setUp(self):
        super().setUp()
        (self.folder / "bucket").mkdir()
        (self.folder / "cloud").mkdir()
        self.cloud = aws_side.AwsBroker(self.folder / "cloud", self.certificates)
        self.cloud.__enter__()
        self.addCleanup(self.cloud.stop)
        self.bucket = aws_side.Bucket(self.folder / "bucket", self.certificates)
        self.bucket.__enter__()
        self.addCleanup(self.bucket.__exit__)
        self.aws = aws_side.AwsSide(self.cloud, self.certificates)
        self.addCleanup(self.aws.close)
        certificate, key = self.things["QuecPython_OTA"]
        self.start(sources=self.SOURCE.format(port=self.cloud.port, ca=self.certificates.ca, certificate=certificate,
                                              key=key))

    def put(self, path, version, size):
        content = f"{version}\n".encode() + random.Random(path).randbytes(size)
        (self.folder / "bucket" / path).write_bytes(content)
        return content

    def until(self, status, thing="QuecPython_OTA"):
        def reached():
            if status in self.aws.statuses(thing):
                return True
            self.gateway.sync("aws")
            return False
        g.wait_for(reached, f"AWS is told {status}", interval=0.2)

    def test_an_image_and_files_reach_their_devices_and_aws_is_told(self):
        image = self.put("image", "2.0", 1_000_000)
        files = {"/usr/a.py": self.put("a.py", "3.0", 3000), "/usr/b.py": self.put("b.py", "3.0", 5000)}
        tracker, meter = self.device().power_on(), self.device("meter-12").power_on()
        self.aws.add("QuecPython_OTA", "job-77", aws_side.fota(self.bucket, "image", "2.0", "EG915_V1-V2.pack"))
        self.aws.add("meter-12", "job-78", aws_side.app_fota(
            self.bucket, {"/usr/a.py": "a.py", "/usr/b.py": "b.py"}, "3.0"))
        self.until("SUCCEEDED")
        self.until("SUCCEEDED", "meter-12")
        self.assertEqual((tracker.state / "usr/firmware").read_bytes(), image)
        for name, content in files.items():
            self.assertEqual((meter.state / name.lstrip("/")).read_bytes(), content)
        self.assertEqual(self.aws.statuses("QuecPython_OTA"), ["IN_PROGRESS", "SUCCEEDED"])
        self.assertEqual(self.aws.of("meter-12")[-1], ("SUCCEEDED", {"step": "installed"}))
        self.assertEqual((tracker.reconnects, meter.reconnects, self.aws.refused), (0, 0, []))
        self.assertEqual({job for job, _ in meter.said}, {"jobappota"})

    def test_a_failure_on_the_device_is_told_to_aws_with_its_reason(self):
        self.put("image", "2.0", 2000)
        self.device(fail_downloads=1).power_on()
        self.aws.add("QuecPython_OTA", "job-77", aws_side.fota(self.bucket, "image", "2.0"))
        self.until("FAILED")
        details = self.aws.of("QuecPython_OTA")[-1][1]
        self.assertEqual(details["step"], "failed")
        self.assertIn("FAILED of jobfota", details["reason"])


class Library(Things):
    """A thing that uses all of what AWS documents."""

    def setUp(self):
        super().setUp()
        self.release("2.0", 2000)
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")
        self.asker = self.asking("meter-12")

    def ask(self, path, **question):
        verdict, answer = self.asker.ask(path, **question)
        return answer.get("code") if verdict == "rejected" else answer

    def test_a_job_from_its_beginning_to_its_end(self):
        listed = self.ask("get")
        self.assertEqual([job["jobId"] for job in listed["queuedJobs"]], ["jobfota"])
        begun = self.ask("start-next")["execution"]
        self.assertEqual((begun["status"], begun["versionNumber"], begun["thingName"]), ("IN_PROGRESS", 2, "meter-12"))
        self.assertEqual([job["jobId"] for job in self.ask("get")["inProgressJobs"]], ["jobfota"])
        self.assertNotIn("jobDocument", self.ask("$next/get", includeJobDocument=False)["execution"])
        told = self.ask("jobfota/update", status="IN_PROGRESS", statusDetails={"step": "x"}, expectedVersion=2,
                        includeJobExecutionState=True)
        self.assertEqual(told["executionState"],
                         {"status": "IN_PROGRESS", "statusDetails": {"step": "x"}, "versionNumber": 3})
        self.ask("jobfota/update", status="SUCCEEDED", expectedVersion=3)
        self.wait_for_state("installed", "meter-12")
        g.wait_for(lambda: self.asker.told("notify-next"), "it is told that nothing follows")
        self.assertNotIn("execution", self.asker.told("notify-next")[-1])
        self.assertEqual(self.ask("jobfota/get"), "TerminalStateReached")
        self.assertEqual(self.asker.told("notify"), [])

    def test_refusals(self):
        self.assertEqual(self.ask("jobfota/update", status="SUCCEEDED"), "ResourceNotFound")
        self.ask("get")
        self.assertEqual(self.ask("jobfota/update", status="IN_PROGRESS", expectedVersion=9), "VersionMismatch")
        self.assertEqual(self.ask("jobappota/get"), "ResourceNotFound")
        self.assertEqual(self.ask("jobfota/update", status="QUEUED"), "InvalidStateTransition")
        self.assertEqual(self.ask("jobfota/update", status="REJECTED", statusDetails={"why": "no"}).get("code"), None)
        self.wait_for_state("failed", "meter-12")
        self.assertEqual(self.ask("jobfota/update", status="SUCCEEDED"), "InvalidStateTransition")
        self.asker.publish("get", "{")
        g.wait_for(lambda: any(r["code"] == "InvalidJson" for r in self.asker.told("get/rejected")), "no JSON")
        self.asker.publish("get", "x" * 20000)
        g.wait_for(lambda: any("longer" in r["message"] for r in self.asker.told("get/rejected")), "too long")

    def test_a_flood_of_nonsense_holds_up_nobody(self):
        for i in range(3000):
            self.asker.publish(f"j{i}/update", b"\xff" * 2000)
            self.asker.publish("get/get", "[" * 5000)
        other = self.asking("meter-13")

        def answers():
            other.publish("get", "{}")  # the broker may have dropped it with the nonsense
            return other.told("get/accepted")
        answer = g.wait_for(answers, "another thing is answered", interval=1)[0]
        self.assertEqual(answer["queuedJobs"][0]["jobId"], "jobfota")
        g.wait_for(lambda: self.gateway.transport("broker")["refusals"] > 0, "refusals are counted")

    def test_a_retained_question_is_not_asked_again_and_again(self):
        self.ask("get")
        self.asker.publish("jobfota/update", '{"status":"FAILED"}', retain=True)
        self.wait_for_state("failed", "meter-12")
        self.gateway.stop()
        self.gateway.start()
        self.ask("get")
        self.assertEqual(self.states("meter-12").count("failed"), 1)


class Streams(Things):
    """Files that come over MQTT itself."""

    BLOCK = 4096

    def setUp(self):
        super().setUp()
        self.image = self.release("2.0", 150_000)
        self.start()
        self.gateway.wait_for_release("tracker", "2.0")

    def stream(self, asker):
        source = asker.ask("start-next")[1]["execution"]["jobDocument"][0]["files"][0]["fileSource"]
        self.assertEqual((source["stream"], source["fileId"]), (hashlib.sha256(self.image).hexdigest(), 0))
        return source["stream"]

    def load(self, downloader, upto=None):
        """As AWS's library does: eight blocks at a time, by a bitmap of those that are missing."""
        g.wait_for(lambda: downloader.ask_on(upto), "all blocks are here", interval=0)

    def test_a_device_that_is_cut_goes_on_with_the_blocks_that_it_lacks(self):
        for thing, form in (("meter-12", "json"), ("meter-13", "cbor")):
            with self.subTest(form):
                asker = self.asking(thing)
                stream = self.stream(asker)
                downloader = Downloader(self.client(thing), thing, stream, form, self.BLOCK)
                described = downloader.describe()
                self.assertEqual(described["r"], [{"f": 0, "z": len(self.image)}])
                self.load(downloader, upto=17)
                downloader.drop(5, 11)
                downloader.cut()
                self.gateway.stop()
                self.gateway.start()
                before = downloader.received
                downloader.connect(self.client(thing))
                self.load(downloader)
                self.assertEqual(downloader.content(), self.image)
                self.assertEqual(downloader.received - before, len(downloader.blocks) - 15)
                asker.ask("start-next")
                asker.ask("jobfota/update", status="SUCCEEDED")
                self.wait_for_state("installed", thing)
                delivery, = self.deliveries(thing)
                self.assertEqual(delivery["bytes_done"], len(self.image))
                downloader.cut()

    def test_refusals(self):
        asker = self.asking("meter-12")
        downloader = Downloader(self.client("meter-12"), "meter-12", "ab" * 32, "json", 4096)
        self.addCleanup(downloader.cut)
        self.assertEqual(downloader.refusal_of(f=0, l=4096), "ResourceNotFound")
        downloader.stream = self.stream(asker)
        self.assertEqual(downloader.refusal_of(f=1, l=4096), "ResourceNotFound")
        self.assertEqual(downloader.refusal_of(f=0, l=4096, o=5000), "ResourceNotFound")
        self.assertEqual(downloader.refusal_of(f=0, l=4096, s=2), "VersionMismatch")
        self.assertEqual(downloader.refusal_of(f=0, l=10), "BlockSizeOutOfBounds")


class Broker(Things):
    def state(self):
        transport = self.gateway.transport("broker")
        return transport["state"], transport["detail"]

    def test_a_broker_that_is_away_is_said_and_tried_again(self):
        self.release("2.0", 2000)
        self.broker.kill()
        self.configure()
        self.gateway.launch()
        g.wait_for(lambda: self.gateway.control.exists() and self.state()[0] == "connecting", "it says so")
        self.assertIn("is mosquitto running there?", self.state()[1])
        self.broker.__enter__()
        g.wait_for(lambda: self.state()[0] == "listening", "it is connected")
        device = self.device().power_on()
        self.wait_for_state("installed")
        self.assertEqual(self.state(), ("listening", f"connected to 127.0.0.1:{self.broker.port}; 1 things"))
        self.broker.kill()
        g.wait_for(lambda: self.state()[0] == "connecting", "it says so")
        self.broker.__enter__()
        self.release("3.0", 2000)
        g.wait_for(lambda: device.firmware_version == "3.0", "it goes on")

    def test_a_broker_that_refuses_says_what_to_do(self):
        self.password.write_text("wrong\n")
        self.configure()
        self.gateway.launch()
        g.wait_for(lambda: self.gateway.control.exists() and self.state()[0] == "refused", "it is refused")
        self.assertIn("check user and password_file", self.state()[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
