"""Bodies of the senders, synthetic, shaped as their documentation and users show. One person in all of them."""

from __future__ import annotations

from typing import Any

TYPEFORM: dict[str, Any] = {
    "event_id": "01HEVENT",
    "event_type": "form_response",
    "form_response": {
        "form_id": "lT4Z3j",
        "token": "a3a12ec67a1365927098a606107fac15",
        "submitted_at": "2026-11-22T09:00:00Z",
        "hidden": {"utm_source": "yandex", "gclid": "Cj0"},
        "definition": {
            "id": "lT4Z3j",
            "title": "Заявка",
            "fields": [
                {"id": "q1", "title": "Как вас зовут?", "type": "short_text"},
                {"id": "q2", "title": "Куда позвонить?", "type": "phone_number"},
                {"id": "q3", "title": "Your e-mail", "type": "email"},
                {"id": "q4", "title": "Что нужно?", "type": "long_text"},
                {"id": "q5", "title": "Город", "type": "multiple_choice"},
                {"id": "q6", "title": "Услуги", "type": "multiple_choice"},
                {"id": "q7", "title": "Сколько?", "type": "number"},
            ],
        },
        "answers": [
            {"type": "text", "text": "Иван Петров", "field": {"id": "q1", "type": "short_text"}},
            {"type": "phone_number", "phone_number": "+79261234567", "field": {"id": "q2", "type": "phone_number"}},
            {"type": "email", "email": "ivan@example.com", "field": {"id": "q3", "type": "email"}},
            {"type": "text", "text": "Нужен насос", "field": {"id": "q4", "type": "long_text"}},
            {"type": "choice", "choice": {"id": "x1", "label": "Москва"}, "field": {"id": "q5"}},
            {"type": "choices", "choices": {"ids": ["a", "b"], "labels": ["Монтаж", "Ремонт"]}, "field": {"id": "q6"}},
            {"type": "number", "number": 0, "field": {"id": "q7", "type": "number"}},
        ],
    },
}
TALLY: dict[str, Any] = {
    "eventId": "e-1",
    "eventType": "FORM_RESPONSE",
    "createdAt": "2026-11-22T09:00:00Z",
    "data": {
        "responseId": "resp-1", "submissionId": "resp-1", "formId": "wM1", "formName": "Заявка",
        "fields": [
            {"key": "question_1", "label": "Имя", "type": "INPUT_TEXT", "value": "Иван Петров"},
            {"key": "question_2", "label": "Как с вами связаться", "type": "INPUT_PHONE_NUMBER",
             "value": "+79261234567"},
            {"key": "question_3", "label": "Email", "type": "INPUT_EMAIL", "value": "ivan@example.com"},
            {"key": "question_4", "label": "Ваш вопрос", "type": "TEXTAREA", "value": "Нужен насос"},
            {"key": "question_5", "label": "Город", "type": "MULTIPLE_CHOICE", "value": ["o1"],
             "options": [{"id": "o1", "text": "Москва"}, {"id": "o2", "text": "Тверь"}]},
            {"key": "question_6", "label": "Услуги", "type": "CHECKBOXES", "value": ["o3", "o4"],
             "options": [{"id": "o3", "text": "Монтаж"}, {"id": "o4", "text": "Ремонт"}]},
            {"key": "question_6_o3", "label": "Услуги (Монтаж)", "type": "CHECKBOXES", "value": True},
            {"key": "question_7", "label": "Фото", "type": "FILE_UPLOAD",
             "value": [{"id": "f", "name": "roof.png", "url": "https://storage.tally.example/roof.png", "size": 4}]},
            {"key": "question_8", "label": "utm_source", "type": "HIDDEN_FIELDS", "value": "yandex"},
            {"key": "question_9", "label": "Пусто", "type": "INPUT_TEXT", "value": None},
        ],
    },
}  # fmt: skip
GOOGLE_ADS: dict[str, Any] = {
    "lead_id": "TeSter-123",
    "api_version": "1.0",
    "form_id": 40000000000,
    "campaign_id": 123000000000,
    "adgroup_id": 20000000000,
    "creative_id": 30000000000,
    "gcl_id": "Cj0",
    "google_key": "the-google-key",
    "user_column_data": [
        {"column_id": "FULL_NAME", "column_name": "Full name", "string_value": "Иван Петров"},
        {"column_id": "EMAIL", "column_name": "User Email", "string_value": "ivan@example.com"},
        {"column_id": "PHONE_NUMBER", "column_name": "User Phone", "string_value": "+79261234567"},
        {"column_id": "CITY", "column_name": "City", "string_value": "Москва"},
        {"column_id": "what_do_you_need", "column_name": "What do you need?", "string_value": "A pump"},
    ],
}


