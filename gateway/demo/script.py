"""What happens in the demo: who calls, writes and fills in forms, and when. Data only.

Ivan Petrov does all three, so that one can see his call, letter and form become one contact with one lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCall:
    """A recorded call, played with another caller's number."""

    at: float
    """Seconds after the start of a round."""
    recording: str
    """Name of a file in ``recordings/``, without ``.ami``."""
    caller: str | None = None
    """Digits as the trunk sends them; None: the number in the recording."""
    speed: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail, sent by SMTP."""

    at: float
    sender: str
    subject: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPost:
    """A submission, posted as the site builder of ``style`` does."""

    at: float
    style: str
    """``urlencoded`` (Tilda) or ``json``."""
    fields: Mapping[str, str]


Step = PhoneCall | Letter | FormPost

IVAN = "79261234567"

OPENING: tuple[Step, ...] = (
    PhoneCall(at=0.0, recording="direct_no_answer", caller=IVAN, speed=4.0),
    PhoneCall(at=0.2, recording="queue_answered", caller="79161110022"),
    PhoneCall(at=0.4, recording="ivr_abandoned", caller="78121234567"),
    FormPost(
        at=0.6,
        style="urlencoded",
        fields={
            "Name": "Мария Соколова",
            "Phone": "8 (903) 555-01-77",
            "Email": "maria.sokolova@example.com",
            "Комментарий": "Сколько стоит доставка в Казань?",
            "formid": "form123456",
            "formname": "Обратный звонок",
            "tranid": "1111111:{serial}",
            "COOKIES": "TILDAUTM=utm_source%3Dyandex%7C%7C%7Cutm_medium%3Dcpc%7C%7C%7Cutm_campaign%3Dbrand",
        },
    ),
    Letter(
        at=1.0,
        sender="Иван Петров <ivan.petrov@romashka.example>",
        subject="Не дозвонился до вас",
        text=(
            "Добрый день!\n\nЗвонил сегодня, никто не взял трубку. Нужен счёт на 12 комплектов, договор 2024-118.\n\n"
            "--\nС уважением,\nИван Петров\nООО «Ромашка»\n+7 926 123-45-67\n"
        ),
    ),
    Letter(
        at=1.4,
        sender="Anna Schmidt <anna.schmidt@example.org>",
        subject="Question about wholesale prices",
        text="Hello,\n\ncould you send me your wholesale price list?\n\nBest regards\nAnna Schmidt\n",
    ),
    Letter(
        at=1.6,
        sender="Почтовый робот <no-reply@shop.example>",
        subject="Автоответ: я в отпуске",
        text="Я в отпуске до понедельника.\n",
        headers={"Auto-Submitted": "auto-replied"},
    ),
    FormPost(
        at=2.2,
        style="json",
        fields={
            "name": "Иван Петров",
            "phone": "+79261234567",
            "email": "ivan.petrov@romashka.example",
            "message": "Перезвоните мне, пожалуйста, до 18:00",
            "page": "https://shop.example/contacts?utm_source=google&utm_medium=cpc&gclid=demo",
        },
    ),
    PhoneCall(at=2.5, recording="after_hours_announcement", caller="79031234500"),
)
"""The first ten seconds: leads of all three channels, and one contact who used them all."""

LATER: tuple[Step, ...] = (
    PhoneCall(at=3.0, recording="queue_abandoned", caller="79035550177"),
    PhoneCall(at=10.0, recording="blind_transfer_by_manager", caller="79161110022"),
    FormPost(
        at=20.0,
        style="json",
        fields={
            "name": "Олег",
            "phone": "8 912 000-33-44",
            "message": "Есть ли в наличии?",
            "page": "https://shop.example/?utm_source=vk&utm_medium=social",
        },
    ),
    PhoneCall(at=28.0, recording="missed_then_called_back", caller="79120003344"),
    Letter(
        at=45.0,
        sender="Maria Sokolova <maria.sokolova@example.com>",
        subject="Re: Доставка в Казань",
        text="Спасибо, жду звонка.\n\n> Доставка стоит 900 рублей.\n",
    ),
    PhoneCall(at=50.0, recording="outbound_answered"),
    PhoneCall(at=60.0, recording="internal_call"),
)
"""What goes on afterwards, again and again, so that the page lives."""

ROUND_SECONDS = 90.0
"""From one round of LATER to the next."""
