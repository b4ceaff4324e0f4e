"""``leadgate user`` and ``leadgate token``: who may sign in, and which programs may ask."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.cli.common import (
    add_command,
    add_config_and_data,
    add_group,
    add_json,
    moment,
    print_json,
    print_table,
    record,
    tell,
    with_store,
)
from gateway.core.errors import LeadgateError

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.storage.store import Store
    from gateway.web.accounts import Accounts

T = TypeVar("T")
ROLES = ("owner", "chief", "manager", "auditor")


def add(commands: Any) -> None:
    """Declare user and token with their commands."""
    _add_user(add_group(commands, "user", "people who sign in: add, list, password, disable, no-factor"))
    _add_token(add_group(commands, "token", "API tokens of programs: add, list, revoke"))


def _add_user(group: Any) -> None:
    new = add_command(
        group,
        "add",
        _user_add,
        "add a person and print a one-time link to set the password",
        examples=["leadgate user add anna --name 'Anna Smith' --role owner --extension 101"],
    )
    new.add_argument("login", metavar="LOGIN", help="what the person types to sign in")
    new.add_argument("--name", default="", help="what others see (default: the login)")
    new.add_argument("--role", choices=ROLES, default="manager", help="what the person may do (default: manager)")
    new.add_argument("--email", metavar="ADDRESS")
    new.add_argument("--mobile", metavar="NUMBER")
    new.add_argument("--extension", metavar="NUMBER", action="append", default=[], help="internal number; repeatable")
    everybody = add_command(group, "list", _user_list, "list the people", examples=["leadgate user list --json"])
    password = add_command(
        group,
        "password",
        _user_password,
        "set a person's password",
        more="Asks for it on a terminal, otherwise reads the first line of standard input. Open sessions end.",
        examples=["leadgate user password anna", "leadgate user password anna --link"],
    )
    password.add_argument("login", metavar="LOGIN")
    password.add_argument("--link", action="store_true", help="print a one-time link instead, for the person to use")
    disable = add_command(
        group, "disable", _user_disable, "lock a person out at once", examples=["leadgate user disable anna"]
    )
    disable.add_argument("login", metavar="LOGIN")
    factor = add_command(
        group,
        "no-factor",
        _user_no_factor,
        "switch a person's second factor off",
        more="For who lost both the telephone and the recovery codes. The password alone lets in again.",
        examples=["leadgate user no-factor anna"],
    )
    factor.add_argument("login", metavar="LOGIN")
    for one in (new, everybody, password, disable, factor):
        add_config_and_data(one)
        add_json(one)


def _add_token(group: Any) -> None:
    new = add_command(
        group,
        "add",
        _token_add,
        "make a token and print it, this once",
        more="A program sends it as 'Authorization: Bearer TOKEN' to /api/v1/...",
        examples=["leadgate token add website", "leadgate token add website --json"],
    )
    new.add_argument("name", metavar="NAME", help="which program it is for")
    everything = add_command(group, "list", _token_list, "list the tokens", examples=["leadgate token list"])
    revoke = add_command(group, "revoke", _token_revoke, "end a token at once", examples=["leadgate token revoke site"])
    revoke.add_argument("name", metavar="NAME")
    for one in (new, everything, revoke):
        add_config_and_data(one)
        add_json(one)


def _with_accounts(args: argparse.Namespace, work: Callable[[Accounts, Settings], Awaitable[T]]) -> T:
    from gateway.app.company import company_words
    from gateway.core.clock import SystemClock, new_id
    from gateway.web.accounts import Accounts
    from gateway.web.passwords import Passwords

    async def with_accounts(store: Store, settings: Settings) -> T:
        passwords = Passwords(company_words(settings))
        try:
            return await work(Accounts(store, SystemClock(), new_id, passwords), settings)
        finally:
            passwords.close()

    return with_store(args, with_accounts)


def _user_add(args: argparse.Namespace) -> int:
    from gateway.web.accounts import NewManager

    async def work(accounts: Accounts, settings: Settings) -> int:
        new = NewManager(
            login=args.login,
            name=args.name,
            role=args.role,
            email=args.email,
            mobile=args.mobile,
            extensions=tuple(args.extension),
        )
        person = await accounts.add_manager(new)
        await _print_link(args, accounts, settings, {"login": person.login, "name": person.name, "role": person.role})
        return 0

    return _with_accounts(args, work)


def _user_list(args: argparse.Namespace) -> int:
    async def work(accounts: Accounts, _: Settings) -> int:
        people = await accounts.managers()
        if args.json:
            print_json({"users": [record(person) for person in people]})
            return 0
        rows = [
            (person.login, person.name, person.role, ",".join(person.extensions) or "-", _state(person))
            for person in people
        ]
        print_table(("LOGIN", "NAME", "ROLE", "EXTENSIONS", "STATE"), rows)
        return 0

    return _with_accounts(args, work)


def _state(person: Any) -> str:
    if person.disabled_at is not None:
        return "disabled"
    return "active" if person.has_password else "no password yet"


def _user_password(args: argparse.Namespace) -> int:
    password = None if args.link else _ask_password()

    async def work(accounts: Accounts, settings: Settings) -> int:
        if password is None:
            await _print_link(args, accounts, settings, {"login": args.login})
            return 0
        await accounts.set_password(args.login, password)
        _done(args, {"login": args.login, "changed": True}, f"The password of {args.login} is set.")
        return 0

    return _with_accounts(args, work)


def _ask_password() -> str:
    """From the terminal, twice and unseen; from a pipe, its first line. Raises LeadgateError."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("New password: ")
        if getpass.getpass("The same again: ") != password:
            raise LeadgateError("The two passwords differ. Nothing was changed.")
    if not password:
        raise LeadgateError("There was no password on standard input. Nothing was changed.")
    return password


