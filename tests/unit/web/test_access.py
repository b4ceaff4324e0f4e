"""Roles: what each may do, and whose rows they see."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from gateway.web.access import Right, Role, needs, right_of, viewer
from gateway.web.accounts import TokenInfo
from gateway.web.sessions import SessionInfo

SESSION = SessionInfo(
    token_hash="h",
    manager_id="m1",
    login="anna",
    name="Анна",
    role="manager",
    language=None,
    csrf="c",
    seen_at=datetime(2026, 11, 23, tzinfo=UTC),
)


def of(role: str, *, see_all: bool = True) -> set[str]:
    who = viewer(dataclasses.replace(SESSION, role=role), None, managers_see_all=see_all)
    return {right.value for right in who.rights}


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("owner", {"see", "work", "lead", "inspect", "administer"}),
        ("chief", {"see", "work", "lead", "inspect"}),
        ("manager", {"see", "work"}),
        ("auditor", {"see", "inspect"}),
        ("what nobody knows", set()),
    ],
)
def test_each_role_has_its_rights_and_an_unknown_one_has_none(role: str, rights: set[str]) -> None:
    assert of(role) == rights


@pytest.mark.parametrize("role", list(Role))
def test_only_managers_are_narrowed_to_their_own_rows(role: Role) -> None:
    who = viewer(dataclasses.replace(SESSION, role=role.value), None, managers_see_all=False)
    assert who.sees("m1")
    assert who.sees(None)
    assert who.sees("m2") == (role is not Role.MANAGER)


def test_managers_see_everything_where_the_company_wants_it_so() -> None:
    assert viewer(SESSION, None, managers_see_all=True).sees("m2")


def test_a_program_does_what_a_chief_does_and_makes_no_people() -> None:
    token = TokenInfo(id="t1", name="crm", created_at=SESSION.seen_at, last_used_at=None, revoked_at=None)
    who = viewer(None, token, managers_see_all=False)
    assert who.actor == "token:t1"
    assert who.may(Right.LEAD)
    assert not who.may(Right.ADMINISTER)
    assert who.sees("m2")


def test_nobody_has_no_rights() -> None:
    assert viewer(None, None, managers_see_all=True).rights == frozenset()


class Pages:
    """Handlers as the pages have them: methods of an object."""

    async def plain(self) -> None:
        """Says nothing."""

    @needs(Right.ADMINISTER)
    async def marked(self) -> None:
        """Says what it needs."""


def test_a_handler_that_says_nothing_is_closed_to_those_who_only_look_when_it_changes_something() -> None:
    assert right_of(Pages().plain, "GET") is Right.SEE
    assert right_of(Pages().plain, "POST") is Right.WORK
    assert right_of(Pages().plain, "DELETE") is Right.WORK
    assert right_of(Pages().marked, "GET") is Right.ADMINISTER


@pytest.mark.parametrize("role", list(Role))
def test_numbers_are_masked_for_the_roles_that_are_named_and_nobody_else(role: Role) -> None:
    session = dataclasses.replace(SESSION, role=role.value)
    assert not viewer(session, None, managers_see_all=True).masked
    who = viewer(session, None, managers_see_all=True, mask_for=("auditor", "manager"))
    assert who.masked == (role in {Role.AUDITOR, Role.MANAGER})


def test_a_program_is_no_role_and_sees_numbers_whole() -> None:
    token = TokenInfo(id="t1", name="crm", created_at=SESSION.seen_at, last_used_at=None, revoked_at=None)
    assert not viewer(None, token, managers_see_all=True, mask_for=("chief", "manager", "auditor")).masked


@pytest.mark.parametrize(
    ("role", "has_password", "has_factor", "lacks"),
    [
        ("owner", True, False, True),
        ("owner", True, True, False),
        ("owner", False, False, False),  # the provider's business
        ("manager", True, False, False),
    ],
)
def test_who_lacks_the_factor_of_the_role_has_no_right(
    role: str, has_password: bool, has_factor: bool, lacks: bool
) -> None:
    session = dataclasses.replace(SESSION, role=role, has_password=has_password, has_factor=has_factor)
    who = viewer(session, None, managers_see_all=True, second_factor_for=("owner", "chief"))
    assert who.lacks_factor is lacks
    assert (who.rights == frozenset()) is lacks


def test_a_program_is_not_asked_for_a_second_factor() -> None:
    token = TokenInfo(id="t", name="t", created_at=SESSION.seen_at, last_used_at=None, revoked_at=None)
    every_role = tuple(role.value for role in Role)
    assert viewer(None, token, managers_see_all=True, second_factor_for=every_role).rights
