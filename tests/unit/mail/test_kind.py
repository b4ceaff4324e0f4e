"""Machines are told from people, and the reason is given."""

from __future__ import annotations

import pytest

from tests.unit.mail.letters import inspect, letter_bytes, multipart

FORM = "Имя: Иван\nТелефон: +7 926 123-45-67\nСообщение: Перезвоните\n"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "message"),
        ({"auto_submitted": "no"}, "message"),
        ({"auto_submitted": "auto-replied"}, "auto_reply"),
        ({"auto_submitted": "auto-replied; owner-email=a@b"}, "auto_reply"),
        ({"auto_submitted": "auto-generated"}, "auto_reply"),
        ({"auto_submitted": "auto-generated", "list_id": "<news.x>"}, "bulk"),
        ({"x_autoreply": "yes"}, "auto_reply"),
        ({"x_autorespond": "1"}, "auto_reply"),
        ({"precedence": "auto_reply"}, "auto_reply"),
        ({"subject": "Автоответ: я в отпуске"}, "auto_reply"),
        ({"subject": "Автоматический ответ: Заявка"}, "auto_reply"),
        ({"subject": "Re: Out of Office"}, "auto_reply"),
        ({"subject": "Automatic reply: order"}, "auto_reply"),
        ({"subject": "Отсутствую до 5 мая"}, "auto_reply"),
        ({"precedence": "junk", "subject": "Vacation"}, "auto_reply"),
        ({"list_unsubscribe": "<mailto:u@x>"}, "bulk"),
        ({"list_id": "<list.x>"}, "bulk"),
        ({"precedence": "bulk"}, "bulk"),
        ({"x_spam_flag": "YES"}, "spam"),
        ({"x_spam_status": "Yes, score=9"}, "spam"),
        ({"x_spam_status": "No, score=1"}, "message"),
        ({"subject": "***SPAM*** Buy"}, "spam"),
        ({"subject": "[СПАМ] Купите"}, "spam"),
        ({"subject": "Вопрос про спам-фильтр"}, "message"),
        ({"x_ms_exchange_organization_scl": "9"}, "spam"),
        ({"x_ms_exchange_organization_scl": "-1"}, "message"),
        ({"x_failed_recipients": "a@b.ru"}, "bounce"),
        ({"from": "MAILER-DAEMON@mail.ru", "subject": "Undelivered Mail Returned to Sender"}, "bounce"),
        ({"from": "Mail Delivery System <x@y.ru>", "subject": "Недоставленное сообщение"}, "bounce"),
        ({"return_path": "<>", "subject": "Delivery Status Notification (Failure)"}, "bounce"),
        ({"return_path": "<>", "subject": "Спасибо за заказ"}, "message"),
        ({"subject": "Не доставлен товар"}, "message"),
        ({"subject": "Delivery problem with my order"}, "message"),
        ({"subject": "Я отсутствую в списке, почему?"}, "message"),
        ({"x_auto_response_suppress": "All"}, "message"),
    ],
)
def test_headers_and_subject_tell_the_kind(headers: dict[str, str], kind: str) -> None:
    record = inspect(letter_bytes("Добрый день", **headers))
    assert record["kind"] == kind, record["kind_reason"]
    assert record["kind_reason"].endswith(".")


def test_a_delivery_report_is_a_bounce_without_a_form() -> None:
    status = "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.ru\nAction: failed\nStatus: 5.1.1\n"
    record = inspect(multipart("Content-Type: text/plain\n\nName: x\nPhone: y\nMessage: z", status, subtype="report"))
    assert record["kind"] == "bounce"
    assert record["form_fields"] is None


def test_a_read_receipt_is_an_auto_reply_and_an_abuse_report_is_bulk() -> None:
    receipt = "Content-Type: message/disposition-notification\n\nDisposition: manual-action"
    assert inspect(multipart("Content-Type: text/plain\n\nread", receipt, subtype="report"))["kind"] == "auto_reply"
    headers = {"content_type": 'multipart/report; report-type=feedback-report; boundary="B"'}
    raw = letter_bytes("--B\nContent-Type: text/plain\n\nabuse\n--B--\n", **headers)
    assert inspect(raw)["kind"] == "bulk"


@pytest.mark.parametrize(
    "headers", [{"list_unsubscribe": "<x>"}, {"precedence": "bulk"}, {"auto_submitted": "auto-generated"}]
)
def test_a_form_sent_by_a_bulk_mailer_is_still_a_message(headers: dict[str, str]) -> None:
    record = inspect(letter_bytes(FORM, **headers))
    assert record["kind"] == "message"
    assert record["form_fields"]["Имя"] == "Иван"


def test_a_form_marked_as_spam_keeps_its_fields() -> None:
    record = inspect(letter_bytes(FORM, x_spam_flag="YES"))
    assert record["kind"] == "spam"
    assert record["customer"]["phones"] == ["+79261234567"]