def _user_disable(args: argparse.Namespace) -> int:
    async def work(accounts: Accounts, _: Settings) -> int:
        person = await accounts.disable(args.login)
        _done(args, record(person), f"{person.login} can't sign in any more; open sessions have ended.")
        return 0

    return _with_accounts(args, work)


def _user_no_factor(args: argparse.Namespace) -> int:
    async def work(store: Store, _: Settings) -> int:
        from gateway.audit.log import CONSOLE
        from gateway.core.by import By
        from gateway.core.clock import SystemClock, new_id
        from gateway.web.people import drop_factor_of

        by = By(actor=CONSOLE, at=SystemClock().now(), new_id=new_id)
        was_on = await store.write(lambda connection: drop_factor_of(connection, args.login, by))
        sentence = f"{args.login} signs in with the password alone." if was_on else f"{args.login} had none."
        _done(args, {"login": args.login, "changed": was_on}, sentence)
        return 0

    return with_store(args, work)


def _token_add(args: argparse.Namespace) -> int:
    async def work(accounts: Accounts, _: Settings) -> int:
        secret = await accounts.add_token(args.name)
        if args.json:
            print_json({"name": args.name, "token": secret})
        else:
            tell("Keep it safe: it is not shown again.")
            print(secret)
        return 0

    return _with_accounts(args, work)


def _token_list(args: argparse.Namespace) -> int:
    async def work(accounts: Accounts, settings: Settings) -> int:
        tokens = await accounts.tokens()
        if args.json:
            print_json({"tokens": [record(token) for token in tokens]})
            return 0
        rows = [
            (
                token.name,
                moment(token.created_at, settings),
                moment(token.last_used_at, settings),
                moment(token.revoked_at, settings),
            )
            for token in tokens
        ]
        print_table(("NAME", "CREATED", "LAST USED", "REVOKED"), rows)
        return 0

    return _with_accounts(args, work)


def _token_revoke(args: argparse.Namespace) -> int:
    async def work(accounts: Accounts, _: Settings) -> int:
        await accounts.revoke_token(args.name)
        _done(args, {"name": args.name, "revoked": True}, f"The token {args.name} has ended.")
        return 0

    return _with_accounts(args, work)


async def _print_link(args: argparse.Namespace, accounts: Accounts, settings: Settings, about: dict[str, Any]) -> None:
    hours = settings.web.setup_link_hours
    path = await accounts.setup_link(args.login, timedelta(hours=hours))
    link = f"http://{_reachable(settings.web.private)}{path}"
    if args.json:
        print_json({**about, "link": link})
    else:
        tell(f"Give {args.login} this link. It works once, for {hours} hours:")
        print(link)


def _reachable(listen: str) -> str:
    """``0.0.0.0:8080`` is where to listen, not where to go."""
    host, _, port = listen.rpartition(":")
    return f"localhost:{port}" if host in ("", "0.0.0.0", "[::]") else listen  # noqa: S104 - compared, not bound


def _done(args: argparse.Namespace, result: Any, sentence: str) -> None:
    if args.json:
        print_json(result)
    else:
        tell(sentence)
