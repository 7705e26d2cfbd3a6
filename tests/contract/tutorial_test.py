"""docs/write-a-transport.md is what it says: its C++ is loopback, it builds with the two headers alone, and
what was built keeps the contract of all transports."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "write-a-transport.md"
CONTRACT_TEST = os.environ["FERRY_CONTRACT_TEST"]
SANITIZE = os.environ.get("FERRY_SANITIZE", "")
COMPILER = os.environ["FERRY_COMPILER"]  # whose sanitizers the contract's program was built with


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.S | re.M)


class Tutorial(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferry-tutorial-"))
        self.addCleanup(shutil.rmtree, self.folder)
        # As ferryd-dev installs them, beside nothing else of the tree.
        self.headers = self.folder / "include"
        self.headers.mkdir()
        for name in ("transport.h", "transport.hpp"):
            shutil.copy(ROOT / "transports" / name, self.headers)

    def run_tool(self, *command, **options):
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=240, check=False, **options)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
        return done.stdout

    def test_its_code_is_loopback(self):
        shipped = (ROOT / "transports" / "loopback" / "loopback.cpp").read_text(encoding="utf-8")
        self.assertEqual("\n".join(blocks("cpp")), shipped,
                         "the page and transports/loopback/loopback.cpp differ")

    def test_its_code_builds_as_it_says_and_keeps_the_contract(self):
        (self.folder / "loopback.cpp").write_text("\n".join(blocks("cpp")), encoding="utf-8")
        command = blocks("sh")[0].replace("$(pkg-config --cflags ferry)", f"-I{self.headers} -Werror")
        if SANITIZE:
            command = command.replace("g++", COMPILER).replace("-shared", f"-shared -fsanitize={SANITIZE}")
        self.run_tool("sh", "-ec", command, cwd=self.folder)
        symbols = self.run_tool("nm", "-D", "--defined-only", self.folder / "loopback.so")
        self.assertIn("ferry_transport_v1", symbols)
        told = self.run_tool(CONTRACT_TEST, "--gtest_filter=*/loopback",
                             env=dict(os.environ, FERRY_PLUGINS=str(self.folder)))
        self.assertRegex(told, r"\[  PASSED  \] 1[0-9] tests")

    def test_the_header_is_plain_c(self):
        source = self.folder / "plain.c"
        source.write_text('#include "transport.h"\n'
                          "const ferry_transport *FERRY_TRANSPORT_ENTRY(const ferry_host *host);\n"
                          "static ferry_transport none;\n"
                          "const ferry_transport *FERRY_TRANSPORT_ENTRY(const ferry_host *host) {\n"
                          "  none.size = sizeof none;\n"
                          "  return host == 0 ? 0 : &none;\n"
                          "}\n", encoding="utf-8")
        self.run_tool("gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", source,
                      f"-I{self.headers}", "-o", self.folder / "plain.o")

    def test_the_adapter_needs_no_more_than_cpp17(self):
        source = self.folder / "adapter.cpp"
        source.write_text('#include "transport.hpp"\n', encoding="utf-8")
        self.run_tool("g++", "-std=c++17", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-pedantic",
                      "-c", source, f"-I{self.headers}", "-o", self.folder / "adapter.o")


if __name__ == "__main__":
    unittest.main()
