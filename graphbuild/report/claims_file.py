"""Convert claims to JSON, and read them back.

Many claims have the same observations in their proofs. So the JSON contains each observation once,
and a proof contains the indices of its observations, as ranges: pairs of the first and the last
index.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from graphbuild.analysis.method_version import method_version
from graphbuild.errors import ClaimsError
from graphbuild.report.claim_kinds import CHANGE_KINDS, KINDS
from graphbuild.report.content import plain_text
from graphbuild.report.data import key_of_cluster
from graphbuild.report.proofs import Proof

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from graphbuild.analysis import Cluster, Incidence
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.report.content import Claim, Value
    from graphbuild.report.data import Baseline, ReportData
    from graphbuild.report.proofs import TripleKeys

VERSION = 1  # of the JSON; increased with each change that an older reader would misunderstand
_MAX_SEED = 2**32 - 1  # of a random seed
_TRIPLE_LENGTH = 3
_HOW_TO_WRITE = "write it again with 'graphbuild report --json'"


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A claim that was read from JSON; see :class:`content.Claim`."""

    id: str
    kind: str
    text: str
    subjects: tuple[str, ...]
    numbers: Mapping[str, Value]
    names: Mapping[str, str]
    proof: tuple[range, ...]  # of indices of ``ClaimsFile.observations``, in ascending order


@dataclass(frozen=True, slots=True)
class ClaimsFile:
    """The claims of a report, and the data that their verification needs.

    Attributes:
        campaign: The name of the campaign file without its folder.
        seed: The random seed for the stability of the clusters.
        method: The version of the method that found the clusters.
        baseline_name: The name of the earlier snapshot; empty if there is none.
        since: The time of the earlier snapshot, if it is a state of the same campaign file.
        clusters: The node keys of the files of each cluster, by key of the cluster.
        claims: The claims, in the order of the report.
        observations: The observations in proofs: node keys of file, reference and collection.
    """

    campaign: str
    seed: int
    method: str
    baseline_name: str
    since: float | None
    clusters: Mapping[str, tuple[str, ...]]
    claims: tuple[ClaimRecord, ...]
    observations: tuple[TripleKeys, ...]


# --- write ----------------------------------------------------------------------------------------


def claims_json(data: ReportData, claims: Iterable[Claim], *, seed: int = 0) -> dict[str, object]:
    """Return claims as JSON data, with the data that their verification needs.

    ``seed`` is the argument of :func:`data.collect_data`.
    """
    table = _ObservationTable()
    listed = [_claim_json(claim, data.baseline, table) for claim in claims]
    used = {key for claim in listed for key in claim["subjects"]}
    return {
        "claims_version": VERSION,
        "campaign": data.name,
        "seed": seed,
        "method": method_version(),
        "baseline": data.baseline and {"name": data.baseline.name, "since": data.baseline.since},
        "clusters": {key: each for key, each in _clusters_json(data).items() if key in used},
        "claims": listed,
        "observations": table.triples,
    }


class _ObservationTable:
    """Numbers distinct observations in the order in which they were added."""

    def __init__(self) -> None:
        self._numbers: dict[TripleKeys, int] = {}
        # The number of each row of an incidence; -1 for rows that were not added. Without these
        # arrays, large proofs take ten times as long.
        self._of_rows: dict[Incidence, Numbers] = {}

    @property
    def triples(self) -> list[TripleKeys]:
        """Return the observations in order."""
        return list(self._numbers)

    def add(self, proof: Proof) -> Numbers:
        """Add the observations of a proof; return their numbers."""
        if proof.incidence not in self._of_rows:
            self._of_rows[proof.incidence] = np.full(len(proof.incidence.triples), -1)
        of_rows = self._of_rows[proof.incidence]
        added = proof.rows[of_rows[proof.rows] < 0]
        of_rows[added] = [
            self._numbers.setdefault(triple, len(self._numbers))
            for triple in Proof(proof.incidence, added).triples()
        ]
        numbers: Numbers = of_rows[proof.rows]
        return numbers


