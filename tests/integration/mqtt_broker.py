"""Debian's mosquitto as an operator would have it: TLS, passwords, an access list; on a free port."""
import os

from services import Service, free_port, run


class Broker(Service):
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
        for file in (users, access):
            file.chmod(0o600)
        asks = f"cafile {certificates.ca}\nrequire_certificate true\n" if client_certificates else ""
        owner = "user root\n" if os.geteuid() == 0 else ""
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\ncertfile {certificates.certificate}\n"
            f"keyfile {certificates.key}\npassword_file {users}\nacl_file {access}\n"
            f"allow_anonymous false\npersistence false\n{asks}{owner}{more}")
        super().__init__("mosquitto", ["mosquitto", "-c", configuration], folder / "mosquitto.log")

    def __enter__(self):
        super().__enter__()
        self.wait_for_port(self.port)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
