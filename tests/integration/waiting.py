"""What every test here shares: it waits for conditions, never for a time, and its files are gone after it."""
import pathlib
import tempfile
import time

TIME_LIMIT = 60.0  # seconds; what takes longer is a failure even on a busy machine, under a sanitizer


def wait_for(condition, what, limit=TIME_LIMIT, interval=0.02):
    """Polls `condition` until it gives something true, which is returned."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {limit:.0f} s still not: {what}")
        time.sleep(interval)


def scratch(test, where=None):
    """A folder that is gone after the test."""
    folder = tempfile.TemporaryDirectory(prefix="ferry-", dir=where)
    test.addCleanup(folder.cleanup)
    return pathlib.Path(folder.name)
