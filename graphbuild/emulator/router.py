"""Routing: map the path of a request to an object or a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from graphbuild.emulator.errors import ServiceError
from graphbuild.emulator.http_messages import BASE_URL
from graphbuild.emulator.models import OBJECT_TYPES, report_id
from graphbuild.emulator.pagination import (
    EMBEDDED_LIMIT,
    parse_page_params,
    serialize_embedded,
    serialize_page,
)
from graphbuild.emulator.relationships import API_FLAVORS, RESTRICTED, list_related
from graphbuild.emulator.serialization import (
    parse_list,
    select_attributes,
    serialize_descriptor,
    serialize_item,
    serialize_object,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.emulator.http_messages import Json
    from graphbuild.emulator.models import ApiObject, ListItem, Report
    from graphbuild.emulator.world import World

# Names of object types in error messages. Other types are capitalized, such as "File".
_TYPE_LABELS = {"url": "URL", "ip_address": "IP address"}


@dataclass(frozen=True, slots=True)
class UndocumentedSettings:
    """The behavior of the emulator in cases that the API documentation does not specify.

    Attributes:
        canonical_links: Whether links identify the object by its canonical id (the SHA-256 of a
            file) instead of the id in the request.
        unknown_relationship: The error code if an object does not have the requested relationship.
        skip_unavailable_embeds: Whether unknown and restricted relationships in
            ``?relationships=`` are ignored. If False, a request with such a relationship fails.
        max_entries: The maximum number of entries of a list, summed over its pages; None for no
            limit. The ``count`` in a page is always the length of the whole list.
        free_statuses: HTTP statuses of responses that are not counted against the quotas.
    """

    canonical_links: bool = False
    unknown_relationship: str = "NotFoundError"
    skip_unavailable_embeds: bool = True
    max_entries: int | None = None
    free_statuses: frozenset[int] = frozenset({401, 405, 429})


DEFAULT_SETTINGS = UndocumentedSettings()


@dataclass(frozen=True, slots=True)
class Router:
    """Creates the responses to requests with one API key for objects and lists of a world."""

    world: World
    undocumented: UndocumentedSettings
    api_flavor: str  # the flavors that the key can use: ``classic``, ``gti`` or ``both``
    is_public: bool  # whether the key is public; public keys cannot read references and reports

    def get(self, path: str, query: str) -> Json:
        """Return the body of the response to a request, or raise ``ServiceError``.

        ``path`` is ``/{endpoint}/{id}`` for an object, ``/{endpoint}/{id}/{relationship}`` for a
        list, or ``/{endpoint}/{id}/relationships/{relationship}`` for a list of descriptors.
        """
        self._check_access(path.split("/"))
        match [unquote(part) for part in path.strip("/").split("/")]:
            case [endpoint, identifier]:
                entity = self._find(endpoint, identifier)
                return {"data": self._object(path, query, entity)}
            case [endpoint, identifier, "relationships", relationship]:
                serialize = serialize_descriptor
            case [endpoint, identifier, relationship]:
                serialize = serialize_item
            case _:
                raise ServiceError("NotFoundError")
        entity = self._find(endpoint, identifier)
        items = self._related_items(entity, relationship)
        params = parse_page_params(query)
        served = items[: self.undocumented.max_entries]
        data = [
            serialize(self.world, item)
            for item in served[params.offset : params.offset + params.limit]
        ]
        page = serialize_page(self._url(path, entity), params, data, len(served))
        page["meta"]["count"] = len(items)
        return page

    def _check_access(self, segments: Iterable[str]) -> None:
        if self.is_public and not RESTRICTED.isdisjoint(segments):
            raise ServiceError("ForbiddenError")

    def _find(self, endpoint: str, identifier: str) -> ApiObject:
        flavors = API_FLAVORS[self.api_flavor]
        object_type = OBJECT_TYPES.get(endpoint)
        if object_type is None or (object_type == "reference" and "classic" not in flavors):
            raise ServiceError("NotFoundError")
        found = self.world.find(object_type, identifier)
        if found is None and object_type == "collection" and "gti" in flavors:
            found = self._find_report(identifier)
        if found is None:
            label = _TYPE_LABELS.get(object_type, object_type.capitalize())
            raise ServiceError("NotFoundError", f'{label} "{identifier}" not found')
        return found

    def _find_report(self, identifier: str) -> Report | None:
        prefix = report_id("")
        digits = identifier.removeprefix(prefix).lower()
        if not identifier.startswith(prefix) or report_id(digits) not in self.world.reports:
            return None
        self._check_access(["reports"])
        return self.world.reports[report_id(digits)]

    def _related_items(self, entity: ApiObject, relationship: str) -> Sequence[ListItem]:
        self._check_access([relationship])
        items = list_related(self.world, entity, relationship, self.api_flavor)
        if items is None:
            message = f'Relationship "{relationship}" not found'
            raise ServiceError(self.undocumented.unknown_relationship, message)
        return items

    def _object(self, path: str, query: str, entity: ApiObject) -> Json:
        data = serialize_object(self.world, entity)
        data["attributes"] = select_attributes(data["attributes"], query)
        if names := parse_list(query, "relationships"):
            url, attributes = self._url(path, entity), parse_list(query, "relationship_attributes")
            embedded = {name: self._embedded(url, entity, name, attributes) for name in names}
            data["relationships"] = {name: page for name, page in embedded.items() if page}
        return data

    def _embedded(
        self, url: str, entity: ApiObject, name: str, attributes: Sequence[str]
    ) -> Json | None:
        """Return the JSON of a relationship inside an object, or None to omit the relationship."""
        try:
            items = self._related_items(entity, name)
        except ServiceError:
            if self.undocumented.skip_unavailable_embeds:
                return None
            raise
        data = [self._embedded_item(item, attributes) for item in items[:EMBEDDED_LIMIT]]
        return serialize_embedded(url, name, data, len(items))

    def _embedded_item(self, item: ListItem, names: Sequence[str]) -> Json:
        data = serialize_descriptor(self.world, item)
        known = serialize_item(self.world, item)["attributes"] if names else {}
        if selected := {name: known[name] for name in names if name in known}:
            data["attributes"] = selected
        return data

    def _url(self, path: str, entity: ApiObject) -> str:
        """Return the absolute URL of a path; see ``UndocumentedSettings.canonical_links``."""
        if self.undocumented.canonical_links:
            _, endpoint, _, *rest = path.split("/")
            path = "/".join(["", endpoint, entity.id, *rest])
        return BASE_URL + path
