"""Debian's mosquitto as an operator would have it: TLS, passwords, an access list; on a free port."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "devices"))
from services import Service, free_port, run  # noqa: E402


def password_file(folder):
    """What a gateway shows a broker."""
    file = folder / "password"
    file.write_text("right\n")
    file.chmod(0o600)
    return file


class Mosquitto(Service):
    """`files` are those that mosquitto wants to itself."""

    def __init__(self, configuration, text, ports, files):
        self.ports = ports
        for file in files:
            file.chmod(0o600)
        configuration.write_text(("user root\n" if os.geteuid() == 0 else "") + text)
        super().__init__("mosquitto", ["mosquitto", "-c", configuration], configuration.with_suffix(".log"))

    def __enter__(self):
        super().__enter__()
        for port in self.ports:
            self.wait_for_port(port)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()


class Broker(Mosquitto):
    """Lets van-1 write and listen below ferry/van-1, `fleet` read everything and `operator` send commands; may ask
    for client certificates. `writes` are further topics of van-1's."""

    def __init__(self, folder, certificates, client_certificates=False, more="", writes=()):
        self.port = free_port()
        self.certificates = certificates
        users, access = folder / "users", folder / "access"
        run("mosquitto_passwd", "-b", "-c", users, "van-1", "right")
        run("mosquitto_passwd", "-b", users, "fleet", "reads")
        run("mosquitto_passwd", "-b", users, "operator", "says")
        access.write_text("user van-1\ntopic write ferry/van-1/#\ntopic read ferry/van-1/command\n"
                          "topic write homeassistant/#\n"
                          + "".join(f"topic write {topic}\n" for topic in writes) +
                          "user fleet\ntopic read #\n"
                          "user operator\ntopic write ferry/+/command\ntopic read ferry/+/command/reply\n")
        asks = f"cafile {certificates.ca}\nrequire_certificate true\n" if client_certificates else ""
        super().__init__(
            folder / "mosquitto.conf",
            f"listener {self.port} 127.0.0.1\ncertfile {certificates.certificate}\n"
            f"keyfile {certificates.key}\npassword_file {users}\nacl_file {access}\n"
            f"allow_anonymous false\npersistence false\n{asks}{more}", [self.port], [users, access])
