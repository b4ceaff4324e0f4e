"""What a person who need not know the customer may see of a payload."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.delivery.redact import redacted


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"phones": ["+79261234567"]}, {"phones": ["+7926…67"]}),
        ({"text": "Call 8 (926) 123-45-67 or ivan.p@example.com!"}, {"text": "Call 8926…67 or i…@example.com!"}),
        ({"name": "Иван Петров", "id": "019fa000-0000-7000-8000-000000000001"},
         {"name": "И… П…", "id": "019fa000-0000-7000-8000-000000000001"}),
        ({"manager": {"id": "a", "name": "Anna"}}, {"manager": {"id": "a", "name": "Anna"}}),
        ({"source": {"name": "site", "page": None}}, {"source": {"name": "site", "page": None}}),
        ({"occurred_at": "2026-11-22T09:30:00.123+00:00", "n": 5, "x": None},
         {"occurred_at": "2026-11-22T09:30:00.123+00:00", "n": 5, "x": None}),
        ({"text": "a" * 500}, {"text": "a" * 120 + "… (500 characters)"}),
    ],
)  # fmt: skip
def test_what_tells_who_somebody_is_is_shown_in_part(value: Any, shown: Any) -> None:
    assert redacted(value) == shown
