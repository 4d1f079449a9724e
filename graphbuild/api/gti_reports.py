"""Reports of Google Threat Intelligence: collections that are references.

In the API flavor ``gti``, a report can be an entry of a list of references, an item of
``related_from``, or both. A report has the same id in both roles. The ``collection_type`` of a
report is ``report``, but the API may omit the attributes of an item of ``related_from``.

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
    """Return whether a collection is a report, by its ``collection_type``, or else by its id.

    ``attributes`` come from a page, or from the campaign file, which stores only scalars.
    """
    collection_type = attributes.get("collection_type")
    if collection_type is None:
        return collection_id.startswith(REPORT_PREFIX)
    return collection_type == _REPORT


def reference_of_report(report: str, attributes: Mapping[str, Scalar]) -> Entity:
    """Convert a report to a reference with the attributes ``original_type`` and ``original_id``.

    ``report`` is the id of the report. The attribute ``name`` becomes ``title``, and ``link``
    becomes ``url``.
    """
    renamed = {_RENAMED_ATTRIBUTES.get(name, name): value for name, value in attributes.items()}
    original: dict[str, Scalar] = {"original_type": COLLECTION, "original_id": report}
    return Entity(REFERENCE, reference_id(report), {**renamed, **original})


def unite_roles(listed: Entity, collections: Iterable[Entity]) -> Entity:
    """Return the reference that represents all roles of a report.

    ``listed`` is the report as an entry of a list of references. ``collections`` is the report as
    items of ``related_from``, under one or more ids. The attributes of ``listed`` take precedence
    over those of ``collections``, and among these, those of the item with the smallest id. Their
    age does not matter.
    """
    attributes: dict[str, Scalar] = {}
    for each in sorted(collections, key=lambda each: each.id, reverse=True):
        attributes |= reference_of_report(each.id, each.attributes).attributes
    return Entity(REFERENCE, listed.id, {**attributes, **listed.attributes})
