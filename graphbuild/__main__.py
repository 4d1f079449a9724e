"""The ``graphbuild`` command, and ``python -m graphbuild``.

From here on an interrupt ends the process as the system means it: at once and without a word (130
in a shell's ``$?``). Python's own way shows a traceback while modules load, or loses the interrupt
in a callback. What must not be cut off takes signals into its own hands: see ``cli.stopping``.
"""

# Not from signal: that loads other modules first, and to be interrupted there is what must not be.
from _signal import (  # type: ignore[import-not-found]  # typeshed has none
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)


def main() -> None:
    """The entry point."""
    if getsignal(SIGINT) is default_int_handler:  # else somebody wants it ignored, as nohup does
        signal(SIGINT, SIG_DFL)

    from graphbuild.cli import main as command  # noqa: PLC0415  only now

    command()


if __name__ == "__main__":
    main()
