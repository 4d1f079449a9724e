"""Display the HTML page in a notebook, in a sandboxed frame without a connection to Python."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from graphbuild._util import install_command

# The page in the frame may run scripts, save files, and open links in new tabs. These tabs are not
# sandboxed.
_SANDBOX = "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
_FALLBACK = "to see it, run the cell again or trust this notebook"
_WIDGET_ATTRIBUTES = frozenset({"focus", "observe", "select", "selected_frame", "selection"})


@dataclass(frozen=True, slots=True, repr=False)
class PageFrame:
    """A page that notebooks display in a frame; ``repr`` returns a summary of the graph."""

    page: str  # HTML
    summary: str  # the number of nodes per type
    height: int  # of the frame, in pixels

    def __getattr__(self, name: str) -> object:
        """Raise AttributeError; for the attributes of the widget, explain how to get the widget."""
        if name in _WIDGET_ATTRIBUTES:
            raise AttributeError(
                f"a static page has no {name!r}; graphbuild.show(graph) returns a widget unless"
                f" static=True or anywidget is missing; to install it, run:"
                f" {install_command('notebook')}"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"{self.summary}; open it in Jupyter"

    def _repr_html_(self) -> str:
        """Return the frame as HTML. Untrusted notebooks show only the text inside the frame."""
        fallback = escape(f"{self.summary}; {_FALLBACK}")
        return (
            f'<iframe title="{escape(self.summary)}" sandbox="{_SANDBOX}" allow="clipboard-write"'
            f' style="width: 100%; height: {self.height:d}px; border: 1px solid #d5dae1"'
            f' srcdoc="{escape(self.page)}">{fallback}</iframe>'
        )
