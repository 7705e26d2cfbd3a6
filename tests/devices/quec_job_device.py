"""A QuecPython module that runs the OTA script of its maker's guide: it asks for jobs of AWS IoT over MQTT once when it
starts, downloads what the job says by HTTP, restarts, and says that it succeeded when the job comes again with the
version that it runs. It subscribes to jobs/notify and jobs/get/accepted alone, knows its jobs as jobfota and jobappota,
and whatever comes there without `execution` costs it its connection."""
import http.client
import json
import pathlib
import threading
import time
import urllib.parse

from umqtt import MQTTClient


class Restart(Exception):
    """The module restarts."""


class QuecJobDevice:
    """`state` holds usr/ (what it runs; usr/a.py and firmware say their version in their first line) and fota/.
    `connect` gives an MQTTClient for a thing's name."""

    PAUSE = 0.05  # seconds; the script's is 5

    def __init__(self, thing, state, connect, fail_downloads=0):
        self.thing, self.state, self.connect = thing, pathlib.Path(state), connect
        self.fail_downloads = fail_downloads
        self.boots = self.reconnects = self.downloads = self.asked = 0
        self.said = []  # (job, status)
        self.heard = []  # (topic, message)
        self._off = threading.Event()
        self._client = None
        self._thread = None
        for folder in ("usr", "fota"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)

    @staticmethod
    def version_in(file):
        return file.read_bytes().split(b"\n", 1)[0].decode() if file.exists() else "1.0"

    @property
    def firmware_version(self):
        return self.version_in(self.state / "usr" / "firmware")

    @property
    def app_version(self):
        return self.version_in(self.state / "usr" / "a.py")

    def power_on(self):
        self._off.clear()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        return self

    def power_off(self):
        self._off.set()
        if self._client:
            self._client.disconnect()
        if self._thread:
            self._thread.join()

    def _live(self):
        while not self._off.is_set():
            try:
                self._run()
            except Restart:
                self._client.disconnect()
            except OSError:
                time.sleep(self.PAUSE)

    # aws_ota_test.py from here on.

    def _run(self):
        self.boots += 1
        self._client = self.connect(self.thing)
        self._client.set_callback(self._event)
        self._client.connect()
        self._subscribe()
        asking = threading.Thread(target=self._ask, daemon=True)
        asking.start()
        while not self._off.is_set():
            try:
                self._client.wait_msg()
            except KeyError:
                self._reconnect()
            except OSError:
                if self._off.is_set():
                    return
                time.sleep(self.PAUSE)
                self._reconnect()

    def _reconnect(self):
        self.reconnects += 1
        self._client.disconnect()
        self._client.connect()
        self._subscribe()

    def _subscribe(self):
        self._client.subscribe(f"$aws/things/{self.thing}/jobs/notify")
        self._client.subscribe(f"$aws/things/{self.thing}/jobs/get/accepted")

    def _ask(self):
        try:
            for name in ("get", "jobfota/get", "jobappota/get"):
                time.sleep(self.PAUSE)
                self._publish(name, {"key": 0})
                self.asked += 1
        except OSError:
            pass

    def _publish(self, name, message):
        self._client.publish(f"$aws/things/{self.thing}/jobs/{name}", json.dumps(message))

    def _say(self, job, status, **details):
        self.said.append((job, status))
        self._publish(f"{job}/update", {"status": status, "statusDetails": details})

    def _event(self, topic, data):
        message = json.loads(data.decode())
        self.heard.append((topic, message))
        operation = message["execution"]["jobDocument"][0]["operation"]
        files = message["execution"]["jobDocument"][0]["files"]
        version = files[0]["fileVersion"]
        job, running = {"FOTA": ("jobfota", self.firmware_version),
                        "app_fota": ("jobappota", self.app_version)}[operation]
        if version == running:
            self._say(job, "SUCCEEDED", operation="install", state="package installed and started")
        elif operation == "FOTA":
            self._fota(job, files[0])
        else:
            self._app_fota(job, files)

    def _fota(self, job, file):
        try:
            data = self._download(file["fileSource"]["url"], lambda percent: self._say(
                job, "IN_PROGRESS", progress=percent, step="downloading"))
        except (OSError, http.client.HTTPException):
            self._say(job, "FAILED", progress=100)
            return
        (self.state / "usr" / "firmware").write_bytes(data)
        raise Restart

    def _app_fota(self, job, files):
        try:
            got = {file["fileName"]: self._download(file["fileSource"]["url"]) for file in files}
        except (OSError, http.client.HTTPException):
            self._say(job, "FAILED", progress=100)
            return
        self._say(job, "IN_PROGRESS", progress=100, step="downloading")
        for name, data in got.items():
            (self.state / "usr" / pathlib.PurePath(name).name).write_bytes(data)
        raise Restart

    def _download(self, url, progress=lambda percent: None):
        self.downloads += 1
        if self.fail_downloads:
            self.fail_downloads -= 1
            raise OSError("no room")
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        try:
            connection.request("GET", parts.path, headers={"Range": "bytes=0-"})
            answer = connection.getresponse()
            if answer.status not in (200, 206):
                raise OSError(f"status {answer.status}")
            data, whole = b"", int(answer.headers["Content-Length"])
            progress(0)
            while len(data) < whole:
                data += answer.read(65536)
            progress(100)
            return data
        finally:
            connection.close()
