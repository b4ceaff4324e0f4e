"""Any format, any charset, any size: answers in order, and never an exception."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.webforms.body import MAX_FIELDS, Body, parameter, path_of, read_body
from gateway.webforms.multipart import safe_name
from gateway.webforms.text import MAX_VALUE, clean, decode_all, known_charset, storable
from tests.unit.webforms.reading import JSON, URLENCODED, multipart, urlencoded


def flat(body: Body) -> dict[str, str]:
    return {".".join(path): value for path, value in body.pairs}


@pytest.mark.parametrize(
    ("raw", "content_type", "expected"),
    [
        (b"a=1&b=2", URLENCODED, {"a": "1", "b": "2"}),
        (b"a=1+%2B+1&%D0%98=%D0%B8", URLENCODED, {"a": "1 + 1", "И": "и"}),
        (b"a&b=&c=1&&=x", URLENCODED, {"c": "1", "": "x"}),
        (b"a=1=2", URLENCODED, {"a": "1=2"}),
        (b"a=%zz%4", URLENCODED, {"a": "%zz%4"}),
        (b"form[id]=7&fields[x][value]=v", URLENCODED, {"form.id": "7", "fields.x.value": "v"}),
        (b"s[]=one&t=x&s[]=two", URLENCODED, {"s": "one, two", "t": "x"}),
        (b"a=1&a=2", URLENCODED, {"a": "2"}),
        (b"a=\x00b%00c", URLENCODED, {"a": "bc"}),
        (b'{"a": 1, "b": {"c": "x"}}', URLENCODED, {"a": "1", "b.c": "x"}),
        (b"a=1", JSON, {"a": "1"}),
        (b"a=1&b=2", "", {"a": "1", "b": "2"}),
        (b"a=1&b=2", "text/plain;charset=UTF-8", {"a": "1", "b": "2"}),
        (b'{"a": 1}', "text/plain;charset=UTF-8", {"a": "1"}),
        (b'\xef\xbb\xbf{"a": 1}', JSON, {"a": "1"}),
        (b'{"a": NaN, "b": "\\ud800x"}', JSON, {"a": "nan", "b": "?x"}),
        (b'{"\\ud800\\u0000k": "v\\u0000"}', JSON, {"?k": "v"}),
        (b'[{"a": 1}]', JSON, {"a": "1"}),
        (b'[{"a": 1}, {"a": 2}]', JSON, {"0.a": "1", "1.a": "2"}),
        (b'{"a": ["x", 1, null, true]}', JSON, {"a": "x, 1, true"}),
        (b'{"phone": 79261234567, "f": 79261234567.0, "g": 1.5}', JSON,
         {"phone": "79261234567", "f": "79261234567", "g": "1.5"}),
        (b'{"answers": [{"q": "How many?", "a": 5}, {"q": "When?", "a": ["now", "later"]}]}', JSON,
         {"How many?": "5", "When?": "now, later"}),
        (b'[{"name": "Phone", "value": "+7"}]', JSON, {"Phone": "+7"}),
        (b'"just words"', JSON, {"text": "just words"}),
        (b'{"a": null, "b": "", "c": {}, "d": []}', JSON, {}),
    ],
)  # fmt: skip
def test_body_is_taken_apart(raw: bytes, content_type: str, expected: dict[str, str]) -> None:
    assert flat(read_body(raw, content_type)) == expected


def test_order_of_answers_is_kept_and_a_repeated_name_is_not_lost() -> None:
    body = read_body(b"z=1&a=2&z=3", URLENCODED)
    assert body.pairs == ((("z",), "1"), (("a",), "2"), (("z",), "3"))


@pytest.mark.parametrize(
    ("name", "path"),
    [("a", ("a",)), ("a[b]", ("a", "b")), ("a[b][c]", ("a", "b", "c")), ("a[]", ("a",)), ("[b]", ("[b]",)),
     ("a[b", ("a[b",)), ("a[b]c[d]", ("a", "b", "d")), ("", ("",)), ("a" + "[x]" * 10_000, ("a", *["x"] * 32))],
)  # fmt: skip
def test_brackets_are_a_path(name: str, path: tuple[str, ...]) -> None:
    assert path_of(name) == path


@pytest.mark.parametrize(
    ("charset", "declared"),
    [("utf-8", None), ("utf-8", "koi8-r"), ("cp1251", None), ("cp1251", "windows-1251"), ("cp1251", "no-such-charset"),
     ("cp1251", "ascii"),
     ("koi8-r", "koi8-r"), ("cp1251", "zlib")],
)  # fmt: skip
def test_russian_in_any_charset_is_read(charset: str, declared: str | None) -> None:
    content_type = URLENCODED + (f"; charset={declared}" if declared else "")
    body = read_body(urlencoded(("Имя", "Иван Петров"), ("Сообщение", "Сколько стоит?"), charset=charset), content_type)
    assert flat(body) == {"Имя": "Иван Петров", "Сообщение": "Сколько стоит?"}


def test_the_hidden_charset_field_of_a_browser_is_believed() -> None:
    raw = urlencoded(("_charset_", "koi8-r"), ("name", "Иван"), charset="koi8-r")
    assert flat(read_body(raw, URLENCODED))["name"] == "Иван"


def test_bytes_that_are_no_text_are_shown_as_far_as_possible() -> None:
    body = read_body(b"name=Ann\xa9\xae\xb1&phone=123", URLENCODED)
    assert flat(body) == {"name": "Ann\ufffd\ufffd\ufffd", "phone": "123"}
    assert body.problems == ("Some characters could not be read: no UTF-8.",)


def test_multipart_gives_fields_and_files() -> None:
    raw, content_type = multipart(
        ("Имя", "Иван".encode()), ("empty", b""), ("photo", b"\x89PNG\r\n\r\n--B0", "C:\\dir\\a.png"), ("none", b"", "")
    )
    body = read_body(raw, content_type)
    assert flat(body) == {"Имя": "Иван"}
    [photo] = body.files
    assert (photo.name, photo.content_type, photo.size) == ("a.png", "image/png", 12)
    assert body.problems == ()


@pytest.mark.parametrize(
    ("raw", "content_type", "expected", "problem"),
    [
        pytest.param(b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1', "multipart/form-data; boundary=B",
                     {"a": "1"}, "ends before", id="cut off"),
        pytest.param(b'--B\nContent-Disposition: form-data; name="a"\n\n1\n--B--', "multipart/form-data; boundary=B",
                     {"a": "1"}, None, id="lone line feeds"),
        pytest.param(b'--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--', "multipart/form-data",
                     {"a": "1"}, None, id="boundary not named"),
        pytest.param(b'--B\r\ncontent-disposition:form-data;NAME="a%22\\"b"\r\n\r\n1\r\n--B--',
                     'multipart/form-data; boundary="B"', {'a""b': "1"}, None, id="quotes in the name"),
        pytest.param(b"a=1", "multipart/form-data; boundary=B", {}, "has no parts", id="no multipart at all"),
    ],
)  # fmt: skip
def test_strange_multipart_is_read(
    raw: bytes, content_type: str, expected: dict[str, str], problem: str | None
) -> None:
    body = read_body(raw, content_type)
    assert flat(body) == expected
    assert (body.problems == ()) if problem is None else (problem in body.problems[0])
    assert body.text == ("a=1" if not expected else "")


def test_file_name_by_rfc_8187_is_decoded() -> None:
    disposition = b"form-data; name=f; filename=x; filename*=UTF-8''%D1%84.png"
    raw = b"--B\r\nContent-Disposition: " + disposition + b"\r\n\r\n1\r\n--B--"
    assert [file.name for file in read_body(raw, "multipart/form-data; boundary=B").files] == ["ф.png"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [("../../etc/passwd", "passwd"), ("a\r\nb\0.png", "ab.png"), ("\u202egnp.exe", "gnp.exe"), ("..", ""),
     ("x" * 300 + ".jpeg", "x" * 95 + ".jpeg"), ("фото 1.jpg", "фото 1.jpg")],
)  # fmt: skip
def test_file_names_are_safe_to_show(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert len(safe_name(name)) <= 100


def test_ten_thousand_fields_are_bounded_and_said() -> None:
    many = [(f"f{number}", "x") for number in range(10_000)]
    parts, content_type = multipart(*[(name, value.encode()) for name, value in many])
    for raw, kind in ((urlencoded(*many), URLENCODED), (json.dumps(dict(many)).encode(), JSON), (parts, content_type)):
        body = read_body(raw, kind)
        assert len(body.pairs) == MAX_FIELDS, kind
        assert "raw submission keeps all" in body.problems[0]


@pytest.mark.parametrize("depth", [33, 500, 990, 10_000, 1_000_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_json_is_kept_and_said(depth: int, brackets: str) -> None:
    opening = "[" if brackets == "[]" else '{"a":'
    raw = (opening * depth + '"x"' + brackets[1] * depth).encode()
    body = read_body(b'{"phone": "+79261234567", "deep": ' + raw + b"}", JSON)
    assert any("nested" in problem for problem in body.problems)
    assert body.pairs or body.text.startswith('{"phone"')


def test_broken_json_is_shown_as_text() -> None:
    body = read_body(b'{"phone": "+7926', JSON)
    assert body.text == '{"phone": "+7926'
    assert body.problems[0] == "The submission says it is JSON, but it is not."


def test_a_huge_value_is_cut_for_showing() -> None:
    body = read_body(b"message=" + b"x" * 5_000_000, URLENCODED)
    assert len(body.pairs[0][1]) == MAX_VALUE + 1


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        pytest.param(b"&" * 5_000_000, URLENCODED, id="ampersands"),
        pytest.param(b"a[" * 1_000_000 + b"=1", URLENCODED, id="open brackets"),
        pytest.param(b"a" + b"[x]" * 1_000_000 + b"=1", URLENCODED, id="brackets"),
        pytest.param(b"%" * 5_000_000, URLENCODED, id="percent signs"),
        pytest.param((b"a=" + b"%41" * 14_000 + b"&") * 190, URLENCODED, id="escapes"),
        pytest.param(b"--B\r\n" * 500_000, "multipart/form-data; boundary=B", id="boundaries"),
        pytest.param(b"--B\r\nContent-Disposition: form-data" + b'; name="\\' * 1_000_000,
                     "multipart/form-data; boundary=B", id="parameters"),
        pytest.param(b"[" + b"1," * 1_000_000 + b"1]", JSON, id="numbers"),
        pytest.param(b'{"a":' + b"9" * 1_000_000 + b"}", JSON, id="one long number"),
        pytest.param(b"a=1", "x; " + "boundary=;" * 200, id="content type"),
    ],
)  # fmt: skip
def test_hostile_bodies_cost_little(raw: bytes, content_type: str) -> None:
    begin = time.process_time()
    body = read_body(raw, content_type)
    assert time.process_time() - begin < 2
    assert len(body.pairs) <= MAX_FIELDS


@pytest.mark.parametrize(
    ("words", "charset"),
    [("Сколько стоит насос. ", "utf-8"), ("Ж", "utf-8"), ("xЖ", "utf-8"), ("xxЖ", "utf-8"), ("xxxЖ", "utf-8"),
     ("xxxxЖ", "utf-8"), ("🙂", "utf-8"), ("x🙂", "utf-8"), ("Сколько стоит насос. ", "cp1251"), ("xЖ", "cp1251")],
)  # fmt: skip
def test_a_long_encoded_answer_is_cut_for_showing(words: str, charset: str) -> None:
    long = (words * 100_000)[:100_000]
    body = read_body(urlencoded(("message", long), ("phone", "123"), charset=charset), URLENCODED)
    shown = dict(flat(body))
    assert shown["phone"] == "123"
    assert shown["message"] == long[:MAX_VALUE] + "\u2026"
    assert "\ufffd" not in shown["message"]


content_types = st.sampled_from(
    [URLENCODED, JSON, "", "text/plain", "multipart/form-data; boundary=B", "multipart/form-data",
     URLENCODED + "; charset=koi8-r", "application/x-www-form-urlencoded; charset=\udcff", "\0"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='a=&[]{}":,%+\r\n-B;', max_size=80).map(str.encode), content_types)
def test_any_bytes_are_read_and_can_be_stored(raw: bytes, content_type: str) -> None:
    body = read_body(raw, content_type)
    for path, value in body.pairs:
        assert "\0" not in value
        "".join((*path, value)).encode("utf-8")
    body.text.encode("utf-8")


names = st.text(
    alphabet=st.characters(exclude_characters="[]\0", exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=9
)
values = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, values, max_size=6))
def test_what_is_sent_in_three_formats_is_read_the_same(fields: dict[str, str]) -> None:
    expected = {name: value.strip() for name, value in fields.items() if value.strip()}
    assert flat(read_body(urlencoded(*fields.items()), URLENCODED)) == expected
    assert flat(read_body(json.dumps(fields).encode(), JSON)) == expected


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(nested)
def test_any_json_is_flattened(tree: object) -> None:
    body = read_body(json.dumps(tree).encode(), JSON)
    assert len(body.pairs) <= MAX_FIELDS
    assert all(value for _, value in body.pairs)


@given(st.lists(st.binary(max_size=10), max_size=4), st.none() | st.text(max_size=8))
def test_decoding_never_fails(octets: list[bytes], declared: str | None) -> None:
    texts, _ = decode_all(octets, declared)
    assert len(texts) == len(octets)


def test_codecs_that_are_no_charsets_are_not_used() -> None:
    assert known_charset("zlib") is known_charset("rot13") is known_charset("") is known_charset("a\0b") is None
    assert known_charset('"UTF-8"') == "utf-8"


def test_a_value_that_is_cut_in_its_charset_does_not_cost_the_others() -> None:
    body = read_body(b"a=%D0&b=\xff\xfe1\x00", "application/x-www-form-urlencoded; charset=utf-16")
    assert [path for path, _ in body.pairs]


def test_escapes_of_python_are_no_charset() -> None:
    assert known_charset("unicode_escape") is None
    for _, value in read_body(b"a=\\ud800\xff", "application/x-www-form-urlencoded; charset=unicode_escape").pairs:
        value.encode()


def test_clean_text_can_be_stored_anywhere() -> None:
    assert clean(storable(" a\0\ud800b ")) == "a?b"


def test_parameters_of_a_content_type() -> None:
    assert parameter('multipart/form-data; boundary="a;b"', "boundary") == "a;b"
    assert parameter("text/plain", "charset") is None
    assert parameter("text/plain; charset=\r\nX: y", "charset") is not None
