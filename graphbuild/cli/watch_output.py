"""Convert structural changes to JSON objects, and print these objects as text or JSON Lines."""

from __future__ import annotations

import json as json_format
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

import typer

from graphbuild._util import format_count, format_timestamp, to_plain_text
from graphbuild.cli.console import print_line, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbuild.analysis import Cluster, Evidence, StructuralChange
    from graphbuild.store.watch import Period, WatchEvent

    Event = Mapping[str, Any]  # a JSON object

_MAX_EVIDENCE = 5  # printed observations per event
_MAX_NAME = 80  # characters of the name of a reference or collection
_MAX_LINE = 1_000  # characters of the line about an event


# --- JSON ----------------------------------------------------------------------------------------


def event_json(change: StructuralChange, period: Period) -> dict[str, object]:
    """Return the JSON object of a change between the two ends of a period."""
    from graphbuild.analysis import describe_structural_change

    triples = [each.triple for each in change.evidence]
    entities = chain.from_iterable((each.reference, each.collection) for each in triples)
    return {
        "kind": change.kind,
        "since": format_timestamp(period.since),
        "until": format_timestamp(period.until),
        "text": to_plain_text(describe_structural_change(change)),
        "entities": [each.key for each in change.entities],
        "files": [each.key for each in change.files],
        "before": [_cluster_json(each) for each in change.before],
        "after": [_cluster_json(each) for each in change.after],
        "evidence": [_evidence_json(each) for each in change.evidence],
        "evidence_count": change.evidence_count,
        "labels": {each.key: each.label for each in entities if each},
    }


def _cluster_json(cluster: Cluster) -> dict[str, object]:
    return {"name": cluster.name, "files": [file.key for file in cluster.files]}


def _evidence_json(evidence: Evidence) -> dict[str, object]:
    file, reference, collection = evidence.triple
    return {
        "change": evidence.change,
        "subject": file.key,
        "reference": reference.key,
        "related_from": collection.key if collection else None,
    }


# --- print ---------------------------------------------------------------------------------------


def print_events(name: str, events: Sequence[WatchEvent], limit: int, *, json: bool) -> None:
    """Print events and flush standard output.

    As text, the evidence of the first ``limit`` events follows one line per event. ``name`` is the
    name of the campaign file.
    """
    if json:
        for each in events:
            typer.echo(each.content)
    elif events:
        _print_text(name, [json_format.loads(each.content) for each in events], limit)
    sys.stdout.flush()


def _print_text(name: str, events: Sequence[Event], limit: int) -> None:
    count = format_count(len(events), "structural change")
    since, until = min(each["since"] for each in events), max(each["until"] for each in events)
    print_line(f"{name}: {count} from {since} to {until}")
    for number, event in enumerate(events, start=1):
        print_line(f"{number}. {event['text']}", _MAX_LINE)
    for number, event in enumerate(events[:limit], start=1):
        print_line()
        print_line(f"evidence of {number} (event {event['id']}):")
        for evidence in event["evidence"][:_MAX_EVIDENCE]:
            print_line(f"  {_describe_evidence(evidence, event['labels'])}")
        hidden = event["evidence_count"] - len(event["evidence"][:_MAX_EVIDENCE])
        if hidden > 0:
            print_line(f"  … and {format_count(hidden, 'more observation')}")
    if (hidden := len(events) - limit) > 0:
        print_line(
            f"… the evidence of {format_count(hidden, 'more event')} is not shown; in the next run,"
            " use a greater --limit or --append FILE"
        )


def _describe_evidence(evidence: Event, labels: Mapping[str, str]) -> str:
    from graphbuild.analysis import defang_text

    def name(key: str) -> str:
        return f'"{shorten(defang_text(labels[key]), _MAX_NAME)}"'

    text = f"{evidence['change']}: {evidence['subject']} has {name(evidence['reference'])}"
    source = evidence["related_from"]
    return f"{text} through {name(source)}" if source else text
