"""Relations represent all observations, and are small if collections imply them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphbuild.engines import Relations, build_incidence
from graphbuild.exporters import export_all
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.support.engine_results import check_incidence, incidence_of
from tests.support.memory import traced_peak

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.engines.conftest import OpenEngine

FILES = [Entity("file", f"{number:064x}") for number in range(8)]
REFERENCES = [Entity("reference", f"{number:064x}") for number in range(8)]
REGULAR, INCOMPLETE, DIAGONAL = (Entity("collection", name) for name in ("a", "b", "c"))


def relations_of(
    open_engine: OpenEngine, observations: Iterable[Observation], folder: Path
) -> Relations:
    graph = build_graph(observations)
    export_all(graph, folder, ["dataset"])
    with open_engine(folder) as engine:
        check_incidence(engine, incidence_of(graph))
        return engine.relations()


def product(collection: Entity) -> list[Observation]:
    return [Observation(file, reference, collection) for file in FILES for reference in REFERENCES]


def test_the_observations_of_a_collection_are_pairs(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    relations = relations_of(open_engine, product(REGULAR), tmp_path)
    assert (len(relations.file_sources), len(relations.source_references)) == (8, 8)
    assert not len(relations.exceptions) + len(relations.source_triples)


def test_observations_that_do_not_exist_are_exceptions(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    relations = relations_of(open_engine, product(REGULAR) + product(INCOMPLETE)[3:], tmp_path)
    assert (len(relations.file_sources), len(relations.source_references)) == (16, 16)
    names = [
        tuple(relations.entities[number].id for number in row)
        for row in relations.exceptions.tolist()
    ]
    assert sorted(names) == [(FILES[0].id, each.id, "b") for each in REFERENCES[:3]]


def test_a_collection_with_too_many_exceptions_is_represented_by_its_observations(
    open_engine: OpenEngine,
    tmp_path: Path,
) -> None:
    diagonal = [
        Observation(file, reference, DIAGONAL)
        for file, reference in zip(FILES, REFERENCES, strict=True)
    ]
    relations = relations_of(open_engine, product(REGULAR) + diagonal, tmp_path)
    assert len(relations.source_triples) == 8
    assert not len(relations.exceptions)
    assert (len(relations.file_sources), len(relations.source_references)) == (8, 8)


def test_reports_and_observations_without_a_collection_are_represented(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    report = REFERENCES[0]
    observations = [
        *(Observation(file, reference, report) for file in FILES for reference in REFERENCES[:3]),
        *(Observation(file, REFERENCES[4], None) for file in FILES),
        *(Observation(file, REFERENCES[4], REGULAR, "inferred") for file in FILES[:3]),
        *(Observation(file, REFERENCES[5], REGULAR, "inferred") for file in FILES[:2]),
    ]
    relations = relations_of(open_engine, observations, tmp_path)
    assert len(relations.file_references) == 8
    assert len(relations.inferred) == 2


def test_the_incidence_needs_at_most_48_bytes_per_observation() -> None:
    """As docs/scale.md states."""
    files, references = np.arange(1, 1_001), np.arange(1_001, 2_001)
    collection = np.full(1_000, 2_001)
    entities = {number: Entity("file", str(number)) for number in files.tolist()}
    entities |= {number: Entity("reference", str(number)) for number in references.tolist()}
    pairs, triples = np.zeros((0, 2), np.int64), np.zeros((0, 3), np.int64)
    relations = Relations(
        {**entities, 2_001: REGULAR},
        np.stack([files, collection], axis=1),
        np.stack([collection, references], axis=1),
        pairs,
        triples,
        triples,
        pairs,
    )
    incidence, peak = traced_peak(lambda: build_incidence(relations))
    assert len(incidence.triples) == 1_000_000
    assert peak <= 48 * 1_000_000
