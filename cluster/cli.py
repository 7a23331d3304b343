"""The ``hedgefield`` command: exit code 0 for success, 1 for a failure, 2 for bad usage; no traceback for a user."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from cluster.commands.backtest import backtest
from cluster.commands.data_check import data_check
from cluster.commands.data_get import data_get
from cluster.commands.data_import import data_import
from cluster.commands.data_ls import data_ls
from cluster.commands.doctor import doctor
from cluster.commands.evidence import evidence
from cluster.commands.explain import explain
from cluster.commands.fields import fields
from cluster.commands.new_strategy import new_strategy
from cluster.commands.report import report
from cluster.commands.stress import stress
from cluster.commands.sweep import sweep
from cluster.commands.up import up
from cluster.commands.version import show_version
from market.errors import ConfigError, TradingError

__all__ = ["app", "main"]

app = typer.Typer(
    name="hedgefield",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Dealer-hedging fields of listed options, computed, served and drawn live.",
)
data = typer.Typer(no_args_is_help=True, help="Keep market data: download, import, list and check it.")
app.add_typer(data, name="data")
app.command()(up)
app.command()(fields)
app.command()(backtest)
app.command()(sweep)
app.command()(report)
app.command()(stress)
app.command()(explain)
app.command("new-strategy")(new_strategy)
app.command()(evidence)
app.command()(doctor)
data.command("get")(data_get)
data.command("import")(data_import)
data.command("ls")(data_ls)
data.command("check")(data_check)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: FBT002
    version: Annotated[  # noqa: ARG001, FBT002  # its callback prints and leaves
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=show_version)
    ] = False,
) -> None:
    """Dealer-hedging fields of listed options, computed, served and drawn live."""
    if debug:
        os.environ["HEDGEFIELD_DEBUG"] = "1"


def main() -> None:
    """Run the command; errors become a message and an exit code."""
    try:
        app()
    except BrokenPipeError:
        # The reader has gone, as in `hedgefield fields ... | head`; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ConfigError as error:
        _fail(error, str(error), 2)
    except TradingError as error:
        _fail(error, str(error), 1)
    except (KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:  # noqa: BLE001  # the one place that stands between a fault and the user
        _fail(error, f"unexpected {type(error).__name__}: {error}\n{_where_to_look(error)}", 1)


def _where_to_look(error: Exception) -> str:
    from pathlib import Path

    from cluster.logs import configure_logging

    try:
        home = Path(os.environ.get("HEDGEFIELD_HOME", "~/.hedgefield")).expanduser()
        path = configure_logging(home / "logs", quiet=True)
    except (OSError, RuntimeError):  # not writable, or a user without a home
        return "run again with --debug before the verb to see where"
    import structlog

    structlog.get_logger("hedgefield.cli").error("unexpected error", exc_info=error)
    return f"details are in {path}; --debug before the verb shows them here"


def _fail(error: Exception, text: str, code: int) -> NoReturn:
    if os.environ.get("HEDGEFIELD_DEBUG"):
        raise error
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text.assemble(("error: ", "bold red"), text))
    sys.exit(code)
