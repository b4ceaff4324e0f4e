"""One target under atheris, libFuzzer with the coverage of our code: ``python -m tests.fuzz.engine NAME [option]...``.

atheris is not among the locked dependencies, since it has wheels for Linux on x86-64 only: ``make fuzz`` installs it
beside them.
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Does not return: libFuzzer ends the process, with 77 where it found something."""
    name, *options = sys.argv[1:]
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["gateway", "email", "mailparser"]):
        targets = importlib.import_module("tests.fuzz.targets")
    target = targets.TARGETS[name]
    atheris.Setup([sys.argv[0], *options], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
