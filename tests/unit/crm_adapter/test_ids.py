"""Ids that are numbers."""

from __future__ import annotations

import pytest

from crm_adapter.base import Misconfigured
from crm_adapter.ids import check_user_ids, number
from crm_adapter.options import BadOption
from crm_adapter.recordadapter import RecordOptions


def test_a_number_is_read() -> None:
    assert number("42", "user") == 42


@pytest.mark.parametrize("text", ["", "anna", "-1", "4.2", "٤٢", "1 OR 1"])
def test_what_is_no_number_is_said_with_its_name(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"^user "):
        number(text, "user")


def test_users_of_the_configuration_are_numbers() -> None:
    check_user_ids(RecordOptions(users={"anna": "7"}, default_user="1"))
    with pytest.raises(BadOption, match=r"^users\.anna must be the number of a user"):
        check_user_ids(RecordOptions(users={"anna": "Anna"}))
    with pytest.raises(BadOption, match=r"^default_user must"):
        check_user_ids(RecordOptions(default_user="x"))
