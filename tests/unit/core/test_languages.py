"""Catalogues are read as Babel reads them, and a broken one is named."""

from __future__ import annotations

from gettext import GNUTranslations
from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from gateway.core.languages import (
    LANGUAGES,
    catalogue_text,
    compile_catalogue,
    load_translations,
    read_catalogue,
    texts_for,
)

HEAD = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : "
"n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"
"""
BODY = """
# a remark
#: somewhere.py
msgid "Missed call"
msgstr "Пропущенный звонок"

msgid "one"
" line \\"of\\" two\\n"
msgstr "из двух"
" строк\\n"

msgctxt "verb"
msgid "Call"
msgstr "Позвонить"
msgid "Call"
msgstr "Звонок"

#, fuzzy
msgid "Doubtful"
msgstr "Сомнительно"

msgid "Untranslated"
msgstr ""

msgid "%(num)s call"
msgid_plural "%(num)s calls"
msgstr[0] "%(num)s звонок"
msgstr[1] "%(num)s звонка"
msgstr[2] "%(num)s звонков"
"""


def compiled(text: str) -> GNUTranslations:
    return GNUTranslations(BytesIO(compile_catalogue(read_catalogue(text))))


@pytest.mark.parametrize(
    ("message_id", "translation"),
    [
        ("Missed call", "Пропущенный звонок"),
        ('one line "of" two\n', "из двух строк\n"),
        ("Call", "Звонок"),
        ("Doubtful", "Doubtful"),
        ("Untranslated", "Untranslated"),
        ("nobody wrote this", "nobody wrote this"),
    ],
)
def test_a_message_is_given_in_the_language(message_id: str, translation: str) -> None:
    assert compiled(HEAD + BODY).gettext(message_id) == translation


def test_a_context_tells_equal_words_apart() -> None:
    assert compiled(HEAD + BODY).pgettext("verb", "Call") == "Позвонить"


@pytest.mark.parametrize(("count", "words"), [(1, "звонок"), (3, "звонка"), (11, "звонков"), (21, "звонок")])
def test_plurals_follow_the_rule_in_the_head(count: int, words: str) -> None:
    assert compiled(HEAD + BODY).ngettext("%(num)s call", "%(num)s calls", count) == f"%(num)s {words}"


@pytest.mark.parametrize("line", ["msgid Missed call", 'msgid "no end', "msgid 17"])
def test_a_line_that_is_no_text_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 of the catalogue"):
        read_catalogue(f"\n{line}\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_reads_as_babel_reads_it(language: str) -> None:
    texts = load_translations(language)
    for message in read_po(BytesIO(catalogue_text(language).encode()), locale=language):
        if not message.id:
            continue
        if isinstance(message.id, str):
            assert texts.gettext(message.id) == message.string
        else:
            forms = {texts.ngettext(message.id[0], message.id[1], count) for count in range(1, 30)}
            assert forms <= set(message.string or ())


@pytest.mark.parametrize(
    ("language", "default", "shown"),
    [("ru", "en", "Лиды"), ("en", "ru", "Leads"), (None, "ru", "Лиды"), ("de", "ru", "Лиды"), (None, "xx", "Leads")],
)
def test_a_person_reads_their_own_language_or_the_companys(language: str | None, default: str, shown: str) -> None:
    assert texts_for(language, default).gettext("Leads") == shown
