"""The cloud of AWS IoT Jobs as it shows itself to a thing: executions and their states over a real mosquitto, and a
bucket whose URLs are signed and expire. Written from the documentation of AWS, not from Ferry."""
import json
import pathlib
import sys
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "devices"))
import cloud_server  # noqa: E402
from mqtt_broker import Mosquitto  # noqa: E402
from mqtt_listener import Listener  # noqa: E402
from services import free_port, run  # noqa: E402

FINAL = {"SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "REMOVED", "CANCELED"}


def thing_certificate(folder, certificates, thing):
    """(certificate, key) by which a thing is known."""
    folder.mkdir(exist_ok=True)
    key, request, certificate = folder / f"{thing}.key", folder / f"{thing}.csr", folder / f"{thing}.pem"
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
        "-out", request, "-subj", f"/CN={thing}")
    run("openssl", "x509", "-req", "-in", request, "-CA", certificates.ca, "-CAkey",
        certificates.ca.parent / "ca.key", "-CAcreateserial", "-out", certificate, "-days", "30")
    return certificate, key


class AwsBroker(Mosquitto):
    """`port` for things, who need certificates and may use the topics of jobs alone; `side_port` for the cloud."""

    def __init__(self, folder, certificates):
        self.port, self.side_port = free_port(), free_port()
        access = folder / "aws-access"
        access.write_text("pattern readwrite $aws/things/+/jobs/#\n")
        own = f"certfile {certificates.certificate}\nkeyfile {certificates.key}\n"
        super().__init__(
            folder / "aws-mosquitto.conf",
            f"per_listener_settings true\npersistence false\n"
            f"listener {self.port} 127.0.0.1\n{own}cafile {certificates.ca}\nrequire_certificate true\n"
            f"use_identity_as_username true\nallow_anonymous false\nacl_file {access}\n"
            f"listener {self.side_port} 127.0.0.1\n{own}allow_anonymous true\n",
            [self.side_port], [access])


class Bucket(cloud_server.CloudServer):
    """Objects below `site`. A URL is good until expire()."""

    def __init__(self, site, certificates):
        super().__init__(site, certificates)
        self.refusal = 403  # 400 where the signer's own token has expired
        self._signed = 0
        self._expired = 0

    def sign(self, path):
        with self.lock:
            self._signed += 1
            return f"{self.url}{path}?X-Amz-Expires=3600&X-Amz-Signature={self._signed}"

    def expire(self):
        """All that was signed so far is too old."""
        with self.lock:
            self._expired = self._signed

    def take_fault(self, path):
        signature = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query).get("X-Amz-Signature", ["0"])[0]
        if int(signature) <= self._expired:
            return cloud_server.Fault(status=self.refusal)
        return super().take_fault(path)

    def content(self, path):
        return super().content(urllib.parse.urlsplit(path).path)


class Execution:
    """One job for one thing."""

    def __init__(self, thing, job, document):
        self.thing, self.job, self.document = thing, job, document
        self.status, self.details, self.version = "QUEUED", {}, 1

    def state(self):
        return {"status": self.status, "statusDetails": self.details, "versionNumber": self.version}


