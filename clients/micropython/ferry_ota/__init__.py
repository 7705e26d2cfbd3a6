"""Over-the-air updates from a Ferry gateway, for MicroPython 1.20 and later; runs under CPython as well."""
from .errors import OtaError
from .ota import BROKEN, CURRENT, INSTALLED, NORMAL, OTA, REFUSED, ROLLED_BACK, TRIAL, Limits

__version__ = "0.1.0"
