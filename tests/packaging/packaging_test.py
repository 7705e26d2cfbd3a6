#!/usr/bin/python3
"""Builds the Debian packages, checks them, and runs them under a real systemd: packaging_test.py --build FOLDER."""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
# What systemd-analyze may say of the unit at most, times ten.
MOST_EXPOSURE = "22"  # of it 2 for Bluetooth: scanning takes CAP_NET_ADMIN
# What the image needs besides what the packages depend on: a device that speaks HTTP is a Python program.
IMAGE_PACKAGES = ["systemd", "systemd-sysv", "dbus", "python3", "procps"]
# The container's own filter knows nothing of these; the host process jails itself with them.
LANDLOCK_CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
UNIT = """[Unit]
Description=Test of the packages
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /packages/inside.py
StandardOutput=file:/packages/result.txt
StandardError=inherit
[Install]
WantedBy=default.target
"""

build = None


def run(*command, **options):
    """Runs a program; its output is shown when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


def package(name):
    found = [file for file in os.listdir(build) if re.fullmatch(rf"{name}_[0-9.]+_\w+\.deb", file)]
    if len(found) != 1:
        raise AssertionError(f"{build}: not exactly one package {name}: {found}")
    return os.path.join(build, found[0])


def dependencies(deb):
    """Names of the packages that `deb` depends on."""
    field = run("dpkg-deb", "-f", deb, "Depends")
    return sorted({part.split("|")[0].split("(")[0].strip() for part in field.split(",")})


def later_version(deb, folder):
    """The same package as its next version: what an upgrade brings."""
    content = os.path.join(folder, "later")
    shutil.rmtree(content, ignore_errors=True)
    run("dpkg-deb", "-R", deb, content)
    control = os.path.join(content, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    with open(control, "w", encoding="utf-8") as file:
        file.write(re.sub(r"(?m)^Version: (.*)$", r"Version: \1+later", text))
    later = os.path.join(folder, "ferryd-later.deb")
    run("dpkg-deb", "--root-owner-group", "-b", content, later)
    return later


def base_image(packages):
    """A Debian 12 with systemd and these packages, kept for the next run."""
    names = sorted(set(IMAGE_PACKAGES + packages))
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    image = os.path.join(build, f"bookworm-{key}.tar")
    if not os.path.exists(image):
        run("mmdebstrap", "--variant=apt", "--include=" + ",".join(names), "bookworm", image + ".new.tar")
        os.rename(image + ".new.tar", image)
    return image


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run(os.path.join(HERE, "build-deb.sh"), build)
        cls.ferryd = package("ferryd")
        cls.development = package("ferryd-dev")

    def test_lintian_finds_no_error_and_no_warning(self):
        changes = [file for file in os.listdir(build) if file.endswith(".changes")]
        run("lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
            os.path.join(build, changes[0]))

    def test_unit_is_confined(self):
        run("systemd-analyze", "security", "--offline=true", "--threshold=" + MOST_EXPOSURE,
            os.path.join(TREE, "debian", "ferryd.service"))

    def test_development_package_builds_the_example(self):
        root = os.path.join(build, "development")
        shutil.rmtree(root, ignore_errors=True)
        run("dpkg-deb", "-x", self.development, root)
        settings = [os.path.join(folder, "") for folder, _, files in os.walk(root) if "ferry.pc" in files]
        environment = dict(os.environ, PKG_CONFIG_LIBDIR=settings[0], PKG_CONFIG_SYSROOT_DIR=root)
        flags = run("pkg-config", "--cflags", "ferry", env=environment).split()
        examples = os.path.join(root, "usr/share/doc/ferryd-dev/examples")
        sources = [os.path.join(examples, name) for name in os.listdir(examples) if name.endswith(".cpp")]
        self.assertTrue(sources, "no example in the package")
        plugin = os.path.join(root, "example.so")
        run("g++", "-std=c++20", "-Wall", "-Werror", "-shared", "-fPIC", *flags, "-o", plugin, *sources)
        self.assertIn("ferry_transport_v1", run("nm", "-D", "--defined-only", plugin))

    def test_packages_live_through_install_update_upgrade_and_purge(self):
        root = os.path.join(build, "root")
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(root)
        run("tar", "-C", root, "--numeric-owner", "-xf", base_image(dependencies(self.ferryd)))
        inside = os.path.join(root, "packages")
        os.makedirs(inside)
        shutil.copy(self.ferryd, os.path.join(inside, "ferryd.deb"))
        shutil.copy(later_version(self.ferryd, build), inside)
        shutil.copy(os.path.join(HERE, "inside.py"), inside)
        with open(os.path.join(root, "etc/systemd/system/packaging-test.service"), "w", encoding="utf-8") as file:
            file.write(UNIT)
        run("systemctl", "--root", root, "set-default", "multi-user.target")
        run("systemctl", "--root", root, "enable", "packaging-test.service")
        done = subprocess.run(
            ["systemd-nspawn", "-q", "-D", root, "-b", "--register=no", "--keep-unit", "--private-network",
             "--system-call-filter=" + LANDLOCK_CALLS],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240,
            check=False)
        result = os.path.join(inside, "result.txt")
        text = done.stdout
        if os.path.exists(result):
            with open(result, encoding="utf-8") as file:
                text = file.read()
        self.assertEqual(done.returncode, 0, text)
        self.assertIn("purged", text)
        shutil.rmtree(root)


def main():
    global build
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder for packages and images")
    known, rest = parser.parse_known_args()
    build = os.path.abspath(known.build)
    os.makedirs(build, exist_ok=True)
    unittest.main(argv=[sys.argv[0], "-v", *rest])


main()