def meta_thin(*numbers: str, page: str = "100", form: str = "200") -> dict[str, Any]:
    """The webhook of one or several leads."""
    changes = [
        {"field": "leadgen", "value": {"leadgen_id": number, "page_id": page, "form_id": form, "ad_id": "300",
                                       "created_time": 1_700_000_000}}
        for number in numbers
    ]  # fmt: skip
    return {"object": "page", "entry": [{"id": page, "time": 1_700_000_000, "changes": changes}]}


META_FULL: dict[str, Any] = {
    "id": "111",
    "created_time": "2026-11-22T09:00:00+0000",
    "form_id": "200",
    "ad_id": "300",
    "campaign_name": "Насосы",
    "field_data": [
        {"name": "full_name", "values": ["Иван Петров"]},
        {"name": "phone_number", "values": ["+79261234567"]},
        {"name": "email", "values": ["ivan@example.com"]},
        {"name": "какой_насос_нужен?", "values": ["Погружной", "Дренажный"]},
    ],
}
WEBFLOW_DATA = {"Name": "Иван Петров", "Phone": "+79261234567", "Email": "ivan@example.com", "Message": "Нужен насос",
                "utm_source": "yandex"}  # fmt: skip
WEBFLOW_V2: dict[str, Any] = {
    "triggerType": "form_submission",
    "payload": {
        "name": "Заявка", "siteId": "s1", "data": WEBFLOW_DATA, "schema": [{"fieldName": "Name", "fieldType": "x"}],
        "submittedAt": "2026-11-22T09:00:00Z", "id": "6321", "formId": "f1", "formElementId": "fe",
    },
}  # fmt: skip
WEBFLOW_V1: dict[str, Any] = {"name": "Заявка", "site": "s1", "data": WEBFLOW_DATA, "d": "2026-11-22", "_id": "6321"}
MARQUIZ: dict[str, Any] = {
    "contacts": {"name": "Иван Петров", "email": "ivan@example.com", "phone": "+79261234567"},
    "answers": [
        {"q": "Какой насос?", "a": "Погружной"},
        {"q": "Что ещё?", "a": ["Монтаж", "Ремонт"]},
        {"q": "Телефон производителя?", "a": "не знаю"},
    ],
    "quiz": {"id": "5f", "name": "Подбор насоса"},
    "created": "2026-11-22T09:00:00Z",
    "extra": {
        "utm": {"source": "yandex", "campaign": "насосы"},
        "cookies": {"_ym_uid": "17", "_ga": "GA1.2.3.4", "PHPSESSID": "secret"},
        "href": "https://quiz.example/?yclid=77", "referrer": "https://ya.example/", "ip": "203.0.113.5",
        "discount": "10%",
    },
}  # fmt: skip
HUBSPOT: dict[str, Any] = {
    "vid": 42,
    "portal-id": 1,
    "properties": {
        "firstname": {"value": "Иван", "versions": [{"value": "Иван"}]},
        "lastname": {"value": "Петров"},
        "phone": {"value": "+79261234567"},
        "email": {"value": "ivan@example.com"},
        "message": {"value": "Нужен насос"},
        "city": {"value": "Москва"},
        "hs_analytics_source": {"value": "OFFLINE"},
        "lifecyclestage": {"value": "lead"},
    },
    "form-submissions": [
        {
            "conversion-id": "c-1",
            "form-id": "f-1",
            "title": "Заявка",
            "page-url": "https://shop.example/?utm_source=yandex",
        }
    ],
}
HUBSPOT_EVENTS = [
    {"eventId": 1, "subscriptionType": "contact.creation", "portalId": 1, "objectId": 42, "occurredAt": 1},
    {"eventId": 2, "subscriptionType": "contact.propertyChange", "objectId": 43, "propertyName": "city",
     "propertyValue": "Москва"},
]  # fmt: skip
JOTFORM_RAW: dict[str, Any] = {
    "slug": "submit/1", "event_id": "x", "q3_name": {"first": "Иван", "last": "Петров"},
    "q4_phoneNumber": {"full": "+7 (926) 123-45-67"}, "q5_email": "ivan@example.com", "q6_message": "Нужен насос",
    "q7_services": ["Монтаж", "Ремонт"], "utm_source": "yandex", "timeToSubmit": "12", "path": "/submit/1",
}  # fmt: skip
JOTFORM: list[tuple[str, str]] = [
    ("action", ""), ("webhookURL", "https://x.example"), ("formID", "2001"), ("type", "WEB"), ("formTitle", "Заявка"),
    ("pretty", "Name:Иван Петров"), ("submissionID", "5001"), ("ip", "203.0.113.5"),
]  # fmt: skip
GRAVITY: dict[str, Any] = {
    "id": "17", "form_id": "5", "date_created": "2026-11-22 09:00:00", "is_starred": "0", "is_read": "0",
    "ip": "203.0.113.5", "source_url": "https://shop.example/?utm_source=yandex", "user_agent": "Mozilla/5.0",
    "status": "active", "currency": "RUB", "created_by": "1",
    "1.2": "", "1.3": "Иван", "1.4": "", "1.6": "Петров", "1.8": "",
    "2": "+7 (926) 123-45-67", "3": "ivan@example.com", "4": "Нужен насос",
    "5.1": "Ленина, 5", "5.3": "Москва", "5.5": "101000", "5.6": "Россия",
}  # fmt: skip
WPFORMS_FIELDS: dict[str, Any] = {
    "entry_id": 17,
    "form_id": 5,
    "fields": {
        "0": {"name": "Name", "value": "Иван Петров", "id": 0, "type": "name", "first": "Иван", "middle": "",
              "last": "Петров"},
        "1": {"name": "Как позвонить", "value": "+79261234567", "id": 1, "type": "phone"},
        "2": {"name": "Email", "value": "ivan@example.com", "id": 2, "type": "email"},
        "3": {"name": "Вопрос", "value": "Нужен насос", "id": 3, "type": "textarea"},
    },
}  # fmt: skip
WPFORMS_FLAT = [("entry_id", "17"), ("form_id", "5"), ("name", "Иван Петров"), ("phone", "+79261234567"),
                ("email", "ivan@example.com"), ("comment", "Нужен насос"), ("utm_source", "yandex")]  # fmt: skip