def _find_ranges(numbers: Numbers) -> list[list[int]]:
    """Return the ranges of consecutive numbers, as pairs of the first and the last number."""
    if not len(numbers):
        return []
    numbers = np.unique(numbers)
    gaps = np.flatnonzero(np.diff(numbers) > 1)
    firsts, lasts = numbers[[0, *(gaps + 1)]], numbers[[*gaps, -1]]
    ranges: list[list[int]] = np.column_stack([firsts, lasts]).tolist()
    return ranges


def _claim_json(
    claim: Claim, baseline: Baseline | None, table: _ObservationTable
) -> dict[str, Any]:
    needs: str | None = None
    if claim.kind in CHANGE_KINDS and baseline is not None and baseline.since is None:
        needs = f"the earlier campaign file {baseline.name} (verify --baseline)"
    numbers = [table.add(proof) for proof in claim.find_proof()]
    return {
        "id": claim.id,
        "kind": claim.kind,
        "text": plain_text(claim.text),
        "subjects": list(claim.subjects),
        "numbers": dict(claim.numbers),
        "names": dict(claim.names),
        "proof": _find_ranges(np.concatenate(numbers)) if numbers else [],
        "needs": needs,
    }


def _clusters_json(data: ReportData) -> dict[str, dict[str, object]]:
    """Return the clusters by key; those of the earlier snapshot only have no number."""
    clusters = {data.cluster_keys[each.number]: _cluster_json(each) for each in data.clustering}
    if data.comparison:
        for side in (data.comparison.after, data.comparison.before):
            for each in side:
                clusters.setdefault(key_of_cluster(each), {**_cluster_json(each), "number": None})
    return clusters


def _cluster_json(cluster: Cluster) -> dict[str, object]:
    files = [file.key for file in cluster.files]
    return {"number": cluster.number, "name": cluster.name, "files": files}


# --- read -----------------------------------------------------------------------------------------


def read_claims(path: Path) -> ClaimsFile:
    """Read the JSON that ``graphbuild report --json`` printed.

    Raises:
        ClaimsError: The file cannot be read, is not such JSON, or is of another version.
    """
    try:
        content = json.loads(
            path.read_bytes(), parse_constant=_reject_constant, parse_float=_parse_float
        )
    except OSError as error:
        raise ClaimsError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise ClaimsError(f"{path}: not JSON ({error}); {_HOW_TO_WRITE}") from None
    if not isinstance(content, dict) or "claims_version" not in content:
        raise ClaimsError(f"{path}: JSON without claims; {_HOW_TO_WRITE}")
    version = content["claims_version"]
    if type(version) is not int:
        raise ClaimsError(f"{path}: claims_version is not a whole number; {_HOW_TO_WRITE}")
    if version != VERSION:
        raise ClaimsError(
            f"{path}: claims of version {version}, but this graphbuild reads version {VERSION};"
            f" use the graphbuild that wrote it, or {_HOW_TO_WRITE}"
        )
    try:
        return _parse(content)
    except _InvalidError as error:
        raise ClaimsError(f"{path}: {error}; {_HOW_TO_WRITE}") from None


class _InvalidError(ValueError):
    """A value has another type or form than the claims of this version."""


def _reject_constant(name: str) -> float:
    """Raise ValueError: NaN and Infinity are not JSON, although Python reads them."""
    raise ValueError(f"{name} is not a number")


