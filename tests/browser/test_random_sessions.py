"""A small share of the sessions of ``make torture PARTS=page``: nothing is lost or thrown."""

from __future__ import annotations

import pytest

from tests.browser.sessions import GRAPHS, Session

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["tiny", "one fold", "medium"])
def test_no_node_or_line_is_lost_in_a_random_session(opened, name):
    graph = GRAPHS[name]()
    page = opened(graph)
    assert list(Session(page, graph, seed=7).run(20)) == []
