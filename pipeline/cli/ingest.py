"""``ingest``: a command for each feed."""

from typing import Annotated

import typer

commands = typer.Typer(help="Publish a feed onto Kafka.", no_args_is_help=True)
_dap = typer.Typer()
commands.add_typer(_dap, name="dap")

Paths = Annotated[list[str], typer.Argument(help="Files, directories, globs, or - for stdin.")]
LateOk = Annotated[
    bool, typer.Option(help="Publish files that lie wholly behind the present watermark.")
]
MaxBadShare = Annotated[
    float | None,
    typer.Option(help="Share of bad rows that stops the agent; default from settings."),
]


@commands.command("web-logs-files")
def ingest_web_logs_files(
    paths: Paths,
    *,
    late_ok: LateOk = False,
    max_bad_share: MaxBadShare = None,
) -> None:
    """Publish DAP export files of canvas_logs.web_logs: JSONL, CSV, TSV, Parquet, gzip or not."""
    from pipeline.app.commands import ingest as command

    command.ingest("web_logs", paths, late_ok=late_ok, max_bad_share=max_bad_share)


@commands.command("live-events-files")
def ingest_live_events_files(
    paths: Paths,
    *,
    late_ok: LateOk = False,
    max_bad_share: MaxBadShare = None,
) -> None:
    """Publish Live Events, Canvas format or Caliper 1.1: an event a line, or JSON arrays."""
    from pipeline.app.commands import ingest as command

    command.ingest("live_events", paths, late_ok=late_ok, max_bad_share=max_bad_share)


@commands.command("course-audit-files")
def ingest_course_audit_files(
    paths: Paths,
    *,
    late_ok: LateOk = False,
    max_bad_share: MaxBadShare = None,
) -> None:
    """Publish saved pages of the Course Audit log: what its API answers, a JSON document each."""
    from pipeline.app.commands import ingest as command

    command.ingest("course_audit", paths, late_ok=late_ok, max_bad_share=max_bad_share)


@commands.command("live-events-http")
def ingest_live_events_http() -> None:
    """Take Live Events that Canvas posts, signed or with a secret, until stopped."""
    from pipeline.app.commands import ingest_live_events_http as command

    command.serve()


@commands.command("live-events-sqs")
def ingest_live_events_sqs(*, max_bad_share: MaxBadShare = None) -> None:
    """Publish Live Events that Canvas puts on an SQS queue, until stopped."""
    from pipeline.app.commands import ingest_live_events_sqs as command

    command.run(max_bad_share=max_bad_share)


@_dap.callback(invoke_without_command=True)
def ingest_dap(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option(help="Publish one window and end, e.g. for cron.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="Begin of the very first window, ISO 8601; default: a snapshot."),
    ] = None,
    skip_lost: Annotated[
        bool, typer.Option(help="Go on behind days that DAP no longer has, and note them.")
    ] = False,
    max_bad_share: MaxBadShare = None,
) -> None:
    """Publish DAP's canvas_logs.web_logs, window after window, until stopped."""
    if context.invoked_subcommand is None:
        from pipeline.app.commands import ingest_dap as command

        command.ingest(once=once, since=since, skip_lost=skip_lost, max_bad_share=max_bad_share)


@_dap.command("status")
def ingest_dap_status() -> None:
    """Print where the agent stands: cursor, rows, age of the newest, next window."""
    from pipeline.app.commands import ingest_dap as command

    command.status()


@commands.command("course-audit")
def ingest_course_audit(
    *,
    once: Annotated[bool, typer.Option(help="End after one round, e.g. for cron.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="Begin of the very first round, ISO 8601; default: a day ago."),
    ] = None,
    max_bad_share: MaxBadShare = None,
) -> None:
    """Publish Canvas's Course Audit log, round after round, until stopped."""
    from pipeline.app.commands import ingest_course_audit as command

    command.ingest(once=once, since=since, max_bad_share=max_bad_share)
