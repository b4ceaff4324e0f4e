"""What ``leadgate check`` says of working hours: file, line, key, and the way out."""
# ruff: noqa: E501 - a sentence stands on one line, as people read it

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.core.errors import ConfigError

WEEK = '[hours]\nmon = ["09:00-18:00"]\n'


def load(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "leadgate.toml"
    file.write_text(text, encoding="utf-8")
    return Settings.load(file, environ)


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{WEEK}tues = ["09:00-18:00"]', "leadgate.toml:3: hours.tues: unknown key. Did you mean tue?"),
        ('[hours]\nmon = "09:00-18:00"', 'leadgate.toml:2: hours.mon: must be a list, not the text "09:00-18:00".'),
        ('[hours]\nmon = ["9-18"]', "leadgate.toml:2: hours.mon: '9-18' are no hours. Write them as 09:00-18:00."),
        (f'{WEEK}\ncountry = "ZZ"', "leadgate.toml:4: hours.country: 'ZZ' has no known public holidays. Write two letters as RU, KZ, DE."),
        (f'{WEEK}country = "DE"\nsubdivision = "BYY"', "leadgate.toml:4: hours.subdivision: 'BYY' is not one of DE. Did you mean BY?"),
        (f'{WEEK}subdivision = "BY"', "leadgate.toml:3: hours.subdivision: says nothing without its country. Set country too."),
        (f'{WEEK}timezone = "Moscow"', "leadgate.toml:3: hours.timezone: 'Moscow' is not known. Did you mean Europe/Moscow?"),
        (f'{WEEK}[hours.exception]\ndate = 2026-01-01\nclosed = true', "leadgate.toml:3: hours.exception: there may be several of it: write [[exception]], not [exception]."),
        (f'{WEEK}[[hours.exception]]\ndate = 2026-01-01\n', "leadgate.toml:3: hours.exception.0.closed: is missing. Set closed = true, or hours = [\"09:00-15:00\"]."),
        (f'{WEEK}[[hours.exception]]\ndate = 2026-01-01\nto = 2026-01-02\nclosed = true', "leadgate.toml:4: hours.exception.0.date: is set beside from and to. Keep one of the two."),
        (f'{WEEK}[[hours.exception]]\ndate = 2026-01-01\nclosed = true\nhours = ["09:00-10:00"]', "leadgate.toml:5: hours.exception.0.closed: closed = true, but hours are set too. Keep one of the two."),
        (f'{WEEK}[[hours.exception]]\ndate = "tomorrow"\nclosed = true\n', "leadgate.toml:4: hours.exception.0.date: "),
        (f'{WEEK}[[hours.exception]]\nfrom = 2026-01-05\nto = 2026-01-01\nclosed = true\n', "leadgate.toml:5: hours.exception.0.to: is 2026-01-01, before from, 2026-01-05. Exchange them."),
        (f'{WEEK}[[hours.exception]]\ndate = 2026-01-01\nhours = ["9"]\n', "leadgate.toml:5: hours.exception.0.hours: '9' are no hours. Write them as 09:00-18:00."),
        (f'{WEEK}[[hours.exception]]\ndate = 2026-01-01\nclosed = true\nschedules = ["suport"]\n[[hours.schedule]]\nname = "support"', "leadgate.toml:6: hours.exception.0.schedules.0: there is no schedule 'suport'. Did you mean support?"),
        (f'{WEEK}[[hours.schedule]]\nname = "company"', "leadgate.toml:4: hours.schedule.0.name: 'company' is none for a department (company is [hours] itself). Choose another."),
        (f'{WEEK}[[hours.schedule]]\nname = "a"\n[[hours.schedule]]\nname = "a"', "leadgate.toml:6: hours.schedule.1.name: 'a' is also the name of schedule.0. Rename one."),
        (f'{WEEK}[[hours.schedule]]\nname = "a"\nlines = ["+74951234567"]\n[[hours.schedule]]\nname = "b"\nlines = ["x", "8 495 123-45-67"]', "leadgate.toml:8: hours.schedule.1.lines.1: '8 495 123-45-67' keeps the hours of 'a' already. Remove it from one of the two."),
        ('[[manager]]\nid = "a"\nname = "A"\nhours = "support"', "leadgate.toml:4: manager.0.hours: there is no schedule 'support'. There is no [hours] at all."),
        (f'{WEEK}[[manager]]\nid = "a"\nname = "A"\nhours = "support"', "leadgate.toml:6: manager.0.hours: there is no schedule 'support'. There are: company."),
        ("[hours]", "leadgate.toml:1: hours: no day is given, so nobody would ever work. Write mon = [\"09:00-18:00\"] and so on."),
    ],
)  # fmt: skip
def test_wrong_hours_are_told_with_line_and_way_out(tmp_path: Path, text: str, said: str) -> None:
    lines = complaints(tmp_path, text)
    assert len(lines) == 1, lines
    assert lines[0].startswith(said)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = '[hours]\nmon = ["9"]\ntue = ["10"]\n[[hours.exception]]\nclosed = true\n'
    keys = [line.split(": ")[1] for line in complaints(tmp_path, text)]
    assert keys == ["hours.mon", "hours.tue", "hours.exception.0"]


def test_a_manager_keeps_the_hours_of_the_company_or_of_a_department(tmp_path: Path) -> None:
    people = "".join(f'[[manager]]\nid = "{name}"\nname = "A"\nhours = "{name}"\n' for name in ("company", "support"))
    settings = load(tmp_path, f'{WEEK}[[hours.schedule]]\nname = "support"\n{people}')
    assert [person.hours for person in settings.manager] == ["company", "support"]


def test_exceptions_are_read_as_dates(tmp_path: Path) -> None:
    settings = load(tmp_path, f"{WEEK}[[hours.exception]]\nfrom = 2026-12-31\nto = 2027-01-10\nclosed = true")
    assert settings.hours is not None
    [exception] = settings.hours.exception
    assert (exception.first, exception.last) == (date(2026, 12, 31), date(2027, 1, 10))
    assert exception.covers("company", date(2027, 1, 10))


def test_hours_come_from_the_environment_too(tmp_path: Path) -> None:
    exception = '[{"date": "2026-12-30", "hours": ["09:00-15:00"]}]'
    settings = load(
        tmp_path, "", LEADGATE_HOURS__MON='["09:00-18:00"]', LEADGATE_HOURS__EXCEPTION=exception,
        LEADGATE_HOURS__COUNTRY="RU",
    )  # fmt: skip
    assert settings.hours is not None
    assert settings.hours.given() == {"mon": ("09:00-18:00",)}
    assert settings.hours.exception[0].date == date(2026, 12, 30)


def test_without_the_table_there_are_no_hours(tmp_path: Path) -> None:
    assert load(tmp_path, "").hours is None
