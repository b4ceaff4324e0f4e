"""``make security``: each semgrep rule finds what ``.semgrep/leadgate.py`` says it must, and nothing that is fine.

A rule that finds nothing any more (a new semgrep, a typing mistake) would otherwise look like clean code.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

RULES = Path(".semgrep/leadgate.yml")
EXAMPLES = Path(".semgrep/leadgate.py")
_MARK = re.compile(r"#\s*(ruleid|ok): (\S+)")
_RULE = re.compile(r"^  - id: (\S+)$\n    languages: \[(\w+)\]", re.MULTILINE)


def expected() -> dict[tuple[str, int], bool]:
    """Rule and line -> whether it must be found there: the line behind each mark."""
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    marks = ((number, _MARK.search(line)) for number, line in enumerate(lines, start=1))
    return {(mark[2], number + 1): mark[1] == "ruleid" for number, mark in marks if mark}


def found(semgrep: str) -> set[tuple[str, int]]:
    """What semgrep finds in the examples."""
    command = [semgrep, "scan", "--experimental", "--config", str(RULES), "--json", "--quiet", "--metrics", "off",
               "--disable-version-check", "--no-git-ignore", str(EXAMPLES)]  # fmt: skip
    told = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return {(one["check_id"].rpartition(".")[2], one["start"]["line"]) for one in told["results"]}


def main() -> int:
    """1 where a rule finds too little or too much, or has no example."""
    wanted, got = expected(), found(sys.argv[1])
    missed = [place for place, must in wanted.items() if must and place not in got]
    wrong = [f"{rule}: not found in line {line}" for rule, line in missed]
    wrong += [f"{rule}: found in line {line}, which is fine" for rule, line in got if wanted.get((rule, line)) is False]
    python = {name for name, language in _RULE.findall(RULES.read_text(encoding="utf-8")) if language == "python"}
    proven = {rule for (rule, _), must in wanted.items() if must}
    wrong += [f"{rule}: has no example" for rule in sorted(python - proven)]
    print("\n".join(wrong) or f"{len(wanted)} examples, each as it must be")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
