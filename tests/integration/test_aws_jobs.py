#!/usr/bin/python3
"""The source aws-jobs over a real store and a real broker: jobs for a whole product, without devices."""
import hashlib
import random
import unittest

import aws_side
import source_rig
from cloud_server import Fault

THING = "van-7"


class Jobs(source_rig.SourceTest):
    def setUp(self):
        super().setUp()
        (self.folder / "bucket").mkdir()
        self.broker = aws_side.AwsBroker(self.folder, self.certificates)
        self.broker.__enter__()
        self.addCleanup(self.broker.stop)
        self.bucket = aws_side.Bucket(self.folder / "bucket", self.certificates)
        self.bucket.__enter__()
        self.addCleanup(self.bucket.__exit__)
        self.aws = aws_side.AwsSide(self.broker, self.certificates)
        self.addCleanup(self.aws.close)
        certificate, key = aws_side.thing_certificate(self.folder / "thing", self.certificates, THING)
        self.ini = self.write_ini({
            "name": "aws", "type": "aws-jobs", "endpoint": f"127.0.0.1:{self.broker.port}",
            "things": f"{THING} = meter", "ca_file": self.certificates.ca, "client_certificate": certificate,
            "client_key": key, "stall_timeout": "10s"})

    def put(self, path, size, seed=1):
        content = random.Random(seed).randbytes(size)
        file = self.folder / "bucket" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return content

    def roles(self, shown):
        return {name: artifact["role"] for release in shown["releases"]
                for name, artifact in release["artifacts"].items()}

    def test_an_image_is_taken_and_reported(self):
        self.put("EG915_V2-V3.pack", 3_000_000)
        self.aws.add(THING, "jobfota", aws_side.fota(self.bucket, "EG915_V2-V3.pack", "EG915R03_QPY"))
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "EG915R03_QPY")
        self.assertEqual(self.roles(shown), {"EG915_V2-V3.pack": "firmware"})
        self.assertEqual(shown["releases"][0]["channel"], "stable")
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS", "SUCCEEDED"])
        self.assertEqual([e["detail"].get("trust") for e in shown["events"] if e["kind"] == "verified"], ["tls"])
        self.assertEqual(self.aws.refused, [])
        again = self.sync(self.ini, True)["sources"]["aws"]
        self.assertEqual((again["admitted"], again["fetched"]), (0, 0))

    def test_files_are_taken_with_their_paths_and_equal_ones_once(self):
        self.put("a.py", 700)
        self.put("b.py", 0)
        self.put("c.py", 700)  # the bytes of a.py
        self.aws.add(THING, "jobappota", aws_side.app_fota(
            self.bucket, {"/usr/a.py": "a.py", "/usr/b.py": "b.py", "/usr/lib/c.py": "c.py"}, "2.0"))
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "2.0")
        artifacts = shown["releases"][0]["artifacts"]
        self.assertEqual({name: a["dst_path"] for name, a in artifacts.items()},
                         {"usr/a.py": "usr/a.py", "usr/b.py": "usr/b.py", "usr/lib/c.py": "usr/lib/c.py"})
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS", "SUCCEEDED"])

    def test_jobs_follow_each_other_in_their_order(self):
        for number in (1, 2, 3):
            self.put(f"image{number}", 5000, number)
            self.aws.add(THING, f"job-{number}", aws_side.fota(self.bucket, f"image{number}", f"1.{number}"))
        self.assert_whole(self.sync(self.ini, True), "1.1", "1.2", "1.3")
        ended = [job for _, job, status, _ in self.aws.updates if status == "SUCCEEDED"]
        self.assertEqual(ended, ["job-1", "job-2", "job-3"])

    def test_a_malformed_job_is_rejected_with_its_reason_and_changes_nothing(self):
        placeholder = "${aws:iot:s3-presigned-url:https://bucket.s3.amazonaws.com/a}"
        bad = {
            "not a list": {"operation": "FOTA"},
            "unknown operation": [{"operation": "reboot", "files": []}],
            "placeholder": [{"operation": "FOTA", "files": [
                {"fileName": "a", "fileVersion": "1", "fileSource": {"url": placeholder}}]}],
            "climbs": [{"operation": "app_fota", "files": [
                {"fileName": "/../etc/passwd", "fileVersion": "1", "fileSource": {"url": self.bucket.sign("a")}}]}],
            "plain http": [{"operation": "FOTA", "files": [
                {"fileName": "a", "fileVersion": "1", "fileSource": {"url": "http://127.0.0.1/a"}}]}],
        }
        for number, document in enumerate(bad.values()):
            self.aws.add(THING, f"bad-{number}", lambda document=document: document)
        self.put("good", 1000)
        self.aws.add(THING, "good", aws_side.fota(self.bucket, "good", "1.0"))
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0")
        for number in range(len(bad)):
            (status, details), = self.aws.of(THING, f"bad-{number}")
            self.assertEqual(status, "REJECTED")
            self.assertIn("job document", details["reason"])
        self.assertIn("${aws:iot:", self.aws.of(THING, "bad-2")[0][1]["reason"])
        self.assertEqual(shown["sources"]["aws"]["rejected"], len(bad))
        self.assertEqual([a.path.split("?")[0] for a in self.bucket.requests() if "good" not in a.path], [])

    def test_an_expired_url_is_fetched_again_and_the_rest_by_range(self):
        content = self.put("image", 4_000_000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        self.bucket.misbehave("/image", Fault(end_after=2_500_000, times=1))
        self.bucket.misbehave("/image", Fault(times=1))  # the look at it comes first
        self.sync(self.ini, False)
        self.bucket.expire()
        self.bucket.behave()
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0")
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS", "SUCCEEDED"])
        self.assertLess(shown["sources"]["aws"]["fetched"], len(content) - 1_000_000)

    def test_a_url_that_expires_under_way_is_asked_for_anew(self):
        self.expires_under_way(403)

    def test_a_url_whose_signer_expired_is_asked_for_anew(self):
        self.expires_under_way(400)

    def expires_under_way(self, status):
        self.bucket.refusal = status
        self.put("image", 300_000)
        self.put("second", 5000, 2)

        def document():
            made = aws_side.app_fota(self.bucket, {"/a": "image", "/b": "second"}, "1.0")()
            if not self.bucket.requests():
                self.bucket.expire()  # whoever reads it now is late
            return made
        self.aws.add(THING, "job", document)
        self.assert_whole(self.sync(self.ini, True), "1.0")
        self.assertIn(status, [asked.status for asked in self.bucket.requests()])

    def test_a_url_that_is_always_refused_ends_the_job(self):
        self.put("image", 1000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        self.bucket.misbehave("/image", Fault(status=403))
        shown = self.sync(self.ini, True)
        self.assertEqual(shown["releases"], [])
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS", "FAILED"])
        reason = self.aws.of(THING)[-1][1]["reason"]
        self.assertIn("403", reason)
        self.assertNotIn("X-Amz", reason)
        self.assertLess(len(self.bucket.requests()), 8)

    def test_a_file_that_is_not_there_ends_the_job(self):
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "nothing", "1.0"))
        self.sync(self.ini, True)
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS", "FAILED"])
        self.assertIn("404", self.aws.of(THING)[-1][1]["reason"])

    def test_a_link_that_is_cut_ends_no_job(self):
        content = self.put("image", 4_000_000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        self.bucket.misbehave("/image", Fault(end_after=2_500_000, times=1))
        self.bucket.misbehave("/image", Fault(times=1))  # the look at it comes first
        self.sync(self.ini, False)
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS"])
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0")
        self.assertLess(shown["sources"]["aws"]["fetched"], len(content) - 1_000_000)
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS", "SUCCEEDED"])

    def test_a_file_that_is_exchanged_in_between_is_begun_afresh(self):
        self.put("image", 3_000_000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        self.bucket.misbehave("/image", Fault(cut_after=2_000_000, times=1))
        self.bucket.misbehave("/image", Fault(times=1))  # the look at it comes first
        self.sync(self.ini, False)
        exchanged = self.put("image", 3_000_000, 2)
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0")
        self.assertEqual(shown["releases"][0]["artifacts"]["image"]["size"], len(exchanged))

    def test_a_whole_file_that_is_exchanged_before_the_others_are_here_is_fetched_again(self):
        self.put("a", 1_500_000)
        self.put("b", 1_500_000, 2)
        self.aws.add(THING, "job", aws_side.app_fota(self.bucket, {"/a": "a", "/b": "b"}, "1.0"))
        self.bucket.misbehave("/b", Fault(end_after=1_000_000, times=1))
        self.bucket.misbehave("/b", Fault(times=1))  # the look at it comes first
        self.sync(self.ini, False)
        exchanged = self.put("a", 1_500_000, 3)
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0")
        self.assertEqual(shown["releases"][0]["artifacts"]["a"]["sha256"], hashlib.sha256(exchanged).hexdigest())

    def test_version_mismatch_is_asked_about_and_the_update_made_once_more(self):
        self.put("image", 1000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        changed = []

        def other(execution, status):
            if status not in changed:
                changed.append(status)
                execution.version += 5
        self.aws.before_update = other
        self.sync(self.ini, True)
        self.assertEqual(self.aws.statuses(THING), ["IN_PROGRESS", "SUCCEEDED"])
        self.assertEqual(self.aws.refused, ["VersionMismatch", "VersionMismatch"])

    def test_a_report_that_comes_too_late_is_dropped_and_counted(self):
        self.put("image", 1000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))

        def other(execution, status):
            if status == "SUCCEEDED":
                execution.status = "TIMED_OUT"
        self.aws.before_update = other
        shown = self.sync(self.ini, True)
        self.assertEqual(self.aws.refused, ["InvalidStateTransition"])
        self.assertEqual(shown["sources"]["aws"]["rejected"], 1)
        self.sync(self.ini, True)
        self.assertEqual(self.aws.refused, ["InvalidStateTransition"])

    def test_a_job_that_is_taken_back_before_it_began_is_let_go(self):
        self.put("image", 1000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))

        def other(execution, status):
            execution.status = "CANCELED"
        self.aws.before_update = other
        shown = self.sync(self.ini, True)
        self.assertEqual(shown["releases"], [])
        self.assertEqual(self.bucket.requests(), [])

    def test_progress_is_told_while_files_come_in(self):
        self.put("image", 4_000_000)
        self.bucket.pace = 0.2  # 12 s in all
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        self.assert_whole(self.sync(self.ini, True), "1.0")
        told = [int(details["progress"]) for status, details in self.aws.of(THING) if status == "IN_PROGRESS"]
        self.assertEqual(told[0], 0)
        self.assertTrue(any(50 < percent < 100 for percent in told), told)
        self.assertLess(len(told), 4)

    def test_answers_that_are_none_are_an_error_and_nothing_more(self):
        self.put("image", 1000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        for verdict, payload in (("accepted", "{"), ("accepted", "[]"), ("accepted", "[" * 60000),
                                 ("accepted", '{"execution":{"jobId":"a/b","status":"QUEUED","versionNumber":1}}'),
                                 ("accepted", " " * 125_000), ("rejected", "x")):
            self.aws.instead = (verdict, payload)
            self.assertEqual(self.sync(self.ini, False)["releases"], [])
        self.aws.instead = None
        self.assert_whole(self.sync(self.ini, True), "1.0")

    def test_what_could_not_be_reported_is_reported_later_once(self):
        self.put("image", 1000)
        self.aws.add(THING, "job", aws_side.fota(self.bucket, "image", "1.0"))
        broker = self.broker

        def dies(execution, status):
            if status == "SUCCEEDED":
                broker.kill()
        self.aws.before_update = dies
        self.sync(self.ini, False)
        self.assertEqual(self.aws.find(THING, "job").status, "SUCCEEDED")  # it came, but no answer went back
        self.aws.close()
        executions, updates = self.aws.executions, self.aws.updates
        broker.__enter__()
        self.aws = aws_side.AwsSide(broker, self.certificates)
        self.addCleanup(self.aws.close)
        self.aws.executions = executions
        self.sync(self.ini, True)
        self.assertEqual([status for _, _, status, _ in updates], ["IN_PROGRESS", "SUCCEEDED"])
        self.assertEqual(self.aws.updates, [])


if __name__ == "__main__":
    source_rig.main()
