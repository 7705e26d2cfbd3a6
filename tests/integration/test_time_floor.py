#!/usr/bin/python3
"""Clocks that are wrong, and servers whose certificates do or do not fit the true time. The real source over TLS, its
clock set by libfaketime; what it knew of the time before stands in the store."""
import datetime
import ipaddress
import os
import pathlib
import sqlite3
import time
import unittest
from unittest import mock

import source_rig  # before what it brings into reach
import cloud_server
import tuf_repository
import tuf_source_rig
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY = 86400
YEAR = 365 * DAY
NOW = int(time.time())


class Certificates:
    """A CA and a server's certificate with validities of the test's choice, in seconds since 1970."""

    def __init__(self, folder, begins=NOW - DAY, ends=NOW + YEAR, name="127.0.0.1", ca_ends=NOW + 90 * YEAR,
                 ca_name="clock CA"):
        folder.mkdir(parents=True)
        self.ca, self.certificate, self.key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ca_name)])
        ca = self.sign(issuer, ca_key.public_key(), issuer, ca_key, NOW - 30 * YEAR, ca_ends,
                       x509.BasicConstraints(ca=True, path_length=None))
        server = self.sign(x509.Name([]), key.public_key(), issuer, ca_key, begins, ends,
                           x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]))
        self.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        self.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))

    @staticmethod
    def sign(subject, public, issuer, key, begins, ends, extension):
        def moment(seconds):
            return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
                .serial_number(x509.random_serial_number()).not_valid_before(moment(begins))
                .not_valid_after(moment(ends)).add_extension(extension, critical=True).sign(key, hashes.SHA256()))


