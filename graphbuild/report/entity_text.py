"""Describe entities and clusters in the text of a report. URLs are defanged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count
from graphbuild.analysis import defang_text, defanged_label, publication_date, reference_url
from graphbuild.graph.labels import describe_origin
from graphbuild.models import REFERENCE
from graphbuild.report.blocks import join_list
from graphbuild.report.content import Code
from graphbuild.seeds.refanging import defang

if TYPE_CHECKING:
    from graphbuild.analysis import Cluster, Family
    from graphbuild.models import Entity
    from graphbuild.report.content import Content, Part

_MAX_URL_LENGTH = 160  # characters
_MAX_CLUSTER_NAME_LENGTH = 80  # characters
# The label of a reference without a title: a host and a path.
_SHORT_URL = re.compile(r"[^\s/]+\.[^\s/]+/\S+")


def entity_name(entity: Entity) -> Part:
    """Return the title or name of an entity. A reference without a title is named by its URL."""
    if entity.type == REFERENCE and not entity.name and reference_url(entity):
        return _url(entity)
    return UntrustedText(defanged_label(entity))


def reference_text(reference: Entity) -> Content:
    """Return the title and the URL of a reference, as far as they are known."""
    name = entity_name(reference)
    if isinstance(name, Code) or not reference_url(reference):
        return name
    return name, " ", _url(reference)


def family_name(family: Family) -> tuple[Part, ...]:
    """Return the name of a family, and its number of collections if there are several."""
    return UntrustedText(defang_text(family.name)), family.suffix


def family_origins(family: Family) -> tuple[Part, ...]:
    """Return the known kinds and origins of the collections of a family."""
    origins = dict.fromkeys(filter(None, map(describe_origin, family.collections)))
    return join_list([(UntrustedText(each),) for each in origins], "; ", "; ")


def family_text(family: Family) -> tuple[Part, ...]:
    """Return the name of a family, its number of collections, and their origins in brackets."""
    origins = family_origins(family)
    return *family_name(family), *((" (", *origins, ")") if origins else ())


def subject_text(subject: Entity) -> str:
    """Return the id of a subject and its name. The text is untrusted."""
    text = defang(subject.readable_id)
    name = defang_text(subject.name)
    return f"{text}  {name}" if name else text


def cluster_name(cluster: Cluster) -> UntrustedText:
    """Return the first 80 characters of the name of a cluster."""
    name = cluster.name[:_MAX_CLUSTER_NAME_LENGTH]
    return UntrustedText(defang(name) if _SHORT_URL.fullmatch(name) else defang_text(name))


def quoted_cluster(cluster: Cluster) -> tuple[Part, ...]:
    """Return the name of a cluster in quotation marks, and its number of files."""
    return "“", cluster_name(cluster), f"” ({format_count(len(cluster.files), 'file')})"


def date_text(reference: Entity | None) -> str:
    """Return the publication date of a reference; empty if there is none."""
    day = publication_date(reference) if reference else None
    return day.isoformat() if day else ""


def _url(reference: Entity) -> Code:
    url = reference_url(reference)
    return Code(defang(url if len(url) <= _MAX_URL_LENGTH else url[:_MAX_URL_LENGTH] + "…"))
