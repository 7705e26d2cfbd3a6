"""Whether all of it is true: what devices run, where both links went on, what broker and ferryctl were told."""
import json

from screen import size
from stage import ADDRESSES

MOST_FETCHED_AGAIN = 1 << 20
# TLS, headers, index and documents, and what was on its way when the link was cut.
ON_THE_WIRE_BESIDES = 256 << 10


def newest(deliveries):
    """{product: its newest delivery}, of a list that has the newest first."""
    found = {}
    for delivery in deliveries:
        found.setdefault(delivery["product"], delivery)
    return found


class Verdict:
    def __init__(self, stage, devices):
        self.stage = stage
        self.devices = devices
        self.deliveries = newest(json.loads(stage.gateway.ctl("--json", "deliveries")))
        self.claims = [self.images(), self.cloud_link(), self.meter_link(), self.broker(), self.told()]
        self.good = all(good for good, _ in self.claims)

    def images(self):
        right = [device.name for device in self.devices if device.up_to_date()]
        files = self.tracker_files_right()
        text = f"{len(right)} of {len(self.devices)} devices run their new release, with the published bytes"
        if not files:
            text += "; the tracker's files are not those of its release"
        return len(right) == len(self.devices) and files, text

    def tracker_files_right(self):
        tracker = next(device for device in self.devices if device.name == "tracker")
        release = self.stage.stick / tracker.new_version
        return all((tracker.state / path.relative_to(release)).read_bytes() == path.read_bytes()
                   for path in release.rglob("*") if path.is_file())

    def cloud_link(self):
        link, published = self.stage.cloud_link, sum(self.stage.published)
        starts = [start for _, start in self.stage.nginx.ranges()]
        again = link.down_bytes - published
        fetched = self.stage.gateway.source("cloud")["bytes_fetched"] - published
        good = (link.cuts == 1 and len(starts) == 1 and 0 <= fetched <= MOST_FETCHED_AGAIN
                and again <= MOST_FETCHED_AGAIN + ON_THE_WIRE_BESIDES)
        where = size(starts[0]) if starts else "nowhere"
        return good, (f"the cloud's link was cut once; the pull went on at {where} of its file, and "
                      f"{size(fetched)} were fetched again (at most 1 MiB)")

    def meter_link(self):
        link = self.stage.meter_link
        twice = link.asked_twice()
        rounds = -(-len(self.stage.images["meter"]) // 512)
        good = link.proxy.cuts == 1 and twice == [link.half] and len(link.blocks) == rounds + 1
        asked = ", ".join(map(str, twice)) or "none"
        return good, (f"the meter's link was cut once, at block {link.half} of {rounds}; it went on there: blocks "
                      f"asked for twice: {asked}")

    def broker(self):
        listener = self.stage.listener
        counts = {kind: listener.count(kind) for kind in ("fetched", "verified", "delivered", "installed")}
        good = (counts["fetched"] >= 5 and counts["verified"] >= 5 and counts["delivered"] >= 3
                and listener.count("installed", "tracker") > 0)
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        return good, f"the broker was told: {told} ({len(listener.topics)} topics)"

    def told(self):
        states = {product: self.deliveries.get(product, {}).get("state", "nothing") for product in ADDRESSES}
        good = all(state in ("transferred", "installed") for state in states.values())
        return good, "ferryctl deliveries says: " + ", ".join(f"{name} {state}" for name, state in states.items())

    def link_of(self, device):
        if device.name != "meter":
            return "steady"
        return f"cut at block {self.stage.meter_link.half}, went on there"

    def show(self, screen):
        screen.line()
        rows = [(device.name, device.kind, f"{device.old_version} → {device.new_version}",
                 f"{'right' if device.up_to_date() else 'WRONG'} {device.runs()[:12]}…", self.link_of(device),
                 self.deliveries.get(device.name, {}).get("state", "nothing"))
                for device in self.devices]
        screen.table(("device", "kind", "version", "image sha256", "its link", "the gateway says"), rows)
        screen.line()
        for good, text in self.claims:
            screen.verdict(good, text)
