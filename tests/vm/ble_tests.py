#!/usr/bin/python3
"""Everything that is tried over Bluetooth LE. Runs in the virtual machine (machine.py), as root.

    ble_tests.py [TEST...]
"""
import unittest

from ble_bluez_test import *
from ble_contract_test import *
from ble_library_test import *
from ble_other_link_test import *
from ble_pairing_test import *
from ble_pull_test import *
from ble_push_test import *

if __name__ == "__main__":
    unittest.main(verbosity=2)
