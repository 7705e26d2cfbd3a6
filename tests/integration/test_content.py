"""What an artifact's hash does not tell: archives that devices must not unpack, images that they would refuse. Both
sources refuse them before anything is offered.

Usage: test_content.py SOURCE_PROBE [unittest arguments]
"""
import io
import tarfile

import source_rig
import mcuboot_image
from cloud_server import CloudServer


def archive(name="main.py", kind=tarfile.REGTYPE):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.linkname = "elsewhere" if kind == tarfile.SYMTYPE else ""
        tar.addfile(entry)
    return out.getvalue()


GOOD_IMAGE = mcuboot_image.make("1.2.3", mcuboot_image.body(5000, 1))
BAD_IMAGE = GOOD_IMAGE[:600] + bytes([GOOD_IMAGE[600] ^ 1]) + GOOD_IMAGE[601:]
GOOD = {"image": ("firmware", GOOD_IMAGE), "archive": ("archive", archive())}
BAD = {"a flipped bit": ("firmware", BAD_IMAGE, "hash"),
       "a way out": ("archive", archive("../main.py"), "is not a clean path"),
       "a link": ("archive", archive(kind=tarfile.SYMTYPE), "is a link"),
       "no archive": ("archive", b"no archive at all", "breaks off")}


class Content(source_rig.SourceTest):
    def check(self, ini, put):
        """`put(version, role, content)` gives the source a release, and `ini` reads it."""
        number = 0
        for role, content in GOOD.values():
            number += 1
            put(f"1.{number}", role, content)
        versions = [f"1.{n}" for n in range(1, number + 1)]
        self.assert_whole(self.sync(ini, True), *versions)
        for what, (role, content, why) in BAD.items():
            with self.subTest(what):
                number += 1
                put(f"1.{number}", role, content)
                shown = self.sync(ini)
                state = next(iter(shown["sources"].values()))
                self.assertIn(why, state["error"])
                self.assertIn(f"1.{number}: ", state["error"])
                self.assertGreater(state["rejected"], 0)
                told = [event["detail"] for event in shown["events"] if event["kind"] == "rejected"]
                self.assertIn(f"meter 1.{number}", [detail["what"] for detail in told])
                self.assert_whole(shown, *versions)
                self.remove(f"1.{number}")
        self.assertEqual(len(list((self.store / "packs").iterdir())), len(versions))

    def test_a_site(self):
        def put(version, role, content):
            self.site.add(version, [(role, "file", content)])
            self.site.publish()

        def remove(version):
            self.site.entries = [entry for entry in self.site.entries if entry["version"] != version]
        self.remove = remove
        with CloudServer(self.site.folder, self.certificates) as cloud:
            self.check(self.write_ini(self.https(cloud)), put)

    def test_a_folder(self):
        releases = self.folder / "releases"
        releases.mkdir()
        names = {"firmware": "firmware_{}.bin", "archive": "archive_{}.tar"}

        def remove(version):
            for name in names.values():
                (releases / name.format(version)).unlink(missing_ok=True)
        self.remove = remove
        ini = self.write_ini({"name": "stick", "type": "directory", "path": releases, "product": "meter"})
        self.check(ini, lambda version, role, content:
                   (releases / names[role].format(version)).write_bytes(content))


if __name__ == "__main__":
    source_rig.main()
