"""The ``graphbuild`` command, and ``python -m graphbuild``.

Until a command installs handlers of its own (:mod:`graphbuild.cli.signals`), SIGINT has its default
action: it ends the process at once (exit code 130 in a shell). Python's own handler would print a
traceback while modules are imported, or lose the interrupt in a callback.
"""

# signal imports other modules first, and an interrupt during these would print a traceback.
from _signal import (  # type: ignore[import-not-found]  # typeshed has none
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)


def main() -> None:
    """Run the command line."""
    if getsignal(SIGINT) is default_int_handler:  # not if it is ignored, as under nohup
        signal(SIGINT, SIG_DFL)

    from graphbuild.cli.main import main as command  # noqa: PLC0415  not before the signal is set

    command()


if __name__ == "__main__":
    main()