class AwsSide(Listener):
    """Answers what things ask. `document` of a job is a function that makes it anew, with URLs signed for whoever
    asks now."""

    def __init__(self, broker, certificates):
        self.executions = []
        self.updates = []  # (thing, job, status, details) of all that were accepted, in order
        self.refused = []  # codes
        self.before_update = lambda execution, status: None  # others change jobs as well
        self.instead = None  # of the next answers: (accepted or rejected, payload)
        self.lock = threading.RLock()
        super().__init__(broker.side_port, certificates.ca, "aws", "-", ["$aws/things/+/jobs/#"])

    def of(self, thing, job=None):
        with self.lock:
            return [(status, details) for at, its, status, details in self.updates
                    if at == thing and job in (None, its)]

    def statuses(self, thing, job=None):
        """Without repetition: progress may be told often."""
        told = [status for status, _ in self.of(thing, job)]
        return [status for i, status in enumerate(told) if i == 0 or told[i - 1] != status]

    def add(self, thing, job, document):
        with self.lock:
            first = self.next(thing) is None
            self.executions.append(Execution(thing, job, document))
            if first:
                self.notify_next(thing)

    def cancel(self, thing, job):
        with self.lock:
            self.find(thing, job).status = "CANCELED"
            self.notify_next(thing)

    def find(self, thing, job):
        with self.lock:
            return next((e for e in self.executions if e.thing == thing and e.job == job), None)

    def next(self, thing):
        pending = [e for e in self.executions if e.thing == thing and e.status not in FINAL]
        return next((e for e in pending if e.status == "IN_PROGRESS"), pending[0] if pending else None)

    def describe(self, execution, with_document=True):
        shown = {"jobId": execution.job, "thingName": execution.thing, "queuedAt": 1, "lastUpdatedAt": 1,
                 "executionNumber": 1, **execution.state()}
        if with_document:
            shown["jobDocument"] = execution.document()
        return shown

    def notify_next(self, thing):
        following = self.next(thing)
        self.publish(f"$aws/things/{thing}/jobs/notify-next",
                     json.dumps({"timestamp": 1, **({"execution": self.describe(following)} if following else {})}))

    def heard(self, message):
        topic = message.topic
        parts = topic.split("/")
        thing, rest = parts[2], parts[4:]
        if rest[-1] not in ("get", "update"):
            return
        with self.lock:
            if self.instead:
                self.publish(f"{topic}/{self.instead[0]}", self.instead[1])
                return
            question = json.loads(message.payload)
            token = question.get("clientToken")
            answer = self.answer(thing, rest, question)
            verdict = "rejected" if "code" in answer else "accepted"
            if "code" in answer:
                self.refused.append(answer["code"])
            self.publish(f"{topic}/{verdict}", json.dumps({"timestamp": 1, "clientToken": token, **answer}))
            if rest[-1] == "update" and verdict == "accepted" and question["status"] in FINAL:
                self.notify_next(thing)

    def answer(self, thing, rest, question):
        if rest == ["get"]:
            return {"inProgressJobs": [], "queuedJobs": []}
        execution = self.next(thing) if rest[0] == "$next" else self.find(thing, rest[0])
        if rest[0] == "$next":
            return {"execution": self.describe(execution)} if execution else {}
        if execution is None:
            return {"code": "ResourceNotFound", "message": "no such job"}
        if rest[1] == "get":
            if execution.status in FINAL:
                return {"code": "TerminalStateReached", "message": "it has ended"}
            return {"execution": self.describe(execution, question.get("includeJobDocument", False))}
        return self.update(execution, question)

    def update(self, execution, question):
        self.before_update(execution, question["status"])
        state = {"executionState": execution.state()}
        details = question.get("statusDetails", {})
        if not all(isinstance(v, str) and 0 < len(v) <= 1024 for v in details.values()):
            return {"code": "InvalidRequest", "message": "statusDetails takes texts alone"}
        if execution.status in FINAL:
            return {"code": "InvalidStateTransition", "message": f"it is {execution.status}", **state}
        if question.get("expectedVersion") != execution.version:
            return {"code": "VersionMismatch", "message": f"it is {execution.version}", **state}
        execution.status, execution.details = question["status"], details
        execution.version += 1
        self.updates.append((execution.thing, execution.job, execution.status, details))
        return {"executionState": execution.state()} if question.get("includeJobExecutionState") else {}


def fota(bucket, path, version, name=None):
    """A job with one image; the document is signed whenever it is asked for."""
    return lambda: [{"operation": "FOTA", "files": [
        {"fileName": name or path, "fileVersion": version, "fileSource": {"url": bucket.sign(path)}}]}]


def app_fota(bucket, paths, version):
    """A job with files: {name on the device: path in the bucket}."""
    return lambda: [{"operation": "app_fota", "files": [
        {"fileName": name, "fileVersion": version, "fileSource": {"url": bucket.sign(path)}}
        for name, path in paths.items()]}]