BITRIX24_EVENT = [("event", "ONCRMLEADADD"), ("data[FIELDS][ID]", "77"), ("ts", "1700000000"),
                  ("auth[access_token]", "very-secret"), ("auth[domain]", "shop.bitrix24.ru"),
                  ("auth[application_token]", "apptoken")]  # fmt: skip
BITRIX24_ROBOT = [("document_id[0]", "crm"), ("document_id[1]", "CCrmDocumentLead"), ("document_id[2]", "LEAD_77"),
                  ("auth[domain]", "shop.bitrix24.ru"), ("auth[member_id]", "m1")]  # fmt: skip
AMOCRM_LEAD = [("leads[add][0][id]", "501"), ("leads[add][0][name]", "Насос"), ("leads[add][0][price]", "9000"),
               ("leads[add][0][tags][0][id]", "1"), ("leads[add][0][tags][0][name]", "сайт"),
               ("leads[add][0][custom_fields][0][id]", "9"), ("leads[add][0][custom_fields][0][name]", "utm_source"),
               ("leads[add][0][custom_fields][0][values][0][value]", "yandex"),
               ("account[id]", "1"), ("account[subdomain]", "shop")]  # fmt: skip
AMOCRM_CONTACT = [("contacts[update][0][id]", "601"), ("contacts[update][0][name]", "Иван Петров"),
                  ("contacts[update][0][last_modified]", "1700000000"),
                  ("contacts[update][0][custom_fields][0][code]", "PHONE"),
                  ("contacts[update][0][custom_fields][0][name]", "Телефон"),
                  ("contacts[update][0][custom_fields][0][values][0][value]", "+79261234567"),
                  ("contacts[update][0][custom_fields][0][values][0][enum]", "11"),
                  ("contacts[update][0][custom_fields][1][code]", "EMAIL"),
                  ("contacts[update][0][custom_fields][1][values][0][value]", "ivan@example.com"),
                  ("account[subdomain]", "shop")]  # fmt: skip
GOOGLE_FORMS: dict[str, Any] = {
    "namedValues": {
        "Отметка времени": ["22.11.2026 12:00:00"], "Ваше имя": ["Иван Петров"], "Телефон": ["+79261234567"],
        "Адрес электронной почты": ["ivan@example.com"], "Комментарий": ["Нужен насос"], "Город": ["Москва"],
    },
    "row": 7,
    "form": "Заявка",
}  # fmt: skip
STANDARD: dict[str, Any] = {
    "type": "lead.created",
    "timestamp": "2026-11-22T09:00:00Z",
    "data": {"name": "Иван Петров", "phone": "+79261234567", "email": "ivan@example.com", "message": "Нужен насос"},
}
