"""Reports of Google Threat Intelligence: collections that are references.

In the API flavor ``gti``, a report can be an entry of a list, an item of ``related_from``, or both.
It has the same id in both roles. Its ``collection_type`` is ``report``, but the API may omit the
attributes of an item.

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


def is_report(collection_id: str, attributes: Mapping[str, object]) -> bool:
    """Return whether a collection is a report, by its ``collection_type``, or else by its id."""
    collection_type = attributes.get("collection_type")
    if collection_type is None:
        return collection_id.startswith(REPORT_PREFIX)
    return collection_type == _REPORT


def reference_of_report(report: str, attributes: Mapping[str, Scalar]) -> Entity:
    """Convert a report to a reference that has the original type and id as attributes.

    ``report`` is the id. The attribute ``name`` becomes ``title``, and ``link`` becomes ``url``.
    """
    renamed = {_RENAMED_ATTRIBUTES.get(name, name): value for name, value in attributes.items()}
    original: dict[str, Scalar] = {"original_type": COLLECTION, "original_id": report}
    return Entity(REFERENCE, reference_id(report), {**renamed, **original})


def unite_roles(listed: Entity, collections: Iterable[Entity]) -> Entity:
    """Return the reference that represents all roles of a report.

    ``listed`` is the entry of a list, whose attributes take precedence. ``collections`` are the
    items of ``related_from``. Among these, items with smaller ids take precedence.
    """
    attributes: dict[str, Scalar] = {}
    for each in sorted(collections, key=lambda each: each.id, reverse=True):
        attributes |= reference_of_report(each.id, each.attributes).attributes
    return Entity(REFERENCE, listed.id, {**attributes, **listed.attributes})
