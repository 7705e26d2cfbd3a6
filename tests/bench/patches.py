#!/usr/bin/python3
"""What patches save: the second of two adjacent images, pulled over TLS from nginx into a store that holds the first,
from a signed site and from a TUF repository; beside it the same pull without patches, in turns.

Prints a Markdown table: bytes over the link over the image's size, seconds, and bytes written to the disk over the
image's size. OLD and NEW are files; without them the kernels of the two newest cloud images that apt knows are taken,
uncompressed."""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import tempfile
import time

import ingest
import services
import site_writer

KERNEL = re.compile(r"^linux-image-6\.1\.0-(\d+)-cloud-amd64 ")
LZ4_LEGACY = b"\x02\x21\x4c\x18"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def uncompressed(vmlinuz, target):
    """The kernel inside of a bzImage, whose setup header says where it lies (Documentation/arch/x86/boot.rst)."""
    content = vmlinuz.read_bytes()
    begin, length = struct.unpack_from("<II", content, 0x248)
    begin += (content[0x1f1] + 1) * 512
    payload = content[begin:begin + length]
    if not payload.startswith(LZ4_LEGACY):
        raise SystemExit(f"{vmlinuz} is not compressed with LZ4; name two files")
    # The size of the kernel stands behind the frame, which the program takes for a second one.
    done = subprocess.run(["lz4", "-d", "-c"], input=payload, capture_output=True)
    target.write_bytes(done.stdout)
    return target


def kernels(folder):
    found = subprocess.run(["apt-cache", "search", "--names-only", "linux-image-6.1.0-.*-cloud-amd64"], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    newest = sorted(int(match[1]) for match in map(KERNEL.match, found) if match)[-2:]
    made = []
    for number in newest:
        name = f"linux-image-6.1.0-{number}-cloud-amd64"
        run("apt-get", "download", "-qq", name, cwd=folder, stderr=subprocess.DEVNULL)
        [package] = folder.glob(name + "_*.deb")
        run("dpkg-deb", "-x", package, folder / name)
        [vmlinuz] = (folder / name / "boot").glob("vmlinuz-*")
        made.append(uncompressed(vmlinuz, folder / (name + ".image")))
    return made


class Upstream:
    """One site or repository, with the first image published and later the second."""

    def __init__(self, folder, build, name, certificates, trust):
        self.name, self.build, self.folder = name, build, folder / name
        self.certificates, self.trust = certificates, trust
        self.releases = self.folder / "releases"
        self.releases.mkdir(parents=True)

    def publish(self, image, version, *more):
        os.link(image, self.releases / f"firmware_{version}.bin")
        begin = time.monotonic()
        run(self.build / "ctl/ferryctl", "publish", self.releases, self.folder / "site", "--product", "meter",
            *self.trust["publish"], *more, stdout=subprocess.DEVNULL)
        return time.monotonic() - begin

    def pull(self, port, store):
        """Bytes over the link, and what measured() says."""
        ini = self.folder / "ferry.ini"
        section = self.trust["section"].format(url=f"https://127.0.0.1:{port}/{self.name}/site/", folder=self.folder)
        ini.write_text(f"[storage]\npath = {store}\n[product.meter]\n[source.cloud]\n{section}"
                       f"ca_file = {self.certificates.ca}\n")
        result = ingest.measured(self.folder, [self.build / "tests/integration/source_probe", ini, "sync",
                                               self.folder / "counter"])
        state = json.loads(result.pop("output"))["sources"]["cloud"]
        if "error" in state:
            raise SystemExit(state["error"])
        return {"link": state["fetched"], **result}


def upstreams(folder, build, certificates):
    key, public_key = site_writer.make_key(folder)
    site = {"publish": ["--key", key], "section": "type = https\nurl = {url}\npublic_key = " + public_key + "\n"}
    tuf = {"publish": ["--tuf", "--keys", folder / "keys"],
           "section": "type = tuf\nurl = {url}metadata/\nroot = {folder}/site/metadata/1.root.json\n"}
    for kind, trust in (("site", site), ("TUF", tuf)):
        for patches in (False, True):
            name = f"{kind}{'-patched' if patches else ''}"
            yield patches, Upstream(folder, build, name, certificates, trust)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="*", metavar="OLD NEW")
    parser.add_argument("--build", default="build/bench", help="build folder")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    with tempfile.TemporaryDirectory(dir=build, prefix="bench-patches-") as name:
        folder = pathlib.Path(name)
        os.chmod(folder, 0o755)
        given = [pathlib.Path(image).resolve() for image in options.images] or kernels(folder)
        images = [shutil.copy(image, folder / f"image-{number}") for number, image in enumerate(given)]
        certificates = services.Certificates(folder / "tls")
        rows, seconds = {}, 0
        with services.Nginx(folder / "nginx", folder, certificates) as cloud:
            prepared = []
            for patches, upstream in upstreams(folder, build, certificates):
                upstream.publish(images[0], "1")
                upstream.pull(cloud.port, upstream.folder / "held")
                seconds = upstream.publish(images[1], "2", *(["--patches", "1"] if patches else []))
                prepared.append(upstream)
            for _ in range(options.rounds):
                for upstream in prepared:
                    store = upstream.folder / "store"
                    shutil.rmtree(store, ignore_errors=True)
                    shutil.copytree(upstream.folder / "held", store)
                    rows.setdefault(upstream.name, []).append(upstream.pull(cloud.port, store))
        report(pathlib.Path(images[1]).stat().st_size, rows, seconds)


def report(size, rows, seconds):
    print(f"An image of {size} bytes, pulled where its predecessor is held; medians. Publishing it with patches took "
          f"{seconds:.0f} s.\n")
    print("| | bytes over the link / image | seconds | written to disk / image |\n|---|---|---|---|")
    for name, taken in rows.items():
        def median(key):
            return statistics.median(row[key] for row in taken)
        print(f"| {name} | {median('link') / size:.4f} | {median('seconds'):.2f} | {median('written') / size:.3f} |")


if __name__ == "__main__":
    main()
