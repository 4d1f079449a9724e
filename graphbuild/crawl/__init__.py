"""Everything a store has still to ask, as steps. See :class:`Crawl`."""

from graphbuild.crawl.intake import Step
from graphbuild.crawl.loop import PER_NODE, Crawl

__all__ = ["PER_NODE", "Crawl", "Step"]
