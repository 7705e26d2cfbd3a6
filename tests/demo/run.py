#!/usr/bin/python3
"""Ferry at work, without hardware: a cloud, a broker, a gateway and three emulated devices, all real programs on the
loopback. The cloud's link and one device's link are cut half way.

    run.py --build BUILD_FOLDER [--once]

Stays up afterwards until Ctrl-C; with --once it ends, with status 0 exactly when every device runs its new release,
both links were taken up again where they were cut, and broker and ferryctl were told so."""
import argparse
import pathlib
import signal
import sys
import tempfile
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "devices")]

from fleet import Fleet  # noqa: E402
from screen import Screen, size  # noqa: E402
from services import DemoError  # noqa: E402
from stage import ADDRESSES, Stage  # noqa: E402
from verdict import Verdict, newest  # noqa: E402

DOWN = 2.0           # seconds that each link stays cut
TIME_LIMIT = 120.0   # seconds for the whole story
LOOK = 0.1           # seconds between two looks at how far things have come


class Story:
    """What happens, in order."""

    def __init__(self, stage, screen):
        self.stage = stage
        self.screen = screen
        self.deadline = time.monotonic() + TIME_LIMIT
        self.timers = []
        self.meter_cut = threading.Event()
        self.told = set()

    def play(self):
        screen, stage = self.screen, self.stage
        total = stage.publish()
        screen.say("cloud", f"lock 1.0.0, lock 2.0.0 and meter 3.2.0 are published and signed: {size(total)}")
        stage.start_services(self.broker_hears)
        screen.say("cloud", f"nginx serves them over TLS; its link carries 1 MiB/s and will be cut at {size(total // 2)}")
        screen.say("broker", "mosquitto listens, with TLS and password")
        stage.cloud_link.cut_after(total // 2, self.cloud_is_cut)
        stage.start_gateway()
        screen.say("gateway", f"ferryd runs; devices find it at 127.0.0.1:{stage.gateway.port()}; a folder with "
                   "tracker 1.0.0 and 1.1.0 is its second source")
        stage.start_meter_link(self.meter_is_cut)
        devices = stage.devices()
        with Fleet(devices, screen) as fleet:
            for device in devices:
                screen.say(device.name, f"runs {device.old_version}, speaks as {device.kind} devices do, "
                           "comes into reach")
                near = stage.meter_link.address if device.name == "meter" else f"127.0.0.1:{stage.gateway.port()}"
                fleet.start(device, near)
            self.watch(devices)
        for timer in self.timers:
            timer.join()
        return devices

    def later(self, action):
        timer = threading.Timer(DOWN, action)
        timer.daemon = True
        self.timers.append(timer)
        timer.start()

    def broker_hears(self, event):
        if event["kind"] in ("delivered", "installed"):
            detail = event["detail"]
            self.screen.say("broker", f"hears of event {event['sequence']}: {detail['product']} {detail['version']} "
                            f"{event['kind']}")

    def cloud_is_cut(self):
        self.screen.trouble("CUT", f"the cloud's link is gone after {size(self.stage.cloud_link.down_bytes)}")

        def back():
            self.screen.good("BACK", "the cloud's link is there again")
            self.stage.cloud_link.restore()
        self.later(back)

    def meter_is_cut(self):
        link = self.stage.meter_link
        self.screen.trouble("CUT", f"the meter drives out of reach in the middle of block {link.half}")
        self.meter_cut.set()

        def back():
            self.screen.good("BACK", "the meter is in reach again")
            link.proxy.restore()
        self.later(back)

    def watch(self, devices):
        """Shows how far sources and devices are, until every device is done and everybody was told."""
        while time.monotonic() < self.deadline:
            self.look_at_cloud()
            self.look_at_deliveries()
            self.look_at_link()
            if all(device.finished.is_set() for device in devices) and self.everybody_told():
                return
            time.sleep(LOOK)
        self.screen.trouble("demo", f"not done after {TIME_LIMIT:.0f} s")

    def look_at_cloud(self):
        source = self.stage.gateway.source("cloud")
        fetching = source["fetching"]
        if fetching and fetching["bytes_total"]:
            self.screen.moves("gateway", fetching["release"], fetching["bytes_done"], fetching["bytes_total"])
        for release in self.stage.gateway.get("/v1/releases"):
            name = f"{release['product']} {release['version']}"
            if release["complete"] and name not in self.told:
                self.told.add(name)
                self.screen.moves("gateway", name, 1, 1)
                self.screen.say("gateway", f"holds {name}, verified: {size(release['size'])} from {release['source']}")

    def look_at_link(self):
        for path, start in self.stage.nginx.ranges():
            if (path, start) not in self.told:
                self.told.add((path, start))
                self.screen.good("gateway", f"goes on with the file at {size(start)}, instead of at its beginning")

    def look_at_deliveries(self):
        for product, delivery in newest(self.stage.gateway.get("/v1/deliveries")).items():
            done, total = delivery["bytes_done"], delivery["bytes_total"]
            if delivery["state"] != "transferring":
                done = total
            # An offer of what the device runs already moves nothing.
            if done > 0:
                self.screen.moves(product, delivery["version"], done, total)

    def everybody_told(self):
        """Broker and delivery rows come a moment after the bytes."""
        states = {product: d["state"] for product, d in newest(self.stage.gateway.get("/v1/deliveries")).items()}
        return (all(states.get(product) in ("transferred", "installed") for product in ADDRESSES)
                and states["tracker"] == "installed"
                and all(self.stage.listener.count("delivered", product) for product in ADDRESSES)
                and self.stage.listener.count("installed", "tracker") > 0)


def look_around(stage, screen):
    """The commands for whoever wants to see more."""
    ctl = f"{stage.build.ferryctl} --socket {stage.gateway.control}"
    screen.line()
    screen.headline("Everything still runs. In another terminal:")
    for command in ("status", "releases", "devices", "deliveries", "watch"):
        screen.line(f"  {ctl} {command}")
    words = " ".join(str(word) for word in stage.broker.client_arguments())
    screen.line(f"  mosquitto_sub {words} -t 'ferry/#' -v")
    screen.line(f"  curl http://127.0.0.1:{stage.gateway.port()}/manifest.json?current_ver=1.0.0")
    screen.line(f"  tail -f {stage.gateway.log}")
    screen.line("Ctrl-C ends it and removes everything.")
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="build folder with ferryd, ferryctl and the plugins")
    parser.add_argument("--once", action="store_true", help="end when all is done")
    options = parser.parse_args()
    # So that a polite end cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    screen = Screen()
    try:
        with tempfile.TemporaryDirectory(prefix="ferry-demo-") as folder, Stage(folder, options.build) as stage:
            screen.headline("Ferry: cloud → gateway → devices. Both links are cut half way, nothing is lost.")
            screen.line(f"The firmware is U-Boot, from Debian's u-boot-qemu. Everything lies in {folder}\n")
            devices = Story(stage, screen).play()
            verdict = Verdict(stage, devices)
            verdict.show(screen)
            if not options.once:
                look_around(stage, screen)
            return 0 if verdict.good else 1
    except (DemoError, FileNotFoundError) as error:
        screen.trouble("demo", str(error))
    except KeyboardInterrupt:
        screen.line()
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
