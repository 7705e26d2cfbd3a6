"""A subscriber for tests: MQTT over TLS, every message with its retain flag, in order of arrival."""
import pathlib
import ssl
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "devices"))
from mqtt_wire import Connection  # noqa: E402


class Listener:
    """Connected and subscribed when the constructor returns."""

    def __init__(self, port, ca, user, password, topics):
        self.messages = []  # (topic, payload, retained)
        self._connection = Connection(("127.0.0.1", port), f"listener-{id(self)}", user, password,
                                      ssl.create_default_context(cafile=ca))
        for topic in topics:
            self._connection.subscribe(topic, self.heard)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def of(self, topic):
        return [payload for at, payload, _ in list(self.messages) if at == topic]

    def publish(self, topic, payload, retain=False):
        self._connection.publish(topic, payload, retain)

    def heard(self, message):
        self.messages.append((message.topic, message.payload.decode(errors="replace"), message.retained))

    def read_to_the_end(self):
        """For a broker that is gone: what it had sent is still on its way through this machine."""
        self._thread.join()

    def close(self):
        self._connection.cut()
        self._thread.join()
        self._connection.close()

    def _run(self):
        try:
            while True:
                self.heard(self._connection.read())
        except (OSError, ValueError):
            pass
