"""The reports: one filter bar, tables whose numbers open their rows, and the same tables as CSV and XLSX."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any

import xlsxwriter
from aiohttp import web
from sqlalchemy import Connection

from gateway.audit.log import Deed, record
from gateway.core.csvrows import guarded
from gateway.reports.catalogue import Report, reports
from gateway.reports.facts import manager_names
from gateway.reports.memory import FactMemory
from gateway.reports.scope import Scope, WorkingTime, no_hours
from gateway.reports.table import Cell, Column, Kind, Table
from gateway.web.access import viewer_of
from gateway.web.pages import charts, period
from gateway.web.pages.means import PageMeans
from gateway.web.pages.reportfiles import behind_file
from gateway.web.pages.reportwords import ReportWords, Shown
from gateway.web.problems import Refused
from gateway.web.queries.reportrows import rows_behind, spend_behind

OVERVIEW = ("callbacks", "days", "heat_missed", "channels")
"""What the first page of the reports shows at once."""
TILES = (
    ("days", "all", "days"), ("days", "share", "days"), ("callbacks", "all", "callbacks"),
    ("callbacks", "share", "callbacks"), ("callbacks", "overdue", "callbacks"), ("channels", "all", "channels"),
    ("channels", "conversion", "channels"), ("channels", "answer", "channels"),
)  # fmt: skip
"""Report, column: the totals that the first page begins with."""
PLACE = ("row", "column")
"""Where a number stands, in addresses."""
PAGE = 200
"""Rows behind a number on one page."""
FORMATS = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}

Stages = Callable[[Callable[[str], str]], Mapping[str, str]]
"""Given a translator: key -> name of the pipeline's stages, in their order."""
HoursOf = Callable[[str | None], WorkingTime | None]


