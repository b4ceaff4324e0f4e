"""What the configuration says of the company itself: its numbers and addresses are never a contact."""

from __future__ import annotations

from gateway.config.settings import Settings
from gateway.core.address import email_handle
from gateway.core.masking import Masker
from gateway.core.phone import phone_handle
from gateway.core.types import Handle
from gateway.privacy.erase import Memory
from gateway.processing.step import Calendar, Rules


def own_addresses(settings: Settings) -> tuple[str, ...]:
    """The company's addresses, its mailboxes' and its people's: a letter from one of them is ours."""
    people = (person.email for person in settings.manager if person.email)
    mailboxes = (mailbox.address for mailbox in settings.mailbox if mailbox.address)
    senders = (sender.address for sender in settings.sender)
    return (*settings.gateway.own_addresses, *people, *mailboxes, *senders)


def own_numbers(settings: Settings) -> tuple[str, ...]:
    """The company's numbers, and its people's mobiles."""
    return (*settings.gateway.own_numbers, *(person.mobile for person in settings.manager if person.mobile))


def masker_of(settings: Settings) -> Masker:
    """Masks every number and address but the company's own."""
    return Masker(
        settings.gateway.region,
        numbers=own_numbers(settings),
        addresses=own_addresses(settings),
        domains=settings.gateway.own_domains,
    )


def company_words(settings: Settings) -> tuple[str, ...]:
    """By what names strangers know the company: nobody should make a password of them."""
    gateway = settings.gateway
    domains = (*gateway.own_domains, *(address.partition("@")[2] for address in gateway.own_addresses))
    name = settings.documents.company.get("name", "")
    return (name, *(domain.rpartition(".")[0] for domain in domains))


def rules_of(settings: Settings, calendar: Calendar | None = None) -> Rules:
    """What the processing must know of the company."""
    gateway = settings.gateway
    found: list[Handle | None] = [phone_handle(number, gateway.region) for number in own_numbers(settings)]
    found += [email_handle(address) for address in own_addresses(settings)]
    return Rules(
        own_handles=frozenset(handle for handle in found if handle is not None),
        own_domains=frozenset(gateway.own_domains),
        open_for_outbound=settings.leads.open_for_outbound,
        history=settings.leads.history,
        keep=settings.retention.keep,
        calendar=calendar,
        forgotten=Memory.of(settings.data).forgotten,
    )