def _parse_float(text: str) -> float:
    """Return a number with a fraction or exponent. Python reads 1e400 as infinity."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _parse(content: dict[str, Any]) -> ClaimsFile:
    baseline = _get(content, "baseline", dict, type(None))
    observations = tuple(
        _parse_triple(each, f"observations[{number}]")
        for number, each in enumerate(_get(content, "observations", list))
    )
    clusters = _get(content, "clusters", dict)
    return ClaimsFile(
        _get(content, "campaign", str),
        _parse_seed(content),
        _get(content, "method", str),
        "" if baseline is None else _get(baseline, "name", str, where="baseline."),
        None if baseline is None else _parse_since(baseline),
        {
            key: _texts(_object(each, f"clusters.{key}"), "files", f"clusters.{key}.")
            for key, each in clusters.items()
        },
        tuple(
            _parse_claim(_object(each, f"claims[{number}]"), f"claims[{number}]", len(observations))
            for number, each in enumerate(_get(content, "claims", list))
        ),
        observations,
    )


def _parse_seed(content: Mapping[str, object]) -> int:
    seed: int = _get(content, "seed", int)
    if not 0 <= seed <= _MAX_SEED:
        raise _InvalidError(f"seed is not a whole number from 0 to {_MAX_SEED}")
    return seed


def _parse_since(baseline: Mapping[str, object]) -> float | None:
    since: float | None = _get(baseline, "since", float, int, type(None), where="baseline.")
    try:
        if since is not None:
            datetime.fromtimestamp(since, UTC)
    except (OverflowError, ValueError, OSError):
        raise _InvalidError("baseline.since is not a time in the years 1 to 9999") from None
    return since


def _parse_claim(content: dict[str, Any], where: str, observations: int) -> ClaimRecord:
    kind = _get(content, "kind", str, where=f"{where}.")
    if kind not in KINDS:
        raise _InvalidError(f"{where}.kind is {kind[:40]!a}, which this graphbuild does not know")
    numbers = _get(content, "numbers", dict, where=f"{where}.")
    if not all(isinstance(each, int | float | str | None) for each in numbers.values()):
        raise _InvalidError(f"{where}.numbers contains a value that is no number or text")
    names = _get(content, "names", dict, where=f"{where}.")
    if not all(isinstance(each, str) for each in names.values()):
        raise _InvalidError(f"{where}.names contains a value that is not a text")
    return ClaimRecord(
        _get(content, "id", str, where=f"{where}."),
        kind,
        _get(content, "text", str, where=f"{where}."),
        _texts(content, "subjects", f"{where}."),
        numbers,
        names,
        tuple(_parse_ranges(_get(content, "proof", list, where=f"{where}."), where, observations)),
    )


def _parse_ranges(values: Iterable[object], where: str, observations: int) -> Iterator[range]:
    """Yield the ranges of a proof. They must not overlap, so that a short file is not a long proof.

    ``observations`` is the number of observations in the file.
    """
    start = 0
    for value in values:
        match value:
            # A truth value is not an index, although Python reads it as an integer.
            case [int(first), int(last)] if (
                not {type(first), type(last)} - {int} and start <= first <= last < observations
            ):
                yield range(first, last + 1)
                start = last + 1
            case _:
                raise _InvalidError(
                    f"{where}.proof is not a list of ascending ranges of indices of observations"
                )


def _parse_triple(value: object, where: str) -> TripleKeys:
    if isinstance(value, list) and len(value) == _TRIPLE_LENGTH:
        file, reference, collection = value
        are_texts = isinstance(file, str) and isinstance(reference, str)
        if are_texts and (collection is None or isinstance(collection, str)):
            return file, reference, collection
    raise _InvalidError(f"{where} is not a list of three node keys")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _InvalidError(f"{where} is not an object")
    return value


def _texts(content: Mapping[str, object], name: str, where: str) -> tuple[str, ...]:
    values = _get(content, name, list, where=where)
    if not all(isinstance(each, str) for each in values):
        raise _InvalidError(f"{where}{name} contains an item that is not a text")
    return tuple(values)


def _get(content: Mapping[str, object], name: str, *types: type, where: str = "") -> Any:  # noqa: ANN401  the type depends on ``types``
    """Return a value of one of ``types``."""
    if name not in content:
        raise _InvalidError(f"{where}{name} is missing")
    value = content[name]
    if type(value) not in types:
        raise _InvalidError(f"{where}{name} has the wrong type")
    return value
