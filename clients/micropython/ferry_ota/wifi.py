"""HTTP/1.1 (RFC 9110, 9112) over a plain socket, one connection for each file, resumed by ranges; and the network
behind it where there is a `network` module to bring it up."""
import socket

from . import http
from .clock import Deadline, sleep_ms
from .errors import LinkError
from .transport import Transport

try:
    import network
except ImportError:
    network = None


class WiFi(Transport):
    """`ssid` "" leaves the network to others. `timeout`: seconds for each wait on the socket and for joining the
    network three times that. `longest`: seconds for one request; what it has not fetched by then is asked for by the
    next."""

    def __init__(self, host, port=8000, ssid="", password="", timeout=10, longest=600):
        self.host = host
        self.port = port
        self._ssid = ssid
        self._password = password
        self._timeout = timeout
        self._longest = longest
        self._station = None

    def connect(self):
        if not self._ssid or network is None:
            return
        deadline = Deadline(3000 * self._timeout)
        station, connected = _station()
        if not connected():
            _join(station, self._ssid, self._password)
        while not connected():
            deadline.check("joining the network " + self._ssid)
            sleep_ms(100)
        self._station = station

    def disconnect(self):
        station, self._station = self._station, None
        if station is None:
            return
        station.disconnect()
        if hasattr(station, "active"):
            station.active(False)
        else:
            station.deinit()

    def is_gateway(self, authority):
        return authority in ("", self._authority()) or self.port == 80 and authority == self.host

    def _authority(self):
        return "%s:%d" % (self.host, self.port)

    def open(self, name, offset, tag):
        deadline = Deadline(1000 * self._longest)
        stream = None
        try:
            kind = socket.SOCK_STREAM
            family, kind, protocol, _, address = socket.getaddrinfo(self.host, self.port, 0, kind)[0]
            stream = socket.socket(family, kind, protocol)
            stream.settimeout(self._timeout)
            stream.connect(address)
            return http.get(stream, self._authority(), name, offset, tag, deadline)
        except OSError as error:
            _close(stream)
            raise LinkError("%s: %s" % (self._authority(), error)) from None
        except BaseException:
            _close(stream)
            raise


def _close(stream):
    if stream is not None:
        stream.close()


def _station():
    """(the station, a function that says whether it is connected), of MicroPython's module or of Pycom's."""
    if hasattr(network, "STA_IF"):
        station = network.WLAN(network.STA_IF)
        station.active(True)
    else:
        station = network.WLAN(mode=network.WLAN.STA)
    return station, station.isconnected


def _join(station, ssid, password):
    try:
        if hasattr(network, "STA_IF"):
            station.connect(ssid, password)
        elif password:
            station.connect(ssid, auth=(network.WLAN.WPA2, password))
        else:
            station.connect(ssid)
    except OSError as error:
        raise LinkError("the network %s: %s" % (ssid, error)) from None
