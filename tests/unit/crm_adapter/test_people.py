"""Who is who."""

from __future__ import annotations

import pytest

from crm_adapter.people import Manager, User, match

ANNA = Manager(id="a", login="anna", email="Anna@Example.com", extensions=("101",))
OLEG = Manager(id="o", login="oleg", extensions=("102", "112"))


@pytest.mark.parametrize(
    ("users", "by_hand", "wanted"),
    [
        ([User(id="7", email="anna@example.com"), User(id="8", extensions=("102",))], {}, {"a": "7", "o": "8"}),
        ([User(id="7", email="anna@example.com"), User(id="9")], {"anna": "9"}, {"a": "9"}),
        ([User(id="7", email="anna@example.com", active=False)], {}, {}),
        ([User(id="7", email="anna@example.com"), User(id="8", email="ANNA@example.com")], {}, {}),
        ([User(id="7", extensions=("101",)), User(id="8", extensions=("101",))], {}, {}),
        ([User(id="7", email="anna@example.com", extensions=("102",))], {}, {"a": "7"}),
        ([User(id="8", extensions=("102", "112"))], {}, {"o": "8"}),
        ([], {"anna": "9"}, {}),
    ],
    ids=["mail, extension", "by hand first", "locked out", "shared mail", "shared extension", "one user once",
         "both extensions are one user", "nobody there"],
)  # fmt: skip
def test_managers_and_users_are_matched_the_surest_way_first(
    users: list[User], by_hand: dict[str, str], wanted: dict[str, str]
) -> None:
    found = match([ANNA, OLEG], users, by_hand)
    assert {manager: user.id for manager, user in found.user_of.items()} == wanted
    assert found.manager_of == {user: manager for manager, user in wanted.items()}


def test_a_user_named_by_hand_that_is_not_there_is_told() -> None:
    assert match([ANNA], [User(id="7")], {"anna": "9"}).unknown == ("9",)


def test_the_speaker_is_found_by_the_crms_extension_or_by_ours() -> None:
    users = [User(id="7", email="anna@example.com"), User(id="8", extensions=("102",))]
    found = match([ANNA, OLEG], users)
    by_theirs, by_ours = found.user_at("102", [ANNA, OLEG]), found.user_at("101", [ANNA, OLEG])
    assert by_theirs is not None
    assert by_ours is not None
    assert (by_theirs.id, by_ours.id) == ("8", "7")
    assert found.user_at("999", [ANNA, OLEG]) is None
