"""What a file and an environment become, and what is said when they are wrong."""
# ruff: noqa: E501 - a sentence stands on one line, as people read it

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gateway.config import Settings, find
from gateway.core.errors import ConfigError

PBX = '[[pbx]]\nname = "office"\nhost = "pbx.example.com"\nusername = "leadgate"\n'
WEBHOOK = '[[crm]]\nname = "own"\nadapter = "webhook"\n'
WEBHOOK_SECRET = "whsec_" + "c2VjcmV0" * 4

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Settings of a file with this text and these variables."""

    def load(text: str, **environ: str) -> Settings:
        file = tmp_path / "leadgate.toml"
        file.write_text(text, encoding="utf-8")
        return Settings.load(file, environ)

    return load


@pytest.fixture
def complaints(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    """What is said about them, without the folder of the file."""

    def complaints(text: str, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, **environ)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return complaints


Complaints = Callable[..., list[str]]


def test_no_file_at_all_is_a_working_configuration() -> None:
    settings = Settings.load(None, {})
    assert (settings.gateway.region, settings.gateway.timezone, settings.gateway.language) == (
        "RU",
        "Europe/Moscow",
        "ru",
    )
    assert settings.web.public == settings.web.private == "127.0.0.1:8080"
    assert settings.smtp.listen == "127.0.0.1:2525"
    assert [*settings.pbx, *settings.mailbox, *settings.crm] == []
    assert [form.key for form in settings.form] == ["site"]
    assert settings.source is None


def test_a_file_without_forms_has_no_forms(load: Load) -> None:
    assert load("").form == ()


def test_every_table_reaches_its_room(load: Load) -> None:
    settings = load(
        f"""
        [gateway]
        region = "KZ"
        [storage]
        url = "postgresql://u:pass1234@db/leads"
        [web]
        public = "127.0.0.1:8081"
        [smtp]
        recipients = ["info@example.com"]
        [retention]
        days = 30
        [log]
        level = "debug"
        [[form]]
        key = "one"
        [[form]]
        key = "two"
        {PBX}
        secret = "amp111"
        trunks = ["PJSIP/out"]
        {WEBHOOK}
        url = "https://crm.example.com/hook"
        secret = "{WEBHOOK_SECRET}"
        """
    )
    assert settings.gateway.region == "KZ"
    assert settings.storage.url == "postgresql://u:pass1234@db/leads"
    assert settings.web.public == "127.0.0.1:8081"
    assert settings.smtp.recipients == ("info@example.com",)
    assert settings.retention.days == 30
    assert settings.log.level == "debug"
    assert [form.key for form in settings.form] == ["one", "two"]
    assert (settings.pbx[0].secret, list(settings.pbx[0].trunks)) == ("amp111", ["PJSIP/out"])
    assert settings.crm[0].options == {"url": "https://crm.example.com/hook", "secret": WEBHOOK_SECRET}


WRONG: list[tuple[str, str, str]] = [
    ("an unknown table", "[gatway]", "leadgate.toml:1: gatway: unknown key. Did you mean gateway?"),
    ("an unknown key", "[web]\n\npubic = ''", "leadgate.toml:3: web.pubic: unknown key. Did you mean public?"),
    ("a key like no other", "[log]\nzzz = 1", "leadgate.toml:2: log.zzz: unknown key. Known here: level, format."),
    ("text for a number", '[retention]\ndays = "5"', 'leadgate.toml:2: retention.days: must be a whole number, not the text "5".'),
    ("a number for text", "[web]\npublic = 80", "leadgate.toml:2: web.public: must be text in quotes, not the number 80."),
    ("a number for truth", "[leads]\nopen_for_outbound = 1", "leadgate.toml:2: leads.open_for_outbound: must be true or false, not the number 1."),
    ("text for a list", '[smtp]\nrecipients = "a@b"', 'leadgate.toml:2: smtp.recipients: must be a list, not the text "a@b".'),
    ("a wrong element", '[smtp]\nrecipients = [\n"a@b.ru",\n5]', "leadgate.toml:4: smtp.recipients.1: must be text in quotes, not the number 5."),
    ("a word that is no choice", '[log]\nlevel = "warn"', 'leadgate.toml:2: log.level: must be one of "debug", "info", "warning", "error", not the text "warn". Did you mean "warning"?'),
    ("one for several", '[pbx]\nname = "x"', "leadgate.toml:1: pbx: there may be several of it: write [[pbx]], not [pbx]."),
    ("several for one", "[[log]]", "leadgate.toml:1: log: there is only one of it: write [log], not [[log]]."),
    ("a value for a table", "log = 5", "leadgate.toml:1: log: must be a table, not the number 5."),
    ("a value for tables", "pbx = 5", "leadgate.toml:1: pbx: must be a list of tables, not the number 5."),
    ("a missing secret", PBX, "leadgate.toml:1: pbx.0.secret: is missing. Set secret here (or secret_file, the name of a file that holds it), or the variable LEADGATE_PBX__0__SECRET."),
    ("a region that is none", '[gateway]\nregion = "RUS"', "leadgate.toml:2: gateway.region: 'RUS' is no two-letter country code. Write RU, KZ, DE, US, ..."),
    ("a zone that is none", '[gateway]\ntimezone = "Europe/Moskow"', "leadgate.toml:2: gateway.timezone: 'Europe/Moskow' is not known. Did you mean Europe/Moscow?"),
    ("a number out of range", "[retention]\ndays = -1", "leadgate.toml:2: retention.days: days = -1 is out of range: 0 (for ever) to 36500."),
    ("no address", '[web]\nprivate = "x"', 'leadgate.toml:2: web.private: "x" is no address to listen on: write it as "127.0.0.1:8080" or "[::1]:8080".'),
    ("a database we have not", '[storage]\nurl = "mysql://h/x"', "leadgate.toml:2: storage.url: names the database 'mysql'; Leadgate keeps its data in sqlite or postgresql."),
    ("two of one name", f'{PBX}secret = "a"\n{PBX}secret = "b"', "leadgate.toml:7: pbx.1.name: 'office' is also the name of pbx.0. Rename one."),
    ("two forms of one key", '[[form]]\nkey = "a"\n[[form]]\nkey = "a"', "leadgate.toml:4: form.1.key: 'a' is also the key of form.0. Rename one."),
    ("two listeners on one address", '[smtp]\nlisten = "127.0.0.1:8080"', "leadgate.toml:2: smtp.listen: 127.0.0.1:8080 is also the address of web.private. Choose another port."),
    ("an adapter that is none", '[[crm]]\nname = "a"\nadapter = "webhok"', "leadgate.toml:3: crm.0.adapter: can't be used: there is no CRM adapter 'webhok'; did you mean webhook?"),
    ("what an adapter misses", WEBHOOK, "leadgate.toml:1: crm.0.url: is missing."),
    ("a key that looks like our own", f'{WEBHOOK}url = "https://x.example"\nsecret = "{WEBHOOK_SECRET}"\nparalel = 3', "leadgate.toml:6: crm.0.paralel: is not known to this adapter; known are: secret, timeout, url. Did you mean parallel?"),
    ("options written out", f"{WEBHOOK}options = {{}}", "leadgate.toml:4: crm.0.options: unknown key. Known here: name, adapter, allow_private, events, parallel, per_second, alarm_minutes."),
    ("a control character in a value", '[log]\nlevel = "\\u001b[2J"', 'leadgate.toml:2: log.level: must be one of "debug", "info", "warning", "error", not the text "\\x1b[2J".'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_said_with_its_line_and_the_way_out(complaints: Complaints, text: str, sentence: str) -> None:
    assert sentence in complaints(text)


def test_all_errors_of_a_file_come_at_once_in_the_order_of_their_lines(complaints: Complaints) -> None:
    said = complaints(
        f"""\
        [gateway]
        region = "RUS"
        lang = "ru"
        [web]
        public = "abc"
        max_connections = "5"
        idle_seconds = 0
        {PBX}
        port = 99999
        """,
        LEADGATE_LOG__LEVEL="loud",
    )
    assert [line.split(": ")[:2] for line in said] == [
        ["leadgate.toml:2", "gateway.region"],
        ["leadgate.toml:3", "gateway.lang"],
        ["leadgate.toml:5", "web.public"],
        ["leadgate.toml:6", "web.max_connections"],
        ["leadgate.toml:7", "web.idle_seconds"],
        ["leadgate.toml:8", "pbx.0.secret"],
        ["LEADGATE_LOG__LEVEL", "log.level"],
    ]


def test_an_error_that_only_follows_from_another_is_not_told(complaints: Complaints) -> None:
    said = complaints('[smtp]\nlisten = "0.0.0.0:25"\nrecipients = 5')
    assert [line.split(": ")[1] for line in said] == ["smtp.recipients"]


BROKEN = [
    ("no value", "[web]\npublic =", "leadgate.toml:2: is not valid TOML: invalid value."),
    ("text without quotes", "[gateway]\nregion = RU # here", 'leadgate.toml:2: is not valid TOML: invalid value. Texts stand in quotes: region = "RU"'),
    ("a key twice", "[log]\nlevel = 'info'\nlevel = 'info'", "leadgate.toml:3: is not valid TOML: cannot overwrite a value."),
    ("a header that does not end", "[web\n", "leadgate.toml:1: is not valid TOML: expected ']' at the end of a table declaration."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_broken_toml_is_said_with_its_line(complaints: Complaints, text: str, sentence: str) -> None:
    assert complaints(text) == [sentence]


def test_a_file_that_is_no_text_is_said_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_bytes(b"[web]\npublic = '\xff'")
    with pytest.raises(ConfigError, match=r"leadgate.toml:2: is not UTF-8"):
        Settings.load(file, {})


def test_a_file_too_large_or_too_deep_is_refused_quickly(tmp_path: Path) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_text("#" * (2 << 20))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        Settings.load(file, {})
    file.write_text("x = " + "[" * 100_000)
    with pytest.raises(ConfigError, match="nested too deep"):
        Settings.load(file, {})


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file\. 'leadgate init --config .*none\.toml' writes one"):
        Settings.load(tmp_path / "none.toml", {})


def test_windows_line_ends_and_a_byte_order_mark_are_no_error(tmp_path: Path) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_bytes(b"\xef\xbb\xbf[gateway]\r\nregion = 'KZ'\r\n")
    assert Settings.load(file, {}).gateway.region == "KZ"


ENVIRONMENT: list[tuple[str, Mapping[str, str], Callable[[Settings], object], object]] = [
    ("text", {"LEADGATE_GATEWAY__REGION": "KZ"}, lambda s: s.gateway.region, "KZ"),
    ("digits that are text", {"LEADGATE_GATEWAY__DATA": "2026"}, lambda s: s.gateway.data, "2026"),
    ("a number", {"LEADGATE_RETENTION__DAYS": "30"}, lambda s: s.retention.days, 30),
    ("a fraction", {"LEADGATE_WEB__IDLE_SECONDS": "1.5"}, lambda s: s.web.idle_seconds, 1.5),
    ("truth", {"LEADGATE_LEADS__OPEN_FOR_OUTBOUND": "true"}, lambda s: s.leads.open_for_outbound, True),
    ("a list", {"LEADGATE_SMTP__RECIPIENTS": '["a@b.ru"]'}, lambda s: s.smtp.recipients, ("a@b.ru",)),
    ("a whole table", {"LEADGATE_RETENTION": '{"days": 7}'}, lambda s: s.retention.days, 7),
    ("a list of tables", {"LEADGATE_FORM": '[{"key": "a"}, {"key": "b"}]'}, lambda s: [f.key for f in s.form], ["a", "b"]),
    ("elements one by one", {"LEADGATE_FORM__1__KEY": "b", "LEADGATE_FORM__0__KEY": "a"}, lambda s: [f.key for f in s.form], ["a", "b"]),
    ("a part over the whole", {"LEADGATE_FORM": '[{"key": "a"}]', "LEADGATE_FORM__0__NAME": "A"}, lambda s: s.form[0].title, "A"),
    ("eleven elements in order", {f"LEADGATE_FORM__{n}__KEY": f"k{n}" for n in range(11)}, lambda s: s.form[10].key, "k10"),
    ("names that are not ours", {"LEADGATE_PORT": "tcp://10.0.0.1:80", "LEADGATE_SERVICE_HOST": "x"}, lambda s: s.remarks, ()),
    ("a name that nearly is", {"LEADGATE_FORMS": "[]"}, lambda s: s.remarks, ("LEADGATE_FORMS is not used. Did you mean LEADGATE_FORM?",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "look", "wanted"), [case[1:] for case in ENVIRONMENT], ids=[case[0] for case in ENVIRONMENT]
)
def test_the_environment_sets(environ: Mapping[str, str], look: Callable[[Settings], object], wanted: object) -> None:
    assert look(Settings.load(None, environ)) == wanted


def test_the_environment_wins_over_the_file_and_adds_to_its_lists(load: Load) -> None:
    settings = load(
        f'[gateway]\nregion = "KZ"\n{PBX}secret = "old"',
        LEADGATE_GATEWAY__REGION="DE",
        LEADGATE_PBX__0__SECRET="new",
        LEADGATE_PBX__1__NAME="second",
        LEADGATE_PBX__1__HOST="h",
        LEADGATE_PBX__1__USERNAME="u",
        LEADGATE_PBX__1__SECRET="s",
    )
    assert settings.gateway.region == "DE"
    assert [(pbx.name, pbx.secret) for pbx in settings.pbx] == [("office", "new"), ("second", "s")]


def test_an_adapters_own_keys_come_from_the_environment_too() -> None:
    environ = {
        "LEADGATE_CRM__0__NAME": "own",
        "LEADGATE_CRM__0__ADAPTER": "webhook",
        "LEADGATE_CRM__0__URL": "https://crm.example.com/hook",
        "LEADGATE_CRM__0__SECRET": WEBHOOK_SECRET,
        "LEADGATE_CRM__0__TIMEOUT": "5",
    }
    assert Settings.load(None, environ).crm[0].options["timeout"] == "5"  # the adapter reads numbers in text


WRONG_ENVIRONMENT = [
    ("LEADGATE_RETENTION__DAYS", "x", 'retention.days: must be a whole number, not the text "x".'),
    (
        "LEADGATE_SMTP__RECIPIENTS",
        "a@b",
        "smtp.recipients: must be a list written as JSON; this is no JSON (Expecting value at character 1).",
    ),
    ("LEADGATE_LOG", "5", "log: must be a table written as JSON; this is neither a list nor a table."),
    ("LEADGATE_FORM", "[" * 100_000, "form: must be a list written as JSON; this is nested too deep."),
    ("LEADGATE_FORM__2__KEY", "x", "form.2.key: skips a number: the next free one is 0."),
    ("LEADGATE_FORM__X__KEY", "x", "form: there may be several of it: write [[form]], not [form]."),
    ("LEADGATE_LOG__0__LEVEL", "info", "log: there is only one of it: write [log], not [[log]]."),
    ("LEADGATE_LOG__LEVEL__DEEP", "x", None),
    ("LEADGATE_PBX__0__NAME", "x", "pbx.0.host: is missing. Set host here, or the variable LEADGATE_PBX__0__HOST."),
    ("LEADGATE_STORAGEE__URL", "x", "storagee: unknown key. Did you mean storage?"),
    ("LEADGATE_WEB__PUBLICK", "x", "web.publick: unknown key. Did you mean public?"),
    ("LEADGATE_LEADS__OPEN_FOR_OUTBOUND", "yes", 'leads.open_for_outbound: must be true or false, not the text "yes".'),
]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"), WRONG_ENVIRONMENT, ids=[case[0] for case in WRONG_ENVIRONMENT]
)
def test_an_error_of_the_environment_names_the_variable(variable: str, value: str, sentence: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load(None, {variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert sentence is None or f"{variable}: {sentence}" in str(caught.value).splitlines()


def test_a_secret_comes_from_a_file_without_its_line_end(load: Load, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter22\n")
    assert load(f"{PBX}secret_file = '{secret}'").pbx[0].secret == "hunter22"
    assert load(PBX, LEADGATE_PBX__0__SECRET_FILE=str(secret)).pbx[0].secret == "hunter22"
    (tmp_path / "url").write_text("postgresql://u:p@h/d")
    assert load("", LEADGATE_STORAGE__URL_FILE=str(tmp_path / "url")).storage.url == "postgresql://u:p@h/d"
    (tmp_path / "whsec").write_text(WEBHOOK_SECRET)
    crm = load(f"{WEBHOOK}url = 'https://crm.example.com'\nsecret_file = '{tmp_path / 'whsec'}'").crm[0]
    assert crm.options["secret"] == WEBHOOK_SECRET


def test_a_secret_file_that_does_not_serve_is_named(complaints: Complaints, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 70_000)
    cases = {
        "empty": "is empty",
        "binary": "is not UTF-8",
        "large": "is larger than 64 KiB",
        "none": "can't be read: No such",
    }
    for name, words in cases.items():
        (said,) = complaints(f"{PBX}secret_file = '{tmp_path / name}'")
        assert said.startswith("leadgate.toml:5: pbx.0.secret_file: the file ")
        assert words in said
    assert complaints(f"{PBX}secret_file = 5") == [
        "leadgate.toml:5: pbx.0.secret_file: must be the name of a file, not the number 5."
    ]


def test_a_secret_and_its_file_at_once_are_one_too_many(complaints: Complaints) -> None:
    assert complaints(f"{PBX}secret = 'a'\nsecret_file = 'b'") == [
        "leadgate.toml:6: pbx.0.secret_file: secret is set too. Keep one of the two."
    ]


def test_no_error_shows_a_secret(complaints: Complaints) -> None:
    said = complaints(f"{PBX}secret = 271828\n{PBX}secret = 'hunter\\u0000'\n[[pbx]]\nsecret = ['hunter']")
    assert len(said) >= 3
    assert not any("271828" in line or "hunter" in line for line in said)


def test_the_settings_know_what_the_log_must_not_show(load: Load) -> None:
    settings = load(
        f"[storage]\nurl = 'postgresql://u:db%40pass@h/d'\n{PBX}secret = 'amp111'\n"
        f"{WEBHOOK}url = 'https://crm.example.com/rest/1/k3yk3yk3yk3y/?auth=querysecret'\nsecret = '{WEBHOOK_SECRET}'"
    )
    assert {"db%40pass", "db@pass", "amp111", WEBHOOK_SECRET, "k3yk3yk3yk3y", "querysecret"} <= settings.secrets()
    for shown in (repr(settings), str(settings)):
        assert not any(secret in shown for secret in settings.secrets())


def test_no_table_shows_its_secrets_when_it_is_printed(load: Load) -> None:
    settings = load(
        f"[storage]\nurl = 'postgresql://u:pass1234@h/d'\n{PBX}secret = 'amp111'\nagi_secret = 'agi-secret-222'\nagi_listen = ':4573'\n"
        "[[mailbox]]\nname = 'm'\nhost = 'h'\nusername = 'u'\npassword = 'mail333'\n"
        f"{WEBHOOK}url = 'https://crm.example.com'\nsecret = '{WEBHOOK_SECRET}'"
    )
    for name in settings.__struct_fields__:
        assert not any(secret in repr(getattr(settings, name)) for secret in settings.secrets()), name


def test_people_rules_and_the_dialplans_address_are_read(load: Load) -> None:
    settings = load(
        f"[[routing.rule]]\nname = 'night'\ngive = 'manager'\nto = ['anna']\nduring = 'closed'\n"
        f"[[manager]]\nid = 'anna'\nname = 'Anna'\nextensions = ['101']\nmobile = '+79261234567'\nrole = 'chief'\n"
        f"email = 'a@b.ru'\n"
        f"{PBX}secret = 's'\nagi_listen = '127.0.0.1:4573'\nagi_secret = 'a-random-word'"
    )
    assert [rule.name for rule in settings.routing.rule] == ["night"]


def test_without_rules_the_owner_and_the_last_talk_decide() -> None:
    assert [rule.give for rule in Settings.load(None, {}).routing.rule] == ["owner", "last"]


def test_the_data_folder_of_the_command_line_wins(load: Load, tmp_path: Path) -> None:
    settings = load("[gateway]\ndata = '/configured'")
    assert settings.data == Path("/configured")
    assert settings.with_data(None).data == Path("/configured")
    assert settings.with_data(str(tmp_path)).data == tmp_path
    assert settings.with_data("x").data.is_absolute()


def test_the_region_of_the_command_line_wins_and_is_checked() -> None:
    settings = Settings.load(None, {})
    assert settings.with_region(None).gateway.region == "RU"
    assert settings.with_region("KZ").gateway.region == "KZ"
    with pytest.raises(ConfigError, match="--region: region 'XX' is no two-letter"):
        settings.with_region("XX")


def test_the_file_is_the_named_one_else_the_one_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find("other.toml") == Path("other.toml")
    assert find(None) in (None, Path("/etc/leadgate/leadgate.toml"))
    (tmp_path / "leadgate.toml").touch()
    assert find(None) == Path("leadgate.toml")
