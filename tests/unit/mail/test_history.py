"""What is new in a letter, without history and signature."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.parse import html_to_text
from gateway.mail.understand.history import split_history

WORDS = "Спасибо, нам подходит.\nКогда привезёте?"
QUOTE = "> Добрый день!\n> Цена 5000.\n"

HISTORIES = {
    "Gmail ru": f"пн, 5 окт. 2026 г. в 10:00, Анна <anna@firm.ru>:\n\n{QUOTE}",
    "Gmail ru folded": f"пн, 5 окт. 2026 г. в 10:00, Анна Петрова из отдела продаж\n<anna@firm.ru>:\n\n{QUOTE}",
    "Gmail en": f"On Mon, Oct 5, 2026 at 10:00 AM Anna <anna@firm.ru> wrote:\n\n{QUOTE}",
    "Gmail en folded": f"On Mon, Oct 5, 2026 at 10:00 AM Anna Petrova <anna@firm.ru>\nwrote:\n\n{QUOTE}",
    "Yandex": '05.10.2026, 10:00, "Анна" <anna@firm.ru>:\n\nДобрый день!\nЦена 5000.',
    "Mail.ru": f"Понедельник, 5 октября 2026, 10:00 +03:00 от Анна <anna@firm.ru>:\n\n{QUOTE}",
    "Apple ru": f"5 окт. 2026 г., в 10:00, Анна <anna@firm.ru> написал(а):\n\n{QUOTE}",
    "Apple en": f"> On 5 Oct 2026, at 10:00, Anna <anna@firm.ru> wrote:\n>\n{QUOTE}",
    "Thunderbird ru": f"05.10.2026 10:00, Анна пишет:\n{QUOTE}",
    "Android ru": f'5 окт. 2026 г. 10:00 пользователь "Анна" <\nanna@firm.ru> написал:\n\n{QUOTE}',
    "Outlook ru": "От: Анна <anna@firm.ru>\nОтправлено: 5 октября 2026 г. 10:00\nКому: Иван <i@x.ru>\nТема: "
    "Цена\n\nДобрый день!",
    "Outlook en": "From: Anna <anna@firm.ru>\nSent: Monday, October 5, 2026 10:00\nTo: Ivan\nSubject: Price\n\nHello",
    "Outlook rule": "________________________________\nFrom: Anna <anna@firm.ru>\nSent: Monday\nTo: I\nSubject: "
    "P\n\nHello",
    "Outlook old": "-----Original Message-----\nFrom: Anna [mailto:anna@firm.ru]\nSent: Monday\nTo: I\nSubject: "
    "P\n\nHello",
    "Outlook old ru": "-----Исходное сообщение-----\nFrom: Анна\nSent: Monday\nTo: И\nSubject: Ц\n\nДобрый день",
    "Gmail of 2013": "\n2013/7/20 Anna via Site <anna@firm.ru>\n\n| Hello\n| How are you?",
    "Gmail of 2016": "\n2016-03-03 17:21 GMT+01:00 Some One\n\nHello",
    "Spark": "\nOn Thu, 31 Mar 2016 at 11:16 Some One\n\n<\nmailto:Some One <one@x.ru>\n> wrote:\n\nHello",
    "only quoted": QUOTE,
    "quoted with initials": "АП> Добрый день!\nАП> Цена 5000.\nАП>\n",
    "Orange fr": "====\n\nMessage du : 12/12/2016 13:20\nDe : Anna <anna@firm.ru>\nA : i@x.fr\nSujet : Prix\n\nBonjour",
    "helpdesk": "##- Please type your reply above this line -##\nДобрый день!",
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_the_history_below_is_cut(history: str) -> None:
    assert split_history(f"{WORDS}\n\n{history}").new == WORDS


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nИван Петров\n+7 926 123-45-67",
        "--\nИван",
        "С уважением,\nИван Петров\nООО «Ромашка»\nтел. 8 926 123-45-67",
        "С наилучшими пожеланиями, Иван",
        "Best regards,\nIvan",
        "Kind regards\nIvan Petrov\nCEO",
        "Отправлено с iPhone",
        "Отправлено из мобильной Почты Mail.ru",
        "Отправлено из Яндекс.Почты для мобильных",
        "Sent from my iPhone",
        "Get Outlook for iOS",
        "-- \nОтправлено из Mail.ru для Android",
        "Get [Outlook for Android](https://aka.ms/ghei36)",
        "\n".join(f"Sent from my phone number {number}" for number in range(20)),
    ],
)
def test_the_signature_is_cut_and_kept_apart(signature: str) -> None:
    split = split_history(f"{WORDS}\n\n{signature}")
    assert split.new == WORDS
    assert split.signature.replace("-- \n", "--\n") == signature.replace("-- \n", "--\n")


@pytest.mark.parametrize(
    "text",
    [
        "Обратите внимание: 5 октября 2026 мы писали вам\nи ответа нет.",
        "On Monday we wrote to you.\nNo answer.",
        "Our visits:\n\n2026-11-22 10:00 with Ivan\n\n2026/11/23 office\n\nPlease confirm.",
        "Timeline:\n\nOn Thu, 31 Mar 2016 at 11:16 we signed\n\nand paid.",
        "Contacts:\n2013/7/20 Anna <anna@firm.ru>\nAsk her.",
        "Адрес доставки:\nМосква, ул. Ленина, 5\nПозвоните заранее.",
        "С уважением отношусь к вашей фирме, но цена высокая.\nСделайте скидку.",
        "Мы писали: когда привезёте?\nОтвета нет.",
        (
            "Sent from China the parcel took a month and nobody told us where it was all this time, which is "
            "strange, is it not?"
        ),
        "Нужно:\n- окна\n- двери -- две штуки",
        "Размеры 10:20 и 30:40, цена 5000",
    ],
)
def test_a_persons_own_words_are_never_cut(text: str) -> None:
    assert split_history(text).new == text


@pytest.mark.parametrize("own", ["Когда вы сможете? Осталось 2 недели", "Заберу 05.10.2026 после обеда", "Ждём"])
def test_the_line_right_above_an_attribution_is_kept(own: str) -> None:
    text = f"{own}\nOn Mon, Oct 5, 2026 at 10:00 AM Anna <a@firm.ru>\nwrote:\n\n{QUOTE}"
    assert split_history(text).new == own


def test_answers_between_the_quoted_lines_are_kept() -> None:
    text = "On Mon, Oct 5, 2026 Anna <a@b.ru> wrote:\n> Какой цвет?\n\nБелый.\n\n> Сколько штук?\n\nПять."
    assert split_history(text).new == "Белый.\n\n\nПять."


def test_an_answer_below_the_quotation_is_kept() -> None:
    assert split_history(f"05.10.2026 10:00, Анна пишет:\n{QUOTE}\nДа, согласен.").new == "Да, согласен."


def test_an_answer_below_two_older_letters_is_kept() -> None:
    text = (
        "On 15 May 2017 19:32, Ivan <ivan@b.ru> wrote:\n\nМне нужно так.\n\n"
        "On 8 May 2017 18:51, Anna <a@b.ru> wrote:\n\n> Как вам нужно?\n>\nИ ещё доставку."
    )
    assert split_history(text).new == "Мне нужно так.\n\nИ ещё доставку."


@pytest.mark.parametrize("text", ["VIP> не нужен, хватит обычного", "A > B, значит берём A", "ИП Иванов > ООО"])
def test_a_mark_in_a_sentence_is_no_quotation(text: str) -> None:
    assert split_history(f"Добрый день!\n{text}").new.startswith("Добрый день!")


def test_nothing_but_a_quotation_has_nothing_new() -> None:
    assert split_history(QUOTE).new == ""
    assert split_history("").new == ""


@pytest.mark.parametrize(
    "html",
    [
        (
            '<div>Да, берём</div><div class="gmail_quote"><div>пн, 5 окт. 2026 г. '
            'в 10:00, Анна &lt;<a href="mailto:a@b.ru">a@b.ru'
            "</a>&gt;:<br></div><blockquote>Цена 5000</blockquote></div>"
        ),
        (
            '<p>Да, берём</p><div style="border-top:solid"><p><b>From:</b> '
            "Anna &lt;a@b.ru&gt;<br><b>Sent:</b> Monday<br>"
            "<b>To:</b> I<br><b>Subject:</b> P</p></div><p>Цена 5000</p>"
        ),
        (
            "<p>Да, берём</p><br>Четверг, 26 июня 2026, 14:00 +04:00 от Анна &lt;a@b.ru&gt;:<br><blockquote>Цена "
            "5000</blockquote>"
        ),
        (
            '<p>Да, берём</p><p>26.06.2026, 14:41, "Анна" &lt;<a '
            'href="mailto:a@b.ru">a@b.ru</a>&gt;:</p><blockquote>Цена</blockquote>'
        ),
    ],
    ids=["Gmail", "Outlook", "Mail.ru", "Yandex"],
)
def test_history_in_html_is_cut_too(html: str) -> None:
    assert split_history(html_to_text(html)[0]).new == "Да, берём"


@given(
    st.lists(
        st.sampled_from(["> q", "text", "", "--", "From: a@b.ru", "To: x", "On 2026 a <a@b> wrote:", "____________"]),
        max_size=12,
    )
)
@settings(max_examples=300, deadline=None)
def test_new_lines_are_lines_of_the_letter(lines: list[str]) -> None:
    new = split_history("\n".join(lines)).new
    assert all(line in lines for line in new.split("\n") if line)
