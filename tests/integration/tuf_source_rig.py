"""What the tests of the tuf source share: a repository on a TLS server, and the probe over a store."""
import random
import shutil
import urllib.parse

import source_rig
import tuf_repository
from cloud_server import CloudServer, Fault

IMAGE = random.Random(21).randbytes((1 << 20) + 4321)
OTHER = random.Random(22).randbytes(len(IMAGE))
EVIL = b"evil" + OTHER[4:]


class TufSourceTest(source_rig.SourceTest):
    """`repository` is what its owner has; what put() wrote last is what the gateway can get."""

    def setUp(self):
        super().setUp()
        self.repository = tuf_repository.Repository()
        self.root = self.folder / "root.json"
        self.root.write_bytes(self.repository.served["1.root.json"])
        self.upstream = self.folder / "upstream"
        self.cloud = self.enterContext(CloudServer(self.upstream, self.certificates))
        self.ini = self.write_ini(self.tuf())

    def tuf(self, name="cloud", **more):
        section = {"name": name, "type": "tuf", "url": self.cloud.url + "metadata/", "root": self.root,
                   "ca_file": self.certificates.ca, "stall_timeout": "1s", **more}
        return {key: value for key, value in section.items() if value is not None}

    def release(self, version, files=None, product="meter", role="targets", artifacts=None, path=None, **more):
        """Names a release: `files` by their names, the image alone where none are given."""
        files = {f"firmware_{version}.bin": IMAGE} if files is None else files
        for name, content in files.items():
            facts = {"product": product, "version": version, "channel": "stable",
                     "artifacts": artifacts or len(files)}
            if name.endswith(".bin"):
                facts.update(role="firmware")
            else:
                facts.update(role="file", name=name, dst_path=name)
            facts.update(more)
            self.repository.add(f"{path or product}/{version}/{name}", content, role, {"ferry": facts})

    def publish(self, *roles):
        self.repository.publish_all(*(roles or ("targets",)))
        self.put()

    def put(self):
        shutil.rmtree(self.upstream, ignore_errors=True)
        for kind, files in (("metadata", self.repository.served), ("targets", self.repository.artifacts)):
            for name, content in files.items():
                # As the URL has it: this server takes names apart no further.
                file = self.upstream / kind / (name if kind == "metadata" else urllib.parse.quote(name))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)

    def asked(self, kind="metadata"):
        """The names that were asked for since this was called last."""
        names = [asked.path.removeprefix(f"/{kind}/") for asked in self.cloud.requests(kind)]
        with self.cloud.lock:
            self.cloud.asked.clear()
        return names


class Attack(TufSourceTest):
    """Version 1.0 is there from an honest repository. What the attacker wants in is 2.0."""

    def setUp(self):
        super().setUp()
        self.release("1.0")
        self.publish()
        self.sync(self.ini, True)

    def attack(self, words, held=("1.0",), ini=None):
        """One attempt as the agent makes it: nothing is accepted, and log and state say why."""
        log = self.folder / "log"
        log.write_bytes(b"")
        with source_rig.Runner(self.PROBE, ini or self.ini, log) as runner:
            def done():
                shown = runner.show()
                state = shown["sources"]["cloud"]
                return shown if state["next_attempt_in"] > 0 and not state["running"] else None
            shown = source_rig.wait_for(done, "the attempt ends", 60, 0.01)
            self.assertTrue(shown["sources"]["cloud"]["last_error"], "the attack was not noticed")
            source_rig.wait_for(lambda: words in log.read_text(), f"'{words}' in the log", interval=0.01)
        self.assertIn(words, shown["sources"]["cloud"]["last_error"])
        self.assert_whole(shown, *held)
        return shown["sources"]["cloud"]

    def misbehave(self, path, **fault):
        self.cloud.misbehave(path, Fault(**fault))

    def announce(self):
        """The owner publishes 2.0; gives the path of its image on the server."""
        self.release("2.0", {"firmware_2.0.bin": OTHER})
        self.publish()
        return "/targets/" + next(name for name in self.repository.artifacts if "firmware_2.0" in name)


main = source_rig.main
