"""``dead-letters``: what could not be understood."""

from typing import Annotated

import typer

commands = typer.Typer(help="What could not be understood.", no_args_is_help=True)

Letters = Annotated[
    list[str] | None, typer.Argument(help="Beginnings of identities, as list shows them.")
]
Source = Annotated[str | None, typer.Option(help="Beginning of the source.")]
Feed = Annotated[str | None, typer.Option(help="web_logs, live_events or course_audit.")]
Reason = Annotated[str | None, typer.Option(help="json, shape, value, time, too_large, schema.")]
Since = Annotated[str | None, typer.Option(help="Found at or after, ISO 8601.")]
Until = Annotated[str | None, typer.Option(help="Found before, ISO 8601.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")]


@commands.command("list")
def dead_letters_list(  # noqa: PLR0917  # typer knows them by name
    source: Source = None,
    feed: Feed = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    done: Annotated[  # noqa: FBT002
        bool, typer.Option("--all", help="Also those that were replayed or discarded.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Lines at most.")] = 50,
) -> None:
    """Print dead letters, oldest first."""
    from pipeline.app.commands import dead_letters as command

    chosen = command.choice(
        [], source=source, feed=feed, reason=reason, since=since, until=until, done=done
    )
    command.list_letters(chosen, limit)


@commands.command("show")
def dead_letters_show(
    letter: Annotated[str, typer.Argument(help="Beginning of an identity.")],
) -> None:
    """Print all that is kept of a dead letter, secrets masked."""
    from pipeline.app.commands import dead_letters as command

    command.show(letter)


@commands.command("replay")
def dead_letters_replay(  # noqa: PLR0917  # typer knows them by name
    letters: Letters = None,
    source: Source = None,
    feed: Feed = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,  # noqa: FBT002
) -> None:
    """Read dead letters with today's codecs; publish each that can be read, once."""
    from pipeline.app.commands import dead_letters as command

    chosen = command.choice(
        letters or [], source=source, feed=feed, reason=reason, since=since, until=until
    )
    command.replay(chosen, dry_run=dry_run)


@commands.command("discard")
def dead_letters_discard(  # noqa: PLR0917  # typer knows them by name
    letters: Letters = None,
    source: Source = None,
    feed: Feed = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,  # noqa: FBT002
) -> None:
    """Hide dead letters that nobody wants; they age out."""
    from pipeline.app.commands import dead_letters as command

    chosen = command.choice(
        letters or [], source=source, feed=feed, reason=reason, since=since, until=until
    )
    command.discard(chosen, dry_run=dry_run)
