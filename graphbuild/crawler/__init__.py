"""Everything a store has still to ask, as steps. See :class:`Crawl`."""

from graphbuild.crawler.crawler import PER_NODE, Crawl
from graphbuild.crawler.result_handler import Step

__all__ = ["PER_NODE", "Crawl", "Step"]
