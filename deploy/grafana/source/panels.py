"""Dashboards as Grafana's JSON, out of a few words each. The model: Grafana's dashboard schema, version 38."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT = 12, 8
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
CLICKHOUSE = {"type": "grafana-clickhouse-datasource", "uid": "${datasource}"}
Plain = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """`queries` are expressions, each with the legend of its series. `link` is a place in the console."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    about: str = ""
    kind: str = "timeseries"
    link: str = ""


@dataclass(frozen=True)
class Variable:
    """What a person chooses among: the values of a label of the series that `of` selects; or writes, as `text`.
    Of very `many` values all are meant by one pattern; links, which take lists, must not use such a one."""

    name: str
    of: str = ""
    text: str = ""
    many: bool = False


@dataclass(frozen=True)
class Row:
    """A heading, and what is below it."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Dashboard:
    """`name` is its file's and makes its identity; `sql`: it asks a ClickHouse instead of a Prometheus."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    link: str = "/?since=1h"
    sql: bool = False
    panels: Sequence[Panel] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "panels", [panel for row in self.rows for panel in row.panels])


def text_of(board: Dashboard) -> str:
    """The file's content."""
    return json.dumps(_dashboard(board), indent=1, ensure_ascii=False) + "\n"


def _dashboard(board: Dashboard) -> Plain:
    return {
        "uid": f"fairway-{board.name}",
        "title": board.title,
        "description": board.about,
        "tags": ["fairway"],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [
            {
                "title": "Console",
                "type": "link",
                "icon": "external link",
                "url": f"${{console}}{board.link}",
                "targetBlank": True,
                "tags": [],
                "asDropdown": False,
                "includeVars": False,
                "keepTime": False,
                "tooltip": "The same in Fairway's console",
            },
            {
                "title": "Fairway",
                "type": "dashboards",
                "icon": "external link",
                "url": "",
                "tags": ["fairway"],
                "asDropdown": True,
                "includeVars": False,
                "keepTime": True,
                "targetBlank": False,
                "tooltip": "",
            },
        ],
        "templating": {"list": [*_variables(board)]},
        "panels": [*_panels(board)],
    }


def _variables(board: Dashboard) -> Iterator[Plain]:
    source = CLICKHOUSE["type"] if board.sql else PROMETHEUS["type"]
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": source, "hide": 0}
    for one in (*board.variables, Variable("console", text="https://fairway-hub.fairway.svc:8480")):
        if one.text:
            chosen = {"text": one.text, "value": one.text, "selected": True}
            yield {"name": one.name, "type": "textbox", "query": one.text, "current": chosen, "hide": 0}
            continue
        query = one.of if board.sql else f"label_values({one.of}, {one.name})"
        yield {
            "name": one.name,
            "type": "query",
            "datasource": CLICKHOUSE if board.sql else PROMETHEUS,
            "query": query,
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            **({"allValue": ".*"} if one.many else {}),
            "current": {"text": ["All"], "value": ["$__all"], "selected": True},
            "hide": 0,
        }


def _panels(board: Dashboard) -> Iterator[Plain]:
    number, down = 0, 0
    for row in board.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": down, "w": 24, "h": 1},
            "panels": [],
        }
        down += 1
        for place, panel in enumerate(row.panels):
            number += 1
            position = {"x": place % 2 * WIDTH, "y": down + place // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT}
            yield _panel(number, panel, position, sql=board.sql)
        down += (len(row.panels) + 1) // 2 * HEIGHT


def _panel(number: int, panel: Panel, position: Plain, *, sql: bool) -> Plain:
    custom = {"fillOpacity": 10, "showPoints": "never", "lineWidth": 1} if panel.kind == "timeseries" else {}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": CLICKHOUSE if sql else PROMETHEUS,
        "gridPos": position,
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "options": {},
        "links": [{"title": "Console", "url": f"${{console}}{panel.link}", "targetBlank": True}]
        if panel.link
        else [],
        "targets": [_target(chr(65 + i), *query, panel, sql=sql) for i, query in enumerate(panel.queries)],
    }


def _target(letter: str, query: str, legend: str, panel: Panel, *, sql: bool) -> Plain:
    if sql:
        shape = "timeseries" if panel.kind == "timeseries" else "table"
        return {
            "refId": letter,
            "datasource": CLICKHOUSE,
            "editorType": "sql",
            "queryType": shape,
            "format": 0 if shape == "timeseries" else 1,
            "rawSql": query,
        }
    table = panel.kind == "table"
    return {
        "refId": letter,
        "datasource": PROMETHEUS,
        "expr": query,
        "legendFormat": legend,
        "instant": table,
        "range": not table,
        "format": "table" if table else "time_series",
    }