def written(seconds):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def system_clock(clock):
    """Processes that are started meanwhile have this clock: seconds since 1970, or a file and what it holds then."""
    # A sanitizer's allocator that looks at the clock for the first time while it is locked would wait for itself: the
    # library allocates then.
    fake = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                            ":verify_asan_link_order=0:allocator_release_to_os_interval_ms=-1"}
    if isinstance(clock, pathlib.Path):
        fake |= {"FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
    else:
        fake["FAKETIME"] = f"@{written(clock)}"
    return mock.patch.dict(os.environ, fake)


class Floor:
    """The floor that was kept, in the store of a test of sources."""

    def keep_floor(self, seconds):
        if not self.store.exists():
            self.make_store()
        with sqlite3.connect(self.store / "catalog.db") as database:
            database.execute("INSERT OR REPLACE INTO counter VALUES ('time_floor', ?)", (seconds * 1000,))
        database.close()

    def floor(self):
        with sqlite3.connect(self.store / "catalog.db") as database:
            row = database.execute("SELECT value FROM counter WHERE name = 'time_floor'").fetchone()
        database.close()
        return row[0] // 1000 if row else None

    def make_store(self):
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        self.sync(self.write_ini({"name": "none", "type": "directory", "path": empty, "product": "meter"}))


class ClockTest(Floor, source_rig.SourceTest):
    """The floor that was kept is NOW unless a test says otherwise: no build is younger than its test."""

    def setUp(self):
        super().setUp()
        self.publish("1.0", b"firmware" * 1000)
        self.made = 0

    def publish(self, version, image):
        self.site.add(version, [("firmware", "firmware.bin", image)])
        self.site.publish()

    def certificates_with(self, **validity):
        self.made += 1
        return Certificates(self.folder / f"tls-{self.made}", **validity)

    def sync_at(self, clock, certificates, floor=NOW, date=None, expect_ok=True, trusts=None):
        """One attempt with the system's clock at `clock`, and `Date: date` in the server's answers."""
        if floor:
            self.keep_floor(floor)
        told = NOW if date is None else date
        stamp = datetime.datetime.fromtimestamp(told, datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
        with cloud_server.CloudServer(self.site.folder, certificates) as cloud, system_clock(clock), \
                mock.patch.object(cloud_server.Handler, "date_time_string", lambda *_: stamp):
            ini = self.write_ini(self.https(cloud, ca_file=(trusts or certificates).ca))
            shown = self.sync(ini, expect_ok=expect_ok)
        return shown["sources"]["cloud"]

    def refused_at(self, clock, certificates, words, **more):
        error = self.sync_at(clock, certificates, expect_ok=False, **more)["error"]
        self.assertIn(words, error)


class Behind(ClockTest):
    """The clock reads less than the floor."""

    def test_in_1970_a_good_certificate_is_taken(self):
        self.sync_at(3, self.certificates_with())

    def test_in_1970_without_a_floor_the_build_is_one(self):
        self.make_store()
        self.sync_at(3, self.certificates_with(begins=NOW - 9 * YEAR), floor=None)

    def test_in_1970_one_that_ended_before_the_build_is_not(self):
        self.make_store()
        self.refused_at(3, self.certificates_with(begins=2 * DAY, ends=1_600_000_000), "expired", floor=None)

    def test_in_1970_one_that_ended_a_second_before_the_floor_is_not(self):
        self.refused_at(3, self.certificates_with(ends=NOW - 1), "expired")

    def test_in_1970_one_that_ends_a_minute_after_the_floor_is(self):
        self.sync_at(3, self.certificates_with(ends=NOW + 60))

    def test_one_that_begins_after_the_floor_is_taken_since_it_is_later(self):
        self.sync_at(3, self.certificates_with(begins=NOW + 20 * DAY))

    def test_a_day_early(self):
        self.sync_at(NOW - DAY, self.certificates_with(begins=NOW - 3600))

    def test_ten_years_back(self):
        self.sync_at(NOW - 10 * YEAR, self.certificates_with())

    def test_ten_years_back_an_expired_one_is_still_expired(self):
        self.refused_at(NOW - 10 * YEAR, self.certificates_with(begins=NOW - 11 * YEAR, ends=NOW - DAY), "expired")

    def test_wrong_name(self):
        self.refused_at(3, self.certificates_with(name="127.0.0.2"), "SSL")

    def test_wrong_issuer(self):
        self.refused_at(3, self.certificates_with(ca_name="other CA"), "issuer", trusts=self.certificates_with())

    def test_an_issuer_that_calls_itself_like_the_right_one(self):
        self.refused_at(3, self.certificates_with(), "OpenSSL", trusts=self.certificates_with())

    def test_an_issuer_that_has_expired(self):
        self.refused_at(3, self.certificates_with(ca_ends=NOW - 1), "expired")


class RightOrAhead(ClockTest):
    def test_at_the_right_time(self):
        self.sync_at(NOW, self.certificates_with())

    def test_expired_by_a_second(self):
        self.refused_at(NOW + DAY + 1, self.certificates_with(ends=NOW + DAY), "expired")

    def test_not_valid_yet_by_a_clock_that_is_not_behind(self):
        self.refused_at(NOW + 5, self.certificates_with(begins=NOW + DAY), "not yet valid")

    def test_on_the_day_that_32_bits_end(self):
        self.sync_at(2**31 + 5, self.certificates_with(ends=NOW + 80 * YEAR))

    def test_in_2050_and_a_certificate_of_its_time(self):
        self.sync_at(2_524_608_000 + 5, self.certificates_with(ends=NOW + 80 * YEAR))

    def test_ten_years_ahead_nothing_is_taken_and_nothing_is_locked_out(self):
        certificates = self.certificates_with()
        self.refused_at(NOW + 10 * YEAR, certificates, "expired")
        self.assertEqual(self.floor(), NOW, "the clock alone raises nothing")
        self.sync_at(NOW + 60, certificates, floor=None)


class Told(ClockTest):
    """What servers say of the time."""

    def test_raises_the_floor_and_outlives_the_process(self):
        self.sync_at(3, self.certificates_with(), date=NOW + 5 * DAY)
        self.assertEqual(self.floor(), NOW + 5 * DAY)
        self.refused_at(3, self.certificates_with(ends=NOW + 5 * DAY - 1), "expired", floor=None)

    def test_never_lowers_it(self):
        self.sync_at(3, self.certificates_with(), date=NOW - 20 * YEAR)
        self.assertEqual(self.floor(), NOW)

    def test_a_long_jump_is_capped(self):
        self.sync_at(3, self.certificates_with(), date=NOW + 300 * DAY)
        self.assertEqual(self.floor(), NOW + 30 * DAY)

    def test_a_time_after_the_end_of_the_certificate_is_no_word(self):
        self.sync_at(3, self.certificates_with(ends=NOW + 10 * DAY), date=NOW + 11 * DAY)
        self.assertEqual(self.floor(), NOW)

    def test_a_refused_server_is_not_listened_to(self):
        self.refused_at(3, self.certificates_with(name="127.0.0.2"), "SSL", date=NOW + 5 * DAY)
        self.assertEqual(self.floor(), NOW)

    def test_a_clock_that_steps_during_a_download_stops_nothing(self):
        stamp = self.folder / "clock"
        stamp.write_text("1970-01-01 00:00:05")
        self.publish("2.0", bytes(range(256)) * 4096)
        answer = cloud_server.Handler.body

        def step_and_answer(handler, asked, *rest):
            if "/artifacts/" in asked.path:
                stamp.write_text(written(NOW))
            return answer(handler, asked, *rest)
        with mock.patch.object(cloud_server.Handler, "body", step_and_answer):
            self.sync_at(stamp, self.certificates_with())
        self.assertEqual(stamp.read_text(), written(NOW), "it stepped")


class Metadata(Floor, tuf_source_rig.TufSourceTest):
    """What a repository signed, judged in 1970."""

    def setUp(self):
        super().setUp()
        self.release("1.0")

    def sync_in_1970(self, expect_ok):
        self.publish()
        self.keep_floor(NOW)
        self.ini = self.write_ini(self.tuf())
        with system_clock(3):
            return self.sync(self.ini, expect_ok)["sources"]["cloud"]

    def test_good_metadata_is_taken(self):
        self.sync_in_1970(True)

    def test_what_expired_before_the_floor_is_not(self):
        self.repository.part["timestamp"]["expires"] = tuf_repository.days(-1)
        self.assertIn("expired", self.sync_in_1970(False)["error"])


if __name__ == "__main__":
    source_rig.main()
