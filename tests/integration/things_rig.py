"""A whole gateway with a broker of its own, as docs/mqtt-devices.md tells an operator to set it up: things come by TLS
with certificates that name them, the gateway plainly by the loopback, and an access list keeps them apart."""
import json
import pathlib
import random
import sys
import tempfile
import threading
import unittest

import aws_side
import gateway as g
from mqtt_broker import Mosquitto, password_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "devices"))
from quec_job_device import QuecJobDevice  # noqa: E402
from services import Certificates, free_port, run  # noqa: E402
from umqtt import MQTTClient, tls  # noqa: E402

THINGS = ("QuecPython_OTA", "meter-12", "meter-13")
ACCESS = """user ferry
topic read $aws/things/+/jobs/get
topic read $aws/things/+/jobs/start-next
topic read $aws/things/+/jobs/+/get
topic read $aws/things/+/jobs/+/update
topic read $aws/things/+/streams/+/describe/+
topic read $aws/things/+/streams/+/get/+
topic write $aws/things/+/jobs/#
topic write $aws/things/+/streams/#
"""
THING_ACCESS = """pattern write $aws/things/%u/jobs/get
pattern write $aws/things/%u/jobs/start-next
pattern write $aws/things/%u/jobs/+/get
pattern write $aws/things/%u/jobs/+/update
pattern read $aws/things/%u/jobs/#
pattern write $aws/things/%u/streams/+/describe/+
pattern write $aws/things/%u/streams/+/get/+
pattern read $aws/things/%u/streams/#
"""
SECTIONS = """[transport.wifi]
plugin = http
listen = 127.0.0.1:{http}
[transport.broker]
plugin = mqtt
broker = 127.0.0.1:{port}
user = ferry
password_file = {password}
url = http://127.0.0.1:{http}
product = tracker
[product.tracker]
dialect = quecpython
device_id = path
{more}
"""


class OwnBroker(Mosquitto):
    """`port` for the gateway, `thing_port` for things."""

    def __init__(self, folder, certificates):
        self.port, self.thing_port = free_port(), free_port()
        users, access, thing_access = folder / "users", folder / "access", folder / "thing-access"
        run("mosquitto_passwd", "-b", "-c", users, "ferry", "right")
        access.write_text(ACCESS)
        thing_access.write_text(THING_ACCESS)
        super().__init__(
            folder / "own-mosquitto.conf",
            f"per_listener_settings true\npersistence true\npersistence_location {folder}/\n"
            f"queue_qos0_messages true\n"
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {users}\nacl_file {access}\n"
            f"listener {self.thing_port} 127.0.0.1\ncertfile {certificates.certificate}\n"
            f"keyfile {certificates.key}\ncafile {certificates.ca}\nrequire_certificate true\n"
            f"use_identity_as_username true\nallow_anonymous false\nacl_file {thing_access}\n",
            [self.port, self.thing_port], [users, access, thing_access])


class Things(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        folder = pathlib.Path(holder.name)
        cls.certificates = Certificates(folder / "certificates")
        cls.things = {thing: aws_side.thing_certificate(folder / "things", cls.certificates, thing)
                      for thing in THINGS}

    def setUp(self):
        self.folder = g.scratch(self)
        self.password = password_file(self.folder)
        self.broker = OwnBroker(self.folder, self.certificates)
        self.broker.__enter__()
        self.addCleanup(self.broker.stop)
        self.http = free_port()
        self.gateway = g.Gateway(self.folder / "gw", "")
        self.addCleanup(self.gateway.__exit__, None)

    def configure(self, more="", sources=None):
        stick = f"[source.stick]\ntype = directory\npath = {self.folder}/releases\nproduct = tracker\n"
        self.gateway.configure((stick if sources is None else sources) + SECTIONS.format(
            http=self.http, port=self.broker.port, password=self.password, more=more))

    def start(self, more="", sources=None):
        self.configure(more, sources)
        self.gateway.start()

    def release(self, version, size=300_000):
        """An image that says its version, in the folder of the source."""
        image = f"{version}\n".encode() + random.Random(version).randbytes(size)
        g.write_release(self.folder / "releases", version, image)
        return image

    def client(self, thing, client_id=""):
        certificate, key = self.things[thing]
        return MQTTClient(client_id or thing, "127.0.0.1", self.broker.thing_port,
                          context=tls(self.certificates.ca, certificate, key))

    def device(self, thing="QuecPython_OTA", **options):
        device = QuecJobDevice(thing, self.folder / f"state-{thing}", self.client, **options)
        self.addCleanup(device.power_off)
        return device

    def asking(self, thing="QuecPython_OTA"):
        asking = Asking(self.client(thing, f"{thing}-asking-{id(self)}"), thing)
        self.addCleanup(asking.close)
        return asking

    def operator(self):
        """Who may write where the gateway does."""
        operator = MQTTClient("operator", "127.0.0.1", self.broker.port, "ferry", "right")
        operator.connect()
        self.addCleanup(operator.disconnect)
        return operator

    def deliveries(self, device="QuecPython_OTA"):
        return [d for d in self.gateway.get("/v1/deliveries") if d["device"] == device]

    def states(self, device="QuecPython_OTA"):
        return [d["state"] for d in self.deliveries(device)]

    def wait_for_state(self, state, device="QuecPython_OTA"):
        g.wait_for(lambda: state in self.states(device), f"a delivery to {device} is {state}")


class Asking:
    """A thing that is told by AWS's own library: it listens to all of its topics and asks with a token."""

    def __init__(self, client, thing):
        self.thing, self.client = thing, client
        self.heard = []
        self.asked = 0
        client.set_callback(lambda topic, data: self.heard.append((topic.split("/jobs/", 1)[1], data)))
        client.connect()
        client.subscribe(f"$aws/things/{thing}/jobs/#")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while True:
                self.client.wait_msg()
        except (OSError, ValueError):
            pass

    def close(self):
        self.client.disconnect()
        self._thread.join()

    def publish(self, path, payload, retain=False):
        self.client.publish(f"$aws/things/{self.thing}/jobs/{path}", payload, retain)

    def ask(self, path, **question):
        """(verdict, answer) of a question."""
        self.asked += 1
        token = f"token-{self.asked}"
        self.publish(path, json.dumps({"clientToken": token, **question}))

        def answer():
            for at, data in list(self.heard):
                if at in (f"{path}/accepted", f"{path}/rejected") and json.loads(data).get("clientToken") == token:
                    return at.rpartition("/")[2], json.loads(data)
            return None
        return g.wait_for(answer, f"{path} is answered")

    def told(self, path):
        return [json.loads(data) for at, data in list(self.heard) if at == path]
