"""A real gateway for tests: ferryd from a build folder, with a configuration and a store in a folder of its
own. Nothing here sleeps to synchronize: conditions are polled against a deadline.

The build folder comes from the environment (FERRY_BUILD), as ctest sets it."""
import contextlib
import ctypes
import glob
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

from waiting import TIME_LIMIT, scratch, wait_for  # noqa: F401 (g.scratch for the tests)

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "devices"))

def die_with_parent():
    """Runs in the child between fork and exec: it does not outlive the test, however the test ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Build:
    """Where the programs are: in a build folder, wherever its rooms put them."""

    def __init__(self, folder=None):
        self.folder = pathlib.Path(folder or os.environ.get("FERRY_BUILD", ROOT / "build" / "dev")).resolve()
        self.ferryd = self._find("agent/ferryd", "ferryd")
        self.ferryctl = self._find("ctl/ferryctl", "ferryctl")
        self.host = self._find("transports/host/ferry-transport", "transports/ferry-transport")
        self.plugins = self._find("transports/http.so", "transports/http/http.so").parent

    def _find(self, *candidates):
        for candidate in candidates:
            if (self.folder / candidate).exists():
                return self.folder / candidate
        raise FileNotFoundError(f"none of {', '.join(candidates)} in {self.folder}: build it first")

    def option(self, name):
        """A value of CMakeCache.txt, "" when it is not there."""
        for line in (self.folder / "CMakeCache.txt").read_text().splitlines():
            key, _, value = line.partition("=")
            if key.split(":")[0] == name:
                return value
        return ""

    @property
    def sanitized(self):
        return bool(self.option("FERRY_SANITIZE"))


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout=TIME_LIMIT):
        super().__init__("ferry", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway:
    """ferryd with `sections` (INI text: sources, transports, products, …) in `folder`; [gateway] and
    [storage] are written here. Ends with the `with` block. `command` goes before ferryd, to run it under
    another program."""

    def __init__(self, folder, sections, build=None, name="gw-1", store=None, command=(), log_level="info"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.build = build or Build()
        self.store = pathlib.Path(store or self.folder / "store")
        self.control = self.folder / "control"
        self.config = self.folder / "ferry.ini"
        self.log = self.folder / "ferryd.log"
        self.name = name
        self.log_level = log_level
        self.command = list(command)
        self.process = None
        self.configure(sections)

    def configure(self, sections):
        """Writes the configuration; read at the next start."""
        self.config.write_text(
            f"[gateway]\nname = {self.name}\nlog_level = {self.log_level}\ncontrol_socket = {self.control}\n"
            f"[storage]\npath = {self.store}\n" + sections)

    def arguments(self):
        return [*self.command, self.build.ferryd, "--config", self.config, "--host-program", self.build.host,
                "--plugins", self.build.plugins]

    # Its life.

    def launch(self):
        """Starts it and does not wait."""
        assert self.process is None, "it runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(a) for a in self.arguments()], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=die_with_parent)

    def start(self, limit=TIME_LIMIT):
        """Starts it and waits until every transport listens."""
        self.launch()
        wait_for(self.listening, "every transport listens", limit, 0.005)
        return self

    def listening(self):
        assert self.process.poll() is None, f"ferryd ended with {self.process.returncode}:\n{self.log_text()}"
        try:
            transports = self.status()["transports"]
        except OSError:
            return False
        return all(transport["state"] == "listening" for transport in transports)

    def stop(self):
        """Asks it to end, and gives its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """As power does: SIGKILL to the agent. Its hosts end by themselves; waits until they have."""
        hosts = self.host_pids() if self.process and self.process.poll() is None else []
        self._end(signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in hosts), "its hosts are gone", interval=0.002)

    def _end(self, number):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"ferryd did not end after signal {number}") from None
        finally:
            self.process = None
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind and self.log.exists():
            sys.stderr.write(f"\n--- {self.log}, its end ---\n{self.log_text()[-6000:]}\n")
        with contextlib.suppress(AssertionError):
            self.kill()

    # What it says.

    def ask(self, method, path, body=None, timeout=TIME_LIMIT):
        """(status, JSON) of the control socket."""
        connection = UnixConnection(self.control, timeout)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def get(self, path):
        status, value = self.ask("GET", path)
        assert status == 200, f"GET {path}: {status} {value}"
        return value

    def status(self):
        return self.get("/v1/status")

    def transport(self, name="wifi"):
        return next(t for t in self.status()["transports"] if t["name"] == name)

    def source(self, name="cloud"):
        return next(s for s in self.get("/v1/sources") if s["name"] == name)

    def releases(self):
        """{(product, version)} of all that is complete."""
        return {(r["product"], r["version"]) for r in self.get("/v1/releases") if r["complete"]}

    def wait_for_release(self, product, version, limit=TIME_LIMIT):
        wait_for(lambda: (product, version) in self.releases(), f"{product} {version} is held", limit)

    def sync(self, source=""):
        status, value = self.ask("POST", "/v1/sync", {"source": source} if source else {})
        assert status == 200, f"sync: {status} {value}"

    def port(self, name="wifi"):
        """The TCP port that an http transport listens on."""
        detail = self.transport(name)["detail"]
        return int(detail.rstrip("/").rpartition(":")[2])

    def host_pids(self):
        try:
            return [t["pid"] for t in self.status()["transports"] if t["pid"]]
        except OSError:
            return []

    def log_text(self):
        return self.log.read_text(errors="replace")

    def ctl(self, *arguments, check=True):
        """Runs ferryctl against this gateway and gives its standard output."""
        done = subprocess.run([str(self.build.ferryctl), "--socket", str(self.control), *map(str, arguments)],
                              capture_output=True, text=True, timeout=60, check=False)
        if check:
            assert done.returncode == 0, f"ferryctl {arguments}: {done.returncode}\n{done.stderr}"
        return done.stdout if check else done


def fetch(port, path, headers=None, method="GET", timeout=TIME_LIMIT, host="127.0.0.1"):
    """(status, headers, body) of one request. A body that breaks off raises http.client.IncompleteRead or
    ConnectionError."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


def cpu_seconds(pid):
    """User and system time of all threads, by the scheduler's own count (nanoseconds)."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def private_memory(pid):
    """Bytes of a process that it shares with nobody."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            if line.startswith("Private_"):
                total += int(line.split()[1]) * 1024
    return total


def write_release(folder, product_version, image, files=None):
    """Puts a release into a `directory` source: firmware_VERSION.bin and files below VERSION/. Each file
    appears whole, so that a running gateway never sees half of one."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in (files or {}).items():
        target = folder / product_version / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if image is not None:
        hidden = folder / f".firmware_{product_version}"
        hidden.write_bytes(image)
        hidden.rename(folder / f"firmware_{product_version}.bin")


def packs_of(gateway):
    return sorted(glob.glob(str(gateway.store / "packs" / "*")))
