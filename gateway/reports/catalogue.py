"""Every report: its name in addresses, its title, and in words how its figures are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from gateway.reports import calls, duties, funnel, leads, money
from gateway.reports.scope import Scope
from gateway.reports.table import Table, _

Labels = Literal["own", "day", "weekday", "manager", "channel", "reason", "fault", "stage"]
"""What the lines of a report are, so that a page knows how to write their names."""
Chart = Literal["none", "bars", "trend", "heat", "funnel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report."""

    key: str
    title: str
    explain: str
    """How the figures are made: shown on the page."""
    build: Callable[[Connection, Scope], Table]
    labels: Labels = "own"
    chart: Chart = "none"
    charted: str = "all"
    """Key of the column that is drawn."""


def reports(stages: Sequence[tuple[str, str]]) -> tuple[Report, ...]:
    """All of them, in the order of the page. ``stages``: key and name of the pipeline's."""
    return (*_DUTIES, *_CALLS, *_LEADS, _funnel(stages))


def _funnel(stages: Sequence[tuple[str, str]]) -> Report:
    return Report(
        key="funnel",
        title=_("Pipeline"),
        explain=_(
            "Of the leads that came in the period, without spam. A lead came to a stage when it was in it or in a "
            "later one. The median counts the stays that have ended, in wall time."
        ),
        build=lambda connection, scope: funnel.funnel_report(connection, scope, stages),
        labels="stage",
        chart="funnel",
        charted="reached",
    )


_DUTIES = (
    Report(
        key="callbacks",
        title=_("Who waited for a call"),
        explain=_(
            "Each person counts once, from the first missed try until one side reached the other. In time: before the "
            "due time, which is counted in working time. Client got through: he called again and was answered."
        ),
        build=duties.callbacks_report,
        labels="manager",
    ),
    Report(
        key="response",
        title=_("How fast we called back"),
        explain=_(
            "From the first missed try until the person was reached by either side. Half of them took no longer than "
            "the median. The shares are of all who waited: whoever was never reached counts against them."
        ),
        build=duties.response_report,
        labels="day",
        chart="trend",
        charted="median",
    ),
    Report(
        key="tries",
        title=_("How often they had to try"),
        explain=_("People who waited for a call, by the number of their own tries, and how many were reached."),
        build=duties.tries_report,
        chart="bars",
    ),
    Report(
        key="breaches",
        title=_("Not in time"),
        explain=_("Callbacks that were reached after their due time, or are overdue and nobody was reached yet."),
        build=duties.breaches_report,
        labels="manager",
    ),
)

_CALLS = (
    Report(
        key="days",
        title=_("Calls by day"),
        explain=_("Calls from outside. Missed: nobody of the company spoke with the caller, whatever the reason."),
        build=calls.days_report,
        labels="day",
        chart="trend",
    ),
    Report(
        key="heat",
        title=_("When they call"),
        explain=_("Calls from outside by weekday and hour, in the company's time zone."),
        build=calls.heat_report,
        labels="weekday",
        chart="heat",
    ),
    Report(
        key="heat_missed",
        title=_("When calls are missed"),
        explain=_("Missed calls by weekday and hour, in the company's time zone."),
        build=calls.heat_missed_report,
        labels="weekday",
        chart="heat",
    ),
    Report(
        key="heat_share",
        title=_("When the missed share is high"),
        explain=_("Of the calls of each weekday and hour, how many were missed."),
        build=calls.heat_share_report,
        labels="weekday",
        chart="heat",
    ),
    Report(
        key="lines",
        title=_("Calls by line"),
        explain=_("Calls from outside by the number that was dialled. Waiting time is that of answered calls."),
        build=calls.lines_report,
        chart="bars",
    ),
    Report(
        key="queues",
        title=_("Calls by queue"),
        explain=_("Calls from outside that waited in a queue."),
        build=calls.queues_report,
        chart="bars",
    ),
    Report(
        key="reasons",
        title=_("Why calls were missed"),
        explain=_("Missed calls from outside by the reason that the PBX gave."),
        build=calls.reasons_report,
        labels="reason",
        chart="bars",
    ),
    Report(
        key="after_hours",
        title=_("After hours"),
        explain=_(
            "What came while nobody worked, and how much working time passed after the opening until the person was "
            "reached."
        ),
        build=calls.after_hours_report,
        labels="weekday",
        chart="bars",
        charted="after",
    ),
)

_LEADS = (
    Report(
        key="channels",
        title=_("Leads by channel"),
        explain=_(
            "Conversion: won, of all leads but spam. First answer: from the lead's beginning until somebody spoke with "
            "the person or wrote to him."
        ),
        build=leads.channels_report,
        labels="channel",
        chart="bars",
    ),
    Report(
        key="sources",
        title=_("Leads by source"),
        explain=_("By utm_source; where there is none, by the form, the mailbox or the line."),
        build=leads.sources_report,
        chart="bars",
    ),
    Report(
        key="campaigns",
        title=_("Leads by campaign"),
        explain=_("Source, medium and campaign of leads that came from advertising with UTM marks."),
        build=leads.campaigns_report,
        chart="bars",
    ),
    Report(
        key="managers",
        title=_("Managers"),
        explain=_("Leads and callbacks by the manager to whom they belong."),
        build=leads.managers_report,
        labels="manager",
    ),
    Report(
        key="money",
        title=_("Cost and revenue"),
        explain=_(
            "Cost is what was entered for a source, spread evenly over its days; it is divided by the leads without "
            "spam and by the won ones. ROI is revenue less cost, divided by cost. Only money of one currency is "
            "counted."
        ),
        build=money.money_report,
    ),
    Report(
        key="quality",
        title=_("Quality of leads"),
        explain=_("Leads without an owner, a source, a contact or an answer, spam, and what did not reach a CRM."),
        build=leads.quality_report,
        labels="fault",
        chart="bars",
        charted="count",
    ),
)
