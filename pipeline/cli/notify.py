"""``notify``: alerts to people."""

import typer

commands = typer.Typer(help="Tell people of alerts.", invoke_without_command=True)


@commands.callback()
def notify(context: typer.Context) -> None:
    """Send alerts to Alertmanager, webhooks, chat and mail until a signal ends it."""
    if context.invoked_subcommand is not None:
        return
    from pipeline.app.commands import notify as command

    command.notify()


@commands.command("test")
def notify_test() -> None:
    """Send a test message to every channel; exit 1 if one did not take it."""
    from pipeline.app.commands import notify as command

    command.test()
