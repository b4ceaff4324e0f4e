"""The pages that show what other rooms know, put together."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from gateway.config.settings import Settings
from gateway.leads.pipeline import Pipeline
from gateway.routing.calendars import Schedules
from gateway.telephony.recordings import is_url
from gateway.web.pages.callbacks import CallbackPages
from gateway.web.pages.calls import CallPages
from gateway.web.pages.contacts import ContactPages
from gateway.web.pages.documents import DocumentPages
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.means import PageMeans, Pages
from gateway.web.pages.pipeline import PipelinePages
from gateway.web.pages.reports import ReportPages
from gateway.web.pages.ringing import RingingPages
from gateway.web.pages.settings.crm import CrmPages
from gateway.web.pages.settings.guide import GuidePages
from gateway.web.pages.settings.hours import HoursPages
from gateway.web.pages.settings.parts import SettingsParts
from gateway.web.pages.settings.sources import SourcePages
from gateway.web.pages.spend import SpendPages
from gateway.web.pages.tasks import TaskPages


def lead_parts(settings: Settings) -> LeadParts:
    """What the pages of leads know of the configuration."""
    return LeadParts(leads=settings.leads, senders={sender.name: sender.address for sender in settings.sender})


def pages(settings: Settings, schedules: Schedules, administration: SettingsParts) -> Pages:
    """What the web room asks for once it has its own parts."""
    pipeline = Pipeline(settings.leads)

    def routes(means: PageMeans) -> Sequence[web.RouteDef]:
        return [
            *CallbackPages(means, settings.callbacks.snooze).routes(),
            *RingingPages(means).routes(),
            *ReportPages(means, stages=pipeline.names, hours_of=schedules.of_line).routes(),
            *work_routes(means, settings),
            *administration_routes(means, administration, settings),
        ]

    return routes


def work_routes(means: PageMeans, settings: Settings) -> list[web.RouteDef]:
    """The pages of a manager's day besides callbacks and leads."""
    parts = lead_parts(settings)
    places = {pbx.name: "elsewhere" if is_url(pbx.recordings) else "here" for pbx in settings.pbx if pbx.recordings}
    return [
        *PipelinePages(means, settings.leads).routes(),
        *TaskPages(means).routes(),
        *CallPages(means, places).routes(),
        *ContactPages(means, parts).routes(),
        *DocumentPages(means, parts).routes(),
        *SpendPages(means, settings.leads.currency).routes(),
    ]


def administration_routes(means: PageMeans, parts: SettingsParts, settings: Settings) -> list[web.RouteDef]:
    """The pages of the administration that show other rooms; those of accounts are the web room's own."""
    return [
        *GuidePages(means, parts).routes(),
        *SourcePages(means, parts).routes(),
        *CrmPages(means, tuple(crm.name for crm in settings.crm), parts.status).routes(),
        *HoursPages(means, parts).routes(),
    ]
