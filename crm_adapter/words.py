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
    "Queue": "Очередь",
    "Transfer": "Перевод",
    "no answer": "нет ответа",
    "After hours": "Нерабочее время",
    "yes": "да",
    "nobody picked up": "никто не взял трубку",
    "the number was busy": "номер был занят",
    "all phones were busy": "все телефоны были заняты",
    "the call was rejected": "звонок отклонили",
    "no phone could be reached": "телефоны недоступны",
    "the caller hung up": "звонивший положил трубку",
    "the caller left the queue": "звонивший не дождался в очереди",
    "the queue took too long": "вышло время ожидания в очереди",
    "the caller left the voice menu": "звонивший ушёл из голосового меню",
    "the caller heard only an announcement": "звонивший услышал только сообщение",
    "the caller reached the voicemail": "звонивший попал на голосовую почту",
    "the call failed": "звонок не состоялся",
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
