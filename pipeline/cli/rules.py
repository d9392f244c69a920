"""``rules``: what is looked for, tried before it is trusted."""

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer(help="Detection rules: write, try, understand.", no_args_is_help=True)

Files = Annotated[
    list[Path] | None, typer.Argument(help="Rule files; default: all of the rules directory.")
]
Rules = Annotated[list[str] | None, typer.Option("--rule", help="Id of a rule; repeatable.")]


@commands.command("check")
def rules_check(files: Files = None) -> None:
    """Print what is wrong with rule files, by line; exit 1 if anything is."""
    from pipeline.app.commands import rules as command

    command.check(files or [])


@commands.command("test")
def rules_test(files: Files = None, rule: Rules = None) -> None:
    """Try the examples inside rule files; exit 1 if one is not as it should be."""
    from pipeline.app.commands import rules as command

    command.run_examples(files or [], rule or [])


@commands.command("copy")
def rules_copy(
    directory: Annotated[Path, typer.Argument(help="Directory that is to hold them.")],
) -> None:
    """Copy the rules to a directory of your own, where an upgrade does not replace them."""
    from pipeline.app.commands import rules as command

    command.copy(directory)


@commands.command("schema")
def rules_schema() -> None:
    """Print the JSON schema of rule files, for editors."""
    from pipeline.app.commands import rules as command

    command.schema()


@commands.command("list")
def rules_list(
    days: Annotated[int, typer.Option(min=1, help="Alerts of so many days.")] = 30,
) -> None:
    """Print all rules, with how many alerts each raised lately."""
    from pipeline.app.commands import rules_list as command

    command.list_rules(days)


@commands.command("explain")
def rules_explain(
    alert: Annotated[str, typer.Argument(help="Episode id, or its beginning.")],
) -> None:
    """Print why an alert fired: numbers, baseline, contributors, rows, the query."""
    from pipeline.app.commands import rules_explain as command

    command.explain(alert)


@commands.command("backtest")
def rules_backtest(  # noqa: PLR0917  # typer knows them by name
    since: Annotated[str | None, typer.Option(help="First instant, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="End; default: what is final.")] = None,
    rule: Rules = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Compare with parameter=value; repeatable.")
    ] = None,
    learn_days: Annotated[int, typer.Option(min=0, help="Learned from before --since.")] = 14,
    web_logs: Annotated[
        list[str] | None, typer.Option(help="web_logs files instead of ClickHouse; repeatable.")
    ] = None,
    live_events: Annotated[
        list[str] | None, typer.Option(help="Live Events files; repeatable.")
    ] = None,
    course_audit: Annotated[
        list[str] | None, typer.Option(help="Saved pages of the Course Audit log; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory for the alerts and a picture per rule.")
    ] = None,
) -> None:
    """Judge the past: alerts per day, those recorded then, what a change would change."""
    from pipeline.app.commands import rules_backtest as command

    files = {
        "web_logs": web_logs or [],
        "live_events": live_events or [],
        "course_audit": course_audit or [],
    }
    changes = command.changes(change or [])
    command.backtest(
        command.Order(since, until, rule or [], changes, learn_days, files, out)  # type: ignore[arg-type]
    )
