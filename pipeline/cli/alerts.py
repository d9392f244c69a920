"""``alerts``: what goes on, and what is decided about it."""

from typing import Annotated

import typer

commands = typer.Typer(help="What goes on, and what is decided about it.", no_args_is_help=True)

Named = Annotated[
    str,
    typer.Argument(help="Beginning of an episode, a fingerprint, rule:<id>, or * for all alerts."),
]
Why = Annotated[str, typer.Option(help="Reason, for whoever asks later.")]
Who = Annotated[str | None, typer.Option(help="Who decided; default: the user of this system.")]


@commands.command("list")
def alerts_list(
    *,
    over: Annotated[bool, typer.Option("--all", help="Also those that do not go on.")] = False,
    rule: Annotated[str | None, typer.Option(help="Of this rule.")] = None,
    severity: Annotated[str | None, typer.Option(help="info, warning or critical.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Whose window ends at or after, ISO 8601.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Lines at most.")] = 50,
) -> None:
    """Print alerts, the latest first, and the silences in force."""
    from pipeline.app.commands import alerts as command
    from pipeline.app.instants import moment
    from pipeline.sink.alerts import AlertChoice

    begin = None if since is None else moment("--since", since)
    choice = AlertChoice(rule=rule, severity=severity, since=begin, over=over)
    command.list_alerts(choice, limit)


@commands.command("show")
def alerts_show(
    alert: Annotated[str, typer.Argument(help="Beginning of an episode.")],
) -> None:
    """Print everything known of one alert, and what was done about it."""
    from pipeline.app.commands import alerts as command

    command.show(alert)


@commands.command("ack")
def alerts_ack(alert: Named, *, why: Why, who: Who = None) -> None:
    """Say that somebody looks after an alert: only what matters is still told."""
    from pipeline.app.commands import alerts as command

    command.decide(alert, "ack", why=why, who=who)


@commands.command("unack")
def alerts_unack(alert: Named, *, why: Why, who: Who = None) -> None:
    """Take an acknowledgement back."""
    from pipeline.app.commands import alerts as command

    command.decide(alert, "unack", why=why, who=who)


@commands.command("silence")
def alerts_silence(
    alert: Named,
    *,
    why: Why,
    who: Who = None,
    lasting: Annotated[str | None, typer.Option("--for", help="How long: 30m, 2h, 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="End, ISO 8601.")] = None,
    begin: Annotated[
        str | None, typer.Option("--from", help="Begin of a maintenance window, ISO 8601.")
    ] = None,
) -> None:
    """Tell nobody of an alert, a rule's alerts or any, for a time."""
    from pipeline.app.commands import alerts as command

    command.decide(alert, "silence", why=why, who=who, until=until, lasting=lasting, begin=begin)


@commands.command("unsilence")
def alerts_unsilence(
    alert: Named,
    *,
    why: Why,
    who: Who = None,
    begin: Annotated[
        str | None, typer.Option("--from", help="Begin of the maintenance window to cancel.")
    ] = None,
) -> None:
    """End a silence now; what goes on is told then."""
    from pipeline.app.commands import alerts as command

    command.decide(alert, "unsilence", why=why, who=who, begin=begin)
