"""What the sources of leads cost and what they brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from gateway.reports.facts import NOBODY, LeadFact, leads
from gateway.reports.numbers import ratio
from gateway.reports.scope import Scope
from gateway.reports.table import TOTAL, Cell, Column, Line, Table, _, counted, grouped
from gateway.storage.tables import Spend, table_of

SPEND = table_of(Spend)

MONEY = (
    Column(key="leads", label=_("Leads"), opens="lead"),
    Column(key="cost", label=_("Cost"), unit="money", opens="spend"),
    Column(key="cost_per_lead", label=_("Cost per lead"), unit="money", opens="lead"),
    Column(key="won", label=_("Won"), opens="lead"),
    Column(key="conversion", label=_("Conversion"), unit="share", opens="lead"),
    Column(key="cost_per_sale", label=_("Cost per sale"), unit="money", opens="lead"),
    Column(key="revenue", label=_("Revenue"), unit="money", opens="lead"),
    Column(key="revenue_share", label=_("Share of revenue"), unit="share", opens="lead"),
    Column(key="roi", label=_("ROI"), unit="share", opens="lead"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendFact:
    """What a source cost in a period."""

    id: str
    source: str
    channel: str
    first: date
    last: date
    amount: int
    currency: str

    def within(self, first: date, last: date) -> float:
        """The part that falls on these days: the amount is spread evenly over its own."""
        start, end = max(first, self.first), min(last, self.last)
        days = (end - start).days + 1
        return self.amount * days / ((self.last - self.first).days + 1) if days > 0 else 0.0


def spend(connection: Connection, scope: Scope) -> list[SpendFact]:
    """What touches the days of the scope. Who sees only his own leads does not see what all of them cost."""
    if scope.seen_by is not None:
        return []
    names = ("id", "source", "channel", "first_day", "last_day", "amount", "currency")
    query = select(*(SPEND.c[name] for name in names)).where(
        SPEND.c.last_day >= scope.first, SPEND.c.first_day <= scope.last
    )
    if scope.source is not None:
        query = query.where(SPEND.c.source == scope.source)
    found = [
        SpendFact(id=key, source=source, channel=channel, first=first, last=last, amount=amount, currency=currency)
        for key, source, channel, first, last, amount, currency in connection.execute(query)
    ]
    return [fact for fact in found if scope.channel is None or fact.channel in {"", scope.channel}]


def money_report(connection: Connection, scope: Scope) -> Table:
    """By source, in the currency that most is counted in; other currencies are never added to it."""
    return money_table(leads(connection, scope), spend(connection, scope), scope)


def money_table(facts: Sequence[LeadFact], costs: Sequence[SpendFact], scope: Scope) -> Table:
    """See MONEY. ROI is (revenue - cost) / cost: 0 is money back, 1 is double."""
    currency = main_currency(facts, costs)
    costs = [cost for cost in costs if cost.currency == currency]
    by_source = grouped([lead for lead in facts if lead.status != "spam"], lambda lead: lead.source or NOBODY)
    costs_of = grouped(costs, lambda cost: cost.source or NOBODY)
    cost = {source: sum(one.within(scope.first, scope.last) for one in group) for source, group in costs_of.items()}
    everything = [lead for group in by_source.values() for lead in group]
    revenue = _revenue(everything, currency)
    keys = sorted({*by_source, *cost}, key=lambda key: (-cost.get(key, 0), -len(by_source.get(key, [])), key))
    lines = tuple(
        Line(
            key,
            None if key == NOBODY else key,
            _money(by_source.get(key, []), Cell(cost.get(key), costs_of.get(key, ())), revenue, currency),
        )
        for key in keys
    )
    whole = _money(everything, Cell(sum(cost.values()) if cost else None, costs), revenue, currency)
    return Table(columns=MONEY, lines=lines, total=Line(TOTAL, None, whole), currency=currency)


def main_currency(facts: Sequence[LeadFact], costs: Sequence[SpendFact]) -> str | None:
    """The one that most leads and costs are in; None where there is no money at all."""
    named = [lead.currency for lead in facts if lead.currency] + [cost.currency for cost in costs]
    return max(sorted(set(named)), key=named.count) if named else None


def _revenue(facts: Sequence[LeadFact], currency: str | None) -> int:
    return sum(lead.amount or 0 for lead in facts if lead.status == "won" and lead.currency == currency)


def _money(facts: Sequence[LeadFact], spent: Cell, revenue_of_all: int, currency: str | None) -> tuple[Cell, ...]:
    cost = spent.value
    won = [lead for lead in facts if lead.status == "won"]
    revenue = _revenue(facts, currency)
    return (
        counted(facts),
        spent,
        Cell(ratio(cost, len(facts)) if cost is not None else None, facts),
        counted(won),
        Cell(ratio(len(won), len(facts)), won),
        Cell(ratio(cost, len(won)) if cost is not None else None, won),
        Cell(revenue, won),
        Cell(ratio(revenue, revenue_of_all), won),
        Cell(ratio(revenue - cost, cost) if cost else None, won),
    )
