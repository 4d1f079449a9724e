"""Entry point of the ``graphbuild`` command and of ``python -m graphbuild``.

SIGINT first gets its default action, which ends the process at once (exit code 130 in a shell).
Python's own handler would print a traceback if the signal arrived while modules are imported, and
its KeyboardInterrupt could be lost in a callback. Some commands install other handlers later; see
:func:`graphbuild._util.on_signal`.
"""

# ``signal``, unlike ``_signal``, imports other modules, during which SIGINT prints a traceback.
from _signal import (  # type: ignore[import-not-found]  # typeshed does not describe it
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)


def main() -> None:
    """Run the command line."""
    if getsignal(SIGINT) is default_int_handler:  # shells can start a process with SIGINT ignored
        signal(SIGINT, SIG_DFL)

    from graphbuild.cli.main import main as command  # noqa: PLC0415  after the signal is set

    command()


if __name__ == "__main__":
    main()
