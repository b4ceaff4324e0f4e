"""Spam by its words: each rule catches what it is for, and nothing that a customer or a known sender writes."""

from __future__ import annotations

import json

import pytest

from gateway.core.types import Kind
from gateway.webforms import content
from gateway.webforms.content import Repeats, foreign_links, host_of, is_nonsense, reason
from gateway.webforms.screening import Screening
from gateway.webforms.settings import FormSettings
from gateway.webforms.signing import Signer
from tests.unit.webforms import test_senders
from tests.unit.webforms.reading import JSON, NOW, read, urlencoded

OWN = frozenset({"shop.example"})


def judged(message: str, *, name: str = "Ivan", reachable: bool = False, words: tuple[str, ...] = ()) -> str | None:
    return reason(message, name=name, reachable=reachable, hosts=OWN, words=words)


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("https://bad.example/x", "nothing but links"),
        ("see www.bad.example/x", "nothing but links"),
        ("Best online casino bonus, free spins for you", "advertises"),
        ("Онлайн-казино и ставки на спорт без вложений", "advertises"),
        ("Накрутка подписчиков недорого: https://bad.example", "advertises"),
        ("Guest posts on sites with high DA, https://bad.example", "advertises"),
        ("Hi [url=https://a.example]cheap[/url] and [url=https://b.example]more goods[/url]", "as forums write"),
        ('<a href="https://a.example">one thing</a> <a href="https://b.example">two things</a> for you', "as forums"),
    ],
)
def test_advertising_is_told_with_the_rule_that_it_broke(message: str, word: str) -> None:
    told = judged(message)
    assert told is not None
    assert word in told


@pytest.mark.parametrize(
    "message",
    [
        "Нужен насос",
        "https://shop.example/pump-5",
        "https://www.shop.example/pump-5 https://m.shop.example/a https://shop.example/b",
        "Здравствуйте! Хочу такой же, как здесь: https://avito.ru/item/1. Сколько будет с доставкой?",
        "Мы строим казино онлайн в Сочи, нужен насос",
        "Нужно продвижение сайта, позвоните",
        "Do you ship to Kazan? My site is https://kirov.example",
        "Сколько стоит установка? Вот фото https://disk.example/a и план https://disk.example/b",
        "QWERTYUIOP",
        "ДОРОГО? СКОЛЬКО СТОИТ!!!",
        "",
    ],
)
def test_what_customers_write_is_never_spam(message: str) -> None:
    assert judged(message, reachable=True) is None


def test_a_person_with_a_phone_may_send_a_link_alone() -> None:
    link = "https://disk.example/plan.pdf"
    assert judged(link, reachable=True) is None
    assert judged(link) is not None
    assert judged(f"{link}1 {link}2 {link}3", reachable=True) is not None


def test_the_owners_own_words_are_enough_and_any_case() -> None:
    assert judged("Предлагаем КЛИНИНГ офисов", words=("клининг",)) is not None
    assert judged("Предлагаем уборку", words=("клининг",)) is None


@pytest.mark.parametrize("word", ["QwRtPlMnBv", "xkcdqwrtpl", "LpqRkWzTnDa"])
def test_random_letters_are_spam_only_in_name_and_message_both(word: str) -> None:
    assert is_nonsense(word)
    assert judged("ZkPqRtLmNb", name=word) == "Its name and its message are random letters."
    assert judged("Нужен насос", name=word) is None
    assert judged("ZkPqRtLmNb", name="Ivan") is None


@pytest.mark.parametrize(
    "name", ["McDonaldson", "Александр", "Christoph", "Schwartz", "DeLaCruz", "Ivan Petrov", "ООО «Мир»"]
)
def test_real_names_are_no_nonsense(name: str) -> None:
    assert not is_nonsense(name)


def test_a_link_as_a_name_is_spam() -> None:
    assert judged("Нужен насос", name="Win now https://bad.example") == "Its name is a link."


@pytest.mark.parametrize(
    ("address", "host"), [("https://www.shop.example/a", "shop.example"), ("http://[x", None), (None, None)]
)
def test_hosts_of_pages(address: str | None, host: str | None) -> None:
    assert host_of(address) == host


def test_links_of_the_own_site_are_not_foreign() -> None:
    text = "https://shop.example/a https://shop.example.bad.example/b http://[x"
    assert foreign_links(text, OWN) == ["https://shop.example.bad.example/b", "http://[x"]


def test_a_mailing_is_one_text_of_three_people_through_two_forms() -> None:
    seen = Repeats()
    assert not seen.is_mailing("Look: x", "a", "+1", 0)
    assert not seen.is_mailing("Look: x", "a", "+2", 1)
    assert not seen.is_mailing("look:  X", "a", "+3", 2), "one form may fill in a text for everybody"
    assert seen.is_mailing("Look: x", "b", "+3", 3)
    assert not seen.is_mailing("Look: x", "b", "+4", content.REPEATED_SECONDS + 1)


def test_the_memory_of_mailings_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "REMEMBERED", 3)
    seen = Repeats()
    for number in range(10):
        seen.is_mailing(f"text {number}", "a", "b", 0)
    assert len(seen._seen) == 3
    for number in range(50):
        seen.is_mailing("one", "a", str(number), 0)
    assert max(len(senders) for _, senders in seen._seen.values()) == content.MAX_SENDERS


def screening() -> Screening:
    return Screening(Signer(b"k" * 32))


@pytest.mark.parametrize("case", test_senders.CASES)
def test_no_fixture_of_any_sender_is_spam(case: str) -> None:
    understood = read(*test_senders.CASES[case][1])
    judge = screening()
    for number in range(5):  # five customers with the same words, through two forms
        form = FormSettings(key=f"form{number % 2}")
        assert judge.judge(form, understood, None, NOW.timestamp() + number) is None


def test_rules_can_be_switched_off_and_judge_messages_only() -> None:
    raw = urlencoded(("name", "Ivan"), ("message", "https://bad.example/x"))
    at = NOW.timestamp()
    assert screening().judge(FormSettings(key="site"), read(raw), None, at) is not None
    assert screening().judge(FormSettings(key="site"), read(raw), "https://bad.example", at) is None
    assert screening().judge(FormSettings(key="site", content_rules=False), read(raw), None, at) is None
    test = read(json.dumps({"test": "test"}), JSON)
    assert test.draft.kind is not Kind.SPAM


@pytest.mark.parametrize("words", [("ab",), ("  a ",)])
def test_words_that_are_in_many_words_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="spam_words"):
        FormSettings(key="site", spam_words=words)