class ReportPages:
    """``/reports`` and what is below it."""

    def __init__(self, means: PageMeans, stages: Stages, hours_of: HoursOf = no_hours) -> None:
        self._means = means
        self._stages = stages
        self._hours_of = hours_of
        self._memory = FactMemory()

    def routes(self) -> list[web.RouteDef]:
        """All need a session."""
        return [
            web.get("/reports", self.overview),
            web.get("/reports/{report}", self.one),
            web.get("/reports/{report}/rows", self.rows),
            web.get("/reports/{report}/rows.{format:csv|xlsx}", self.rows_file),
            web.get("/reports/{report}/table.{format:csv|xlsx}", self.file),
        ]

    async def overview(self, request: web.Request) -> web.Response:
        """The figures that an owner looks at first."""
        asked, scope, words = self._asked(request)
        wanted = [self._report(key, words) for key in OVERVIEW]
        tables = await self._means.store.read(lambda c: {one.key: one.build(c, scope) for one in wanted})
        shown = [words.shown(one, tables[one.key]) for one in wanted]
        tiles = [
            words.tile(self._report(key, words), tables[key], column, asked.link(f"/reports/{target}"))
            for key, column, target in TILES
        ]
        return await self._page(request, "reports.html", asked, words, shown=shown, tiles=tiles)

    async def one(self, request: web.Request) -> web.Response:
        """One report with its chart, its table and how it is counted."""
        asked, scope, words = self._asked(request)
        report = self._report(request.match_info["report"], words)
        table = await self._means.store.read(lambda c: report.build(c, scope))
        return await self._page(request, "report.html", asked, words, shown=[words.shown(report, table)])

    async def rows(self, request: web.Request) -> web.Response:
        """What one number was counted from."""
        asked, scope, words = self._asked(request)
        report = self._report(request.match_info["report"], words)
        start = _start(request.query.get("start", "0"))
        viewer = viewer_of(request)

        def read(connection: Connection) -> tuple[Table, Column, Kind, Cell, list[Any]]:
            table = report.build(connection, scope)
            column, kind, cell = _opened(table, request.query)
            ids = cell.rows[start : start + PAGE]
            found = spend_behind(connection, ids, viewer) if kind == "spend" else None
            return table, column, kind, cell, rows_behind(connection, kind, ids, viewer) if found is None else found

        table, column, kind, cell, rows = await self._means.store.read(read)
        place = {name: request.query.get(name, "") for name in PLACE}
        more = start + PAGE if start + PAGE < len(cell.rows) else None
        following = asked.link(request.path, **place, start=str(more)) if more else None
        return await self._page(
            request,
            "report_rows.html",
            asked,
            words,
            shown=[],
            report=report,
            back=asked.link(f"/reports/{report.key}"),
            where=words.line_name(report, table, place["row"]),
            column=column,
            value=words.value(column, cell.value, table.currency),
            count=len(cell.rows),
            kind=kind,
            rows=rows,
            files=[(file, asked.link(f"{request.path}.{file}", **place)) for file in FORMATS],
            following=following,
        )

    async def rows_file(self, request: web.Request) -> web.Response:
        """All of them as a file; who took it is written down, since names and numbers are in it."""
        _, scope, words = self._asked(request)
        report = self._report(request.match_info["report"], words)
        viewer, file, now = viewer_of(request), request.match_info["format"], self._means.clock.now()

        def read(connection: Connection) -> tuple[bytes, int]:
            _, kind, cell = _opened(report.build(connection, scope), request.query)
            return behind_file(connection, kind, cell.rows, viewer, file=file, zone=self._means.zone)

        body, count = await self._means.store.read(read)
        deed = Deed(
            actor=viewer.actor,
            action="rows.exported",
            object_kind="report",
            object_id=report.key,
            detail={"count": count, "format": file},
        )
        await self._means.store.write(lambda c: record(c, deed, now))
        name = f"{report.key}-rows-{scope.first.isoformat()}-{scope.last.isoformat()}.{file}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return web.Response(body=body, content_type=FORMATS[file], headers=headers)

    async def file(self, request: web.Request) -> web.Response:
        """The table as it is on the screen."""
        _, scope, words = self._asked(request)
        report = self._report(request.match_info["report"], words)
        table = await self._means.store.read(lambda c: report.build(c, scope))
        kind = request.match_info["format"]
        body = _csv(words.grid(report, table)) if kind == "csv" else _xlsx(words.grid(report, table, raw=True))
        name = f"{report.key}-{scope.first.isoformat()}-{scope.last.isoformat()}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=body, content_type=FORMATS[kind], headers=headers)

    def _asked(self, request: web.Request) -> tuple[period.Asked, Scope, ReportWords]:
        now = self._means.clock.now()
        asked = period.read(request.query, now, self._means.zone)
        scope = Scope(
            first=asked.first,
            last=asked.last,
            zone=self._means.zone,
            now=now,
            seen_by=viewer_of(request).seen_by,
            hours_of=self._hours_of,
            memory=self._memory,
            **asked.values,
        )
        return asked, scope, ReportWords(self._means.renderer.words(request))

    def _report(self, key: str, words: ReportWords) -> Report:
        stages = list(self._stages(words.gettext).items())
        found = next((report for report in reports(stages) if report.key == key), None)
        if found is None:
            raise Refused(404, "not_found", "There is no such report.")
        return found

    async def _page(
        self,
        request: web.Request,
        template: str,
        asked: period.Asked,
        words: ReportWords,
        *,
        shown: Sequence[Shown],
        **context: Any,
    ) -> web.Response:
        stages = list(self._stages(words.gettext).items())
        return self._means.renderer.page(
            request,
            template,
            asked=asked,
            periods=period.PERIODS,
            managers=await self._means.store.read(manager_names),
            menu=[(one.key, words.gettext(one.title)) for one in reports(stages)],
            shown=shown,
            charts=charts,
            zone=self._means.locale.timezone,
            **context,
        )


def _opened(table: Table, query: Mapping[str, str]) -> tuple[Column, Kind, Cell]:
    """The number that an address names, with the kind of its rows. Raises Refused (404)."""
    found = table.cell(*(query.get(name, "") for name in PLACE))
    if found is None or found[0].opens is None:
        raise Refused(404, "not_found", "There is no such number in this report.")
    column, cell = found
    return column, found[0].opens, cell


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _csv(grid: Sequence[Sequence[str | float | None]]) -> bytes:
    target = StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerows([guarded(str(row[0])), *row[1:]] for row in grid)  # names come from outside, values from us
    return b"\xef\xbb\xbf" + target.getvalue().encode()  # Excel reads UTF-8 only with a mark


def _xlsx(grid: Sequence[Sequence[str | float | None]]) -> bytes:
    """Numbers stay numbers; texts are never taken for formulas."""
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet()
    for row_number, row in enumerate(grid):
        for place, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(row_number, place, value)
            elif value is not None:
                sheet.write_number(row_number, place, value)
    book.close()
    return target.getvalue()
