"""What ``leadgate check`` says of routing rules: file, line, key, and the way out."""
# ruff: noqa: E501 - a sentence stands on one line, as people read it

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.core.errors import ConfigError

ANNA = '[[manager]]\nid = "anna"\nname = "Anna"\n'
RULE = '[[routing.rule]]\nname = "new"\n'


def load(folder: Path, text: str) -> Settings:
    file = folder / "leadgate.toml"
    file.write_text(text, encoding="utf-8")
    return Settings.load(file, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{RULE}', "leadgate.toml:1: routing.rule.0.give: is missing."),
        (f'{RULE}give = "somebody"', "leadgate.toml:3: routing.rule.0.give: "),
        (f'{RULE}give = "manager"', "leadgate.toml:3: routing.rule.0.give: to is missing: give = \"manager\" needs ids of [[manager]]"),
        (f'{RULE}give = "owner"\nto = ["anna"]\n{ANNA}', "leadgate.toml:4: routing.rule.0.to: has no meaning with give = \"owner\"."),
        (f'{RULE}give = "manager"\nto = ["ana"]\n{ANNA}', "leadgate.toml:4: routing.rule.0.to.0: there is no [[manager]] with the id 'ana'. Did you mean anna?"),
        (f'{RULE}give = "manager"\nto = ["anna"]', "leadgate.toml:4: routing.rule.0.to.0: there is no [[manager]] with the id 'anna'. There is no [[manager]] at all."),
        (f'{RULE}give = "rotation"\nto = ["anna", "anna"]\n{ANNA}', "leadgate.toml:4: routing.rule.0.to: names somebody twice."),
        (f'{RULE}give = "rotation"\nto = ["anna"]\nweights = {{anna = 0}}\n{ANNA}', "leadgate.toml:5: routing.rule.0.weights: anna has 0; a weight is 1 to 100."),
        (f'{RULE}give = "rotation"\nto = ["anna"]\nweights = {{oleg = 2}}\n{ANNA}', "leadgate.toml:5: routing.rule.0.weights: 'oleg' is not in to."),
        (f'{RULE}give = "manager"\nto = ["anna"]\nmax_a_day = 5\n{ANNA}', "leadgate.toml:3: routing.rule.0.give: weights and max_a_day need give = \"rotation\"."),
        (f'{RULE}give = "owner"\nmax_open = 0', "leadgate.toml:4: routing.rule.0.max_open: must be 1 or more; leave it out for no limit."),
        (f'{RULE}give = "owner"\ncountries = ["Russia"]', "leadgate.toml:4: routing.rule.0.countries: 'Russia' is no two-letter country code."),
        (f'{RULE}give = "owner"\nprefixes = ["812"]', "leadgate.toml:4: routing.rule.0.prefixes: '812' is no beginning of a number."),
        (f'{RULE}give = "last"\nwithin_days = 0', "leadgate.toml:4: routing.rule.0.within_days: a talk may be 1 to 3650 days ago."),
        (f'{RULE}give = "owner"\nduring = "night"', "leadgate.toml:4: routing.rule.0.during: "),
        (f'{RULE}give = "owner"\nonly = ["onlin"]', "leadgate.toml:4: routing.rule.0.only.0: "),
        (f'{RULE}give = "owner"\nline = ["x"]', "leadgate.toml:4: routing.rule.0.line: unknown key. Did you mean lines?"),
        (f'{RULE}give = "owner"\n{RULE}give = "last"', "leadgate.toml:5: routing.rule.1.name: 'new' is also the name of rule.0. Rename one."),
        ('[routing]\ndefault = "anna"', "leadgate.toml:2: routing.default: unknown key."),
        ('[routing]\nonline_minutes = 0', "leadgate.toml:2: routing.online_minutes: must be 1 to 1440."),
        ('[hours]\nmon = ["09:00-18:00"]\nshorter_before_holidays = 1000', "leadgate.toml:3: hours.shorter_before_holidays: must be 0 to 720 minutes."),
    ],
)  # fmt: skip
def test_wrong_rules_are_told_with_line_and_way_out(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(said)


def test_rules_keep_the_order_of_the_file(tmp_path: Path) -> None:
    rules = "".join(f'[[routing.rule]]\nname = "{name}"\ngive = "owner"\n' for name in ("b", "a", "c"))
    settings = load(tmp_path, rules)
    assert [rule.name for rule in settings.routing.rule] == ["b", "a", "c"]
