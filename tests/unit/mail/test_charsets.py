"""Text is read rightly whatever the label says."""

from __future__ import annotations

import base64

import pytest

from gateway.mail.parse.charsets import codec_of, decode, guess_charset
from gateway.mail.parse.words import decode_words
from tests.unit.mail.letters import letter_bytes, read

RUSSIAN = "Здравствуйте! Подскажите, пожалуйста, сколько стоит доставка до Казани?"
CHINESE = "请问这个产品多少钱？谢谢。"
JAPANESE = "見積もりをお願いします。"
CYRILLIC = ("cp1251", "koi8-r", "cp866", "iso8859-5")


@pytest.mark.parametrize("charset", [*CYRILLIC, "utf-8", "mac-cyrillic", "utf-16"])
def test_russian_is_read_by_its_label(charset: str) -> None:
    letter = read(letter_bytes(RUSSIAN, charset=charset, label=charset))
    assert letter.text.replace("\r", "").strip() == RUSSIAN


@pytest.mark.parametrize("charset", CYRILLIC)
@pytest.mark.parametrize("label", [None, "us-ascii", "unknown-8bit", "no-such-charset", "utf-8", "iso-8859-1"])
def test_russian_with_a_missing_or_wrong_label_is_rescued_and_named(charset: str, label: str | None) -> None:
    letter = read(letter_bytes(RUSSIAN, charset=charset, label=label))
    assert letter.text == RUSSIAN
    assert any(charset in problem for problem in letter.problems)


@pytest.mark.parametrize(("charset", "label"), [(a, b) for a in CYRILLIC for b in CYRILLIC if a != b])
def test_one_russian_charset_under_the_name_of_another_is_seen_through(charset: str, label: str) -> None:
    assert read(letter_bytes(RUSSIAN, charset=charset, label=label)).text == RUSSIAN


def test_utf8_under_the_name_of_windows_1251_is_utf8() -> None:
    letter = read(letter_bytes(RUSSIAN, charset="utf-8", label="windows-1251"))
    assert letter.text == RUSSIAN
    assert letter.problems == ("The text was labelled 'windows-1251' but was read as utf-8.",)


@pytest.mark.parametrize(
    ("text", "charset", "label"),
    [
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gb18030", "gb2312"),
        (CHINESE, "gbk", "x-gbk"),
        ("報價請回覆", "big5", "big5"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (JAPANESE, "shift_jis", "Shift_JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        ("견적 부탁드립니다", "cp949", "ks_c_5601-1987"),
        (RUSSIAN, "utf-7", "utf-7"),
        (RUSSIAN, "utf-7", "unicode-1-1-utf-7"),
        ("Größe 5 €", "cp1252", "iso-8859-1"),
        ("Cena ušla", "iso8859-2", "iso-8859-2"),
    ],
)
def test_other_charsets_are_read_by_their_usual_names(text: str, charset: str, label: str) -> None:
    assert read(letter_bytes(text, charset=charset, label=label)).text == text


def test_iso_2022_jp_without_a_label_is_recognised_by_its_escapes() -> None:
    letter = read(letter_bytes(JAPANESE, charset="iso2022_jp", label=None))
    assert letter.text == JAPANESE
    assert "iso-2022-jp" in letter.problems[0]


@pytest.mark.parametrize("text", ["Formação já", "Nicolas Fouché", "café", "Grüße aus Köln"])
def test_accents_among_ascii_letters_are_western_not_russian(text: str) -> None:
    assert decode(text.encode("cp1252"), None).text == text


@pytest.mark.parametrize(
    "phrase", ["Добрый день", "Цена?", "ЗАЯВКА НА РАСЧЁТ", "Перезвоните мне", "Нужен счёт №5", "окна"]
)
@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "cp866"])
def test_short_russian_phrases_are_enough_for_the_score(phrase: str, charset: str) -> None:
    assert guess_charset(phrase.encode(charset, "replace")) == charset


