#!/usr/bin/python3
"""What every transport owes the agent (tests/contract/contract_test.cpp), proved on `ble` over a kernel's Bluetooth.
Runs in the virtual machine (machine.py), as root.

    ble_contract_test.py [TEST...]
"""
import os
import pathlib
import subprocess
import unittest

import l2cap
from ble_rig import Air, power, wait_for

PROGRAM = pathlib.Path(os.environ.get("FERRY_BUILD", "build/dev")) / "tests" / "contract" / "contract_test"
GATEWAY, DEVICE = 0, 1  # numbers of adapters


class Contract(unittest.TestCase):
    def setUp(self):
        air = Air(2)
        self.addCleanup(air.close)
        self.environment = {**os.environ, "FERRY_BLE_ADAPTER": f"hci{GATEWAY}", "FERRY_BLE_GATEWAY": power(GATEWAY),
                            "FERRY_BLE_DEVICE": power(DEVICE)}
        self.adapters = [l2cap.Management(number) for number in (GATEWAY, DEVICE)]
        for one in self.adapters:
            self.addCleanup(one.close)

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], env=self.environment, capture_output=True, text=True, check=False,
                              timeout=120)

    def test_every_case(self):
        listed = self.run_program("--gtest_list_tests", "--gtest_filter=*/ble_pull").stdout.splitlines()
        cases = [line.split("#")[0].strip() for line in listed if line.startswith("  ")]
        self.assertGreater(len(cases), 10)
        for case in cases:
            with self.subTest(case):
                done = self.run_program(f"--gtest_filter=*.{case}")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            # The kernel holds a link for a while after its sockets are closed; the next host is found by a new one.
            wait_for(lambda: not any(one.links() for one in self.adapters), "the link is gone")


if __name__ == "__main__":
    unittest.main(verbosity=2)
