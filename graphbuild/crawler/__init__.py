"""Crawling: request the pages that a campaign file does not contain yet. See :class:`Crawl`."""

from graphbuild.crawler.crawler import DEFAULT_PER_NODE, Crawl
from graphbuild.crawler.page_choice import PageChoice
from graphbuild.crawler.result_handler import CrawlEvent

__all__ = ["DEFAULT_PER_NODE", "Crawl", "CrawlEvent", "PageChoice"]
