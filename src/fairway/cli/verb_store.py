"""`fairway store`: look after the hub's database, move it, take pieces out and put them in.

The hub must be stopped, or its database be on servers.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairway.hub.state import add_state
from fairway.kit.arguments import add_output, duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairway.hub.database.embedded import Embedded
    from fairway.hub.database.servers import Servers


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and what it can do."""
    store = verbs.add_parser("store", help="check, compact, move, export and import the hub's database")
    actions = store.add_subparsers(metavar="ACTION", required=True)
    check = _action(actions, "check", "what each table holds, and whether it is whole; exit 1 if not", _check)
    add_output(check)
    _action(actions, "compact", "merge parts, drop what is older than it is kept", _compact)
    move = _action(actions, "migrate", "copy everything into another database", _migrate)
    move.add_argument("to", metavar="TO", help="chdb:///FOLDER or clickhouse://USER@HOST/DATABASE?cluster=NAME")
    out = _action(actions, "export", "write flows as a Parquet file", _export)
    out.add_argument("file", type=Path, metavar="FILE", help="the Parquet file to write")
    out.add_argument(
        "--since", type=_moment, metavar="TIME", help="from then on: 2h before now, or 2026-01-31T10:00Z"
    )
    out.add_argument("--until", type=_moment, metavar="TIME", help="before then")
    out.add_argument(
        "--namespace", action="append", default=[], metavar="NAME", help="flows from or to it; may be repeated"
    )
    back = _action(actions, "import", "put the flows of Parquet files in, each file once", _import)
    back.add_argument("files", type=Path, nargs="+", metavar="FILE", help="Parquet files of flows")


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    about: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=about)
    add_state(action)
    action.add_argument(
        "--store", metavar="URL", help="the database, where it is not in the state folder: clickhouse://..."
    )
    action.set_defaults(run=run)
    return action


@contextmanager
def _opened(arguments: argparse.Namespace) -> "Iterator[Embedded | Servers]":
    from fairway.hub.database.migrations import migrate
    from fairway.hub.database.places import database_at
    from fairway.hub.state import find_state

    place = arguments.store or f"chdb://{find_state(arguments.state).database.absolute()}"
    with database_at(place) as database:
        migrate(database)
        yield database


def _check(arguments: argparse.Namespace) -> int:
    from fairway.hub.database.upkeep import held, troubles
    from fairway.kit import show

    with _opened(arguments) as database:
        tables, wrong = held(database), troubles(database)
    rows: list[dict[str, Any]] = [
        {"table": one.table, "rows": one.rows, "bytes": one.bytes, "parts": one.parts} for one in tables
    ]
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        rows = [
            row | {"rows": str(row["rows"]), "bytes": show.size(row["bytes"]), "parts": str(row["parts"])}
            for row in rows
        ]
        show.rows(rows, right=("rows", "bytes", "parts"), empty="")
    else:
        show.rows(rows, output=output)
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


def _compact(arguments: argparse.Namespace) -> int:
    from fairway.hub.database.upkeep import compact, held
    from fairway.kit import show

    with _opened(arguments) as database:
        before = sum(one.bytes for one in held(database))
        compact(database)
        after = sum(one.bytes for one in held(database))
    sys.stdout.write(f"{show.size(before)} before, {show.size(after)} now\n")
    return 0


def _migrate(arguments: argparse.Namespace) -> int:
    from fairway.hub.database.copying import copy
    from fairway.hub.database.places import database_at
    from fairway.kit.errors import UsageError

    if not arguments.to.startswith("clickhouse://") and arguments.store is None:
        raise UsageError(f"`{arguments.to}`: one process opens one folder; give clickhouse://..., or --store")
    with _opened(arguments) as source, database_at(arguments.to) as target:
        copied = copy(source, target, lambda line: print(line, file=sys.stderr))  # noqa: T201
    sys.stdout.write(f"{sum(copied.values())} rows copied; start the hub with --store `{arguments.to}`\n")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from fairway.hub.archive import Piece, export_flows
    from fairway.hub.database.flowbase import FlowBase

    piece = Piece(arguments.since, arguments.until, tuple(arguments.namespace))
    with _opened(arguments) as database:
        rows = export_flows(FlowBase(database), piece, arguments.file)
    sys.stdout.write(f"{arguments.file}: {rows} flows\n")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from fairway.hub.archive import import_flows
    from fairway.hub.database.flowbase import FlowBase

    with _opened(arguments) as database:
        rows = import_flows(FlowBase(database), arguments.files)
    sys.stdout.write(f"{rows} flows\n")
    return 0


def _moment(text: str) -> datetime:
    """Two hours ago for `2h`, or a moment in ISO 8601, UTC where it says nothing else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - duration(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