@pytest.mark.parametrize(
    "name", ["zlib", "rot13", "base64", "hex", "bz2", "idna", "punycode", "no-such", "", None, "a\0b", "é"]
)
def test_codecs_that_make_no_text_and_unknown_names_are_refused(name: str | None) -> None:
    assert codec_of(name) is None
    assert decode("день".encode(), name).text == "день"


def test_a_utf8_text_with_a_few_broken_bytes_stays_utf8() -> None:
    broken = (RUSSIAN + "\n").encode() * 3 + b"\xd0"
    assert decode(broken, "utf-8").text.startswith(RUSSIAN)
    assert decode(broken, "utf-8").problem == "Some bytes of the text were not valid utf-8."


def test_a_byte_order_mark_tells_utf16_and_utf8() -> None:
    assert decode("день".encode("utf-16"), "cp1251").text == "день"
    assert decode("день".encode("utf-8-sig"), None).text == "день"


def test_bytes_that_the_declared_charset_does_not_have_are_named() -> None:
    assert decode(b"\xa4\xa2 \xff\xff", "euc-jp").problem == "Some bytes of the text were not valid euc-jp."


def test_lone_surrogates_spelt_in_utf7_do_not_come_through() -> None:
    assert decode(b"+2AA-", "utf-7").text.encode("utf-8")


def _word(text: str, charset: str, encoding: str = "b") -> str:
    data = text.encode(charset)
    coded = base64.b64encode(data).decode() if encoding == "b" else "".join(f"={byte:02X}" for byte in data)
    return f"=?{charset}?{encoding}?{coded}?="


@pytest.mark.parametrize("charset", [*CYRILLIC, "utf-8"])
@pytest.mark.parametrize("encoding", ["b", "q"])
def test_encoded_words_are_decoded(charset: str, encoding: str) -> None:
    assert decode_words(f"Re: {_word('Заявка с сайта', charset, encoding)} 5") == "Re: Заявка с сайта 5"


def test_a_character_cut_between_two_encoded_words_is_whole_again() -> None:
    data = "Привет".encode()
    words = [f"=?UTF-8?B?{base64.b64encode(piece).decode()}?=" for piece in (data[:5], data[5:])]
    assert decode_words(" ".join(words)) == "Привет"


def test_space_between_encoded_words_is_dropped_and_beside_plain_text_kept() -> None:
    assert decode_words(f"{_word('а', 'utf-8')} {_word('б', 'koi8-r')} c") == "аб c"


@pytest.mark.parametrize("value", ["=?", "=?utf-8?x?abc?=", "=?utf-8?b?", "a =?b", "=?UTF-8?B?nnDusSNdG92w6Fuw?="])
def test_what_is_no_encoded_word_stays_as_it_is(value: str) -> None:
    assert decode_words(value) == value


def test_encoded_words_beyond_the_limit_stay_encoded() -> None:
    assert decode_words(" ".join([_word("а", "utf-8")] * 5), limit=2) == "аа" + f" {_word('а', 'utf-8')}" * 3


@pytest.mark.parametrize("charset", CYRILLIC)
def test_raw_eight_bit_subject_and_name_are_repaired(charset: str) -> None:
    raw = letter_bytes("x", subject="SUBJECT", **{"from": "NAME <a@b.ru>"})
    raw = raw.replace(b"SUBJECT", "Заявка на окна".encode(charset)).replace(b"NAME", "Пётр Сергеев".encode(charset))
    letter = read(raw)
    assert letter.subject == "Заявка на окна"
    assert letter.from_ is not None
    assert letter.from_.name == "Пётр Сергеев"
    assert "Subject was sent in raw 8-bit characters." in letter.problems


def test_raw_utf8_headers_are_no_problem() -> None:
    letter = read(letter_bytes("x", subject="Заявка"))
    assert letter.subject == "Заявка"
    assert letter.problems == ()
