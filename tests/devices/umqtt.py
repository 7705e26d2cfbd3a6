"""An MQTT client as modules have it: one callback, and what the callback raises ends wait_msg(). By TLS with a
certificate of its own, or plain."""
import ssl

from mqtt_wire import Connection


def tls(ca, certificate, key):
    """What a module with these files makes of them."""
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    return context


class MQTTClient:
    KEEPALIVE = 60  # seconds

    def __init__(self, client_id, server, port, user=None, password=None, context=None):
        self.client_id, self.address = client_id, (server, port)
        self.user, self.password, self.context = user, password, context
        self.callback = None
        self.retained = 0  # messages that the broker had kept
        self._connection = None

    def set_callback(self, callback):
        self.callback = callback

    def connect(self):
        self._connection = Connection(self.address, self.client_id, self.user, self.password, self.context,
                                      self.KEEPALIVE)

    def disconnect(self):
        if self._connection:
            self._connection.close()

    def subscribe(self, topic):
        self._connection.subscribe(topic, self._take)

    def publish(self, topic, payload, retain=False):
        self._connection.publish(topic, payload, retain)

    def wait_msg(self):
        self._take(self._connection.read())

    def _take(self, message):
        self.retained += message.retained
        self.callback(message.topic, message.payload)
