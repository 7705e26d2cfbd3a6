"""What stands in the cloud, for real: certificates by openssl, Debian's nginx over TLS, Debian's mosquitto with
TLS and password. Everything lies in one folder and listens on free ports of the loopback."""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

# Services live in /usr/sbin, which is not on every user's path.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class DemoError(Exception):
    """What keeps the demonstration from going on, in words for the person who started it."""


def run(*command, **options):
    """Runs a program to its end and gives what it printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": PATH}, **options)
    if done.returncode != 0:
        raise DemoError(f"{pathlib.Path(command[0]).name} {command[1]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Service:
    """A program in the background, its output in a file. Ends with the `with` block."""

    def __init__(self, name, command, log, stdout=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.log = pathlib.Path(log)
        self.stdout = stdout
        self.process = None

    def __enter__(self):
        if shutil.which(self.command[0], path=PATH + ":/") is None and not os.path.exists(self.command[0]):
            raise DemoError(f"{self.command[0]} is missing: ./dev run installs what it needs")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.stdout or log,
                                            stderr=log, env={**os.environ, "PATH": PATH}, text=True,
                                            start_new_session=True, preexec_fn=die_with_parent)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_for_port(self, port):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise DemoError(f"{self.name} ended at once:\n{self.log.read_text()[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise DemoError(f"{self.name} does not listen on port {port}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Certificates:
    """A CA of our own, and one certificate for 127.0.0.1 that nginx and mosquitto share."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        self.ca = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        ca_key, request, extensions = folder / "ca.key", folder / "server.csr", folder / "server.ext"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        run("openssl", "req", "-x509", *curve, "-keyout", ca_key, "-out", self.ca, "-days", "30",
            "-subj", "/CN=Ferry sample CA")
        run("openssl", "req", *curve, "-keyout", self.key, "-out", request, "-subj", "/CN=127.0.0.1")
        extensions.write_text("subjectAltName = IP:127.0.0.1, DNS:localhost\nextendedKeyUsage = serverAuth\n")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial",
            "-out", self.certificate, "-days", "30", "-extfile", extensions)


class Nginx(Service):
    """Serves `site`, over TLS when there are certificates. Its access log says which ranges were asked for."""

    def __init__(self, folder, site, certificates=None, http2=False):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        self.port = free_port()
        self.access_log = folder / "access.log"
        temporary = "\n".join(f"  {kind}_temp_path {folder}/{kind};"
                              for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        tls = f"ssl_certificate {certificates.certificate}; ssl_certificate_key {certificates.key};" if certificates else ""
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(f"""\
daemon off;
# One process: it cannot leave a worker behind.
master_process off;
{user}
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
{temporary}
  types {{ application/json json; application/octet-stream bin; }}
  default_type application/octet-stream;
  log_format asked '$request_method $uri $status "$http_range" $body_bytes_sent $server_protocol $connection';
  access_log {self.access_log} asked;
  server {{
    listen 127.0.0.1:{self.port}{" ssl" if certificates else ""}{" http2" if http2 else ""};
    {tls}
    root {site};
  }}
}}
""")
        super().__init__("nginx", ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"],
                         folder / "nginx.log")

    def __enter__(self):
        super().__enter__()
        self.wait_for_port(self.port)
        return self

    def ranges(self):
        """(path, first byte) of every request that went on in the middle of a file."""
        asked = []
        for line in self.access_log.read_text().splitlines():
            _, path, status, wanted, *_ = line.split()
            start = wanted.strip('"').removeprefix("bytes=").partition("-")[0]
            if status == "206" and start.isdigit() and int(start) > 0:
                asked.append((path, int(start)))
        return asked


class Mosquitto(Service):
    """A broker that lets in whoever has the password, over TLS alone."""

    def __init__(self, folder, certificates, user, password):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        self.port = free_port()
        self.ca, self.user, self.password = certificates.ca, user, password
        self.password_file = folder / "gateway.password"  # what the gateway reads
        self.password_file.touch(0o600)
        self.password_file.write_text(password + "\n")
        run("mosquitto_passwd", "-b", "-c", folder / "users", user, password)
        owner = "user root" if os.geteuid() == 0 else ""
        (folder / "mosquitto.conf").write_text(f"""\
listener {self.port} 127.0.0.1
certfile {certificates.certificate}
keyfile {certificates.key}
password_file {folder}/users
allow_anonymous false
persistence false
log_type error
log_type warning
{owner}
""")
        super().__init__("mosquitto", ["mosquitto", "-c", folder / "mosquitto.conf"], folder / "mosquitto.log")

    def __enter__(self):
        super().__enter__()
        self.wait_for_port(self.port)
        return self

    def client_arguments(self):
        """What mosquitto's own clients need to reach it."""
        return ["-h", "127.0.0.1", "-p", self.port, "--cafile", self.ca, "-u", self.user, "-P", self.password]
