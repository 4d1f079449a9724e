"""Keys of triples: they sort like the triples, and the triples can be computed from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.analysis.triple_keys import TripleKeys
from graphbuild.errors import AnalysisError

SIZES = st.integers(0, 2_000_000)  # any three of these sizes have few enough possible triples


@given(sizes=st.tuples(SIZES, SIZES, SIZES), data=st.data())
def test_sorted_keys_give_the_distinct_triples_in_order(sizes, data) -> None:
    files, references, sources = sizes
    triple = st.tuples(
        st.integers(0, max(files - 1, 0)),
        st.integers(0, max(references - 1, 0)),
        st.integers(-1, sources - 1),
    )
    rows = data.draw(st.lists(triple, max_size=20))
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    keys = TripleKeys(*sizes)
    summands = (
        keys.of_files(columns[0]),
        keys.of_references(columns[1]),
        keys.of_sources(columns[2]),
    )
    found = keys.triples(np.unique(np.sum(summands, axis=0)))
    assert list(map(tuple, found.tolist())) == sorted(set(rows))


def test_too_many_possible_triples_are_refused() -> None:
    TripleKeys(2**20, 2**20, 2**23 - 2)
    with pytest.raises(AnalysisError, match="too many files, references and collections"):
        TripleKeys(2**21, 2**21, 2**21)
