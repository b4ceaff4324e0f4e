"""The few words that we write into a CRM ourselves, in the language of the people who read them there."""

from __future__ import annotations

from collections.abc import Mapping

RUSSIAN: Mapping[str, str] = {
    "Call": "Звонок",
    "Letter": "Письмо",
    "Form": "Заявка",
    "Request": "Обращение",
    "withheld number": "скрытый номер",
    "Files": "Файлы",
    "Page": "Страница",
    "received": "получено",
    "sent": "отправлено",
    "Incoming call": "Входящий звонок",
    "Outgoing call": "Исходящий звонок",
    "missed": "пропущен",
    "Line": "Линия",
    "Extension": "Внутренний номер",
    "Not answered": "Нет ответа",
    "Waited": "Ожидание, с",
    "Talked": "Разговор, с",
    "Recording": "Запись",
    "New lead": "Новый лид",
    "Lead changed": "Лид изменён",
    "Missed call": "Пропущенный звонок",
    "Callback wanted": "Просьба перезвонить",
    "Callback settled": "Перезвонили",
    "Contact": "Контакт",
    "Name": "Имя",
    "Phone": "Телефон",
    "Mail": "Почта",
    "Source": "Источник",
}
"""English, as the code has it, to Russian."""


def say(language: str, words: str) -> str:
    """The words in ``language``; in English where there is no translation."""
    return RUSSIAN.get(words, words) if language == "ru" else words
