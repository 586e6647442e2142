"""docs/operating.md, from its first command to its last."""

import pathlib
import shutil
import unittest

import pages
import report

# What a box has done when it boots, or a test of its own does: the same text must stand here.
ELSEWHERE = {
    "./check --build-deps": "./check itself",
    "meson setup build --prefix=/usr/local --buildtype=release": "tests/sandbox --install",
    "meson install -C build": "tests/sandbox --install",
    "apt-get install ./supersede_*.deb": "tests/system/test_package.py",
}
CONFIGURATION = pathlib.Path("/etc/supervisor")


class Page(unittest.TestCase):
    def test_operating(self):
        # As on a host that has never had a Supervisor: Debian's package left its configuration in this box.
        shutil.rmtree(CONFIGURATION)
        pages.make_reader()
        steps = pages.read("operating.md")
        self.assertGreater(sum(isinstance(item, pages.Step) for item in steps), 40)
        missing = set(ELSEWHERE) - {item.command for item in steps if isinstance(item, pages.Step)}
        self.assertEqual(missing, set())
        pages.walk("operating.md", [item for item in steps if isinstance(item, pages.File) or item.command not in ELSEWHERE])


if __name__ == "__main__":
    report.main()
