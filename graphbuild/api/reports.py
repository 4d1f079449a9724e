"""Reports of Google Threat Intelligence: collections that are references.

The API flavor ``gti`` names a report as an entry of a list, as an item of ``related_from``, or in
both roles. Its id identifies it in both. Its ``collection_type`` is ``report``, but an item without
attributes lacks this value.

Source: https://gtidocs.virustotal.com/reference/object-references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.api.endpoints import REPORT_PREFIX, reference_id
from graphbuild.models import COLLECTION, REFERENCE, Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.models import Scalar

_REPORT = "report"  # the ``collection_type`` of a report
_RENAMED_ATTRIBUTES = {"name": "title", "link": "url"}  # gti name -> classic name


def has_report_id(collection_id: str) -> bool:
    """Return whether the id of a collection has the form of a report's id."""
    return collection_id.startswith(REPORT_PREFIX)


def is_report_type(collection_type: object) -> bool:
    """Return whether a value of the attribute ``collection_type`` is that of a report."""
    return collection_type == _REPORT


def reference_of_report(report: str, attributes: Mapping[str, Scalar]) -> Entity:
    """Convert a report to a reference that has the original type and id as attributes.

    ``report`` is the id of the report. Its name becomes the title, and its link the URL.
    """
    renamed = {_RENAMED_ATTRIBUTES.get(name, name): value for name, value in attributes.items()}
    original: dict[str, Scalar] = {"original_type": COLLECTION, "original_id": report}
    return Entity(REFERENCE, reference_id(report), {**renamed, **original})


def unite_roles(listed: Entity, collections: Iterable[Entity]) -> Entity:
    """Return the reference that represents all roles of a report.

    The attributes of ``listed``, the entry of a list, take precedence. They are followed by those
    of ``collections``, the items of ``related_from``; smaller ids take precedence.
    """
    attributes: dict[str, Scalar] = {}
    for each in sorted(collections, key=lambda each: each.id, reverse=True):
        attributes |= reference_of_report(each.id, each.attributes).attributes
    return Entity(REFERENCE, listed.id, {**attributes, **listed.attributes})
