"""Routing: map the path of a request to an object or a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from graphbuild.emulator.errors import ServiceError
from graphbuild.emulator.models import Report, report_id
from graphbuild.emulator.pagination import (
    EMBEDDED_LIMIT,
    parse_page_params,
    serialize_embedded,
    serialize_page,
)
from graphbuild.emulator.relationships import RESTRICTED, flavor_includes, relationships_of
from graphbuild.emulator.serialization import (
    OBJECT_TYPES,
    parse_list,
    select_attributes,
    serialize_descriptor,
    serialize_item,
    serialize_object,
)
from graphbuild.emulator.undocumented_settings import DEFAULT_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.emulator.http_messages import Json
    from graphbuild.emulator.models import ApiObject, ListItem
    from graphbuild.emulator.undocumented_settings import UndocumentedSettings
    from graphbuild.emulator.world import World

# Names of object types in error messages; those of other types are only capitalized.
_TYPE_LABELS = {"url": "URL", "ip_address": "IP address"}


class KeyAccess(NamedTuple):
    """The rights of an API key.

    Attributes:
        api_flavor: The API flavor that the key can use.
        is_public: Whether the key is public; public keys may not read references.
    """

    api_flavor: str = "classic"
    is_public: bool = False


class Router:
    """Serves the objects and lists of a world.

    Args:
        world: The data to serve.
        base_url: The URL with which links in responses begin.
        undocumented: Settings for what the API documentation leaves open.
    """

    def __init__(
        self, world: World, base_url: str, undocumented: UndocumentedSettings = DEFAULT_SETTINGS
    ) -> None:
        self.world = world
        self.base_url = base_url
        self.undocumented = undocumented

    def get(self, path: str, query: str, access: KeyAccess) -> Json:
        """Return the body of the response to a request.

        ``path`` is ``/{endpoint}/{id}``, ``/{endpoint}/{id}/{relationship}`` or
        ``/{endpoint}/{id}/relationships/{relationship}``.

        Raises:
            ServiceError: The path is unknown, the key may not read it, or the query is invalid.
        """
        _check_access(path.split("/"), access)
        match [unquote(part) for part in path.strip("/").split("/")]:
            case [endpoint, identifier]:
                entity = self._find(endpoint, identifier, access)
                return {"data": self._object_response(path, query, entity, access)}
            case [endpoint, identifier, "relationships", relationship]:
                entity = self._find(endpoint, identifier, access)
                items = self._related_items(entity, relationship, access)
                return self._page(path, query, entity, items)
            case [endpoint, identifier, relationship]:
                entity = self._find(endpoint, identifier, access)
                items = self._related_items(entity, relationship, access)
                return self._page(path, query, entity, items, full=True)
        raise ServiceError(404, "Resource not found.")

    def _find(self, endpoint: str, identifier: str, access: KeyAccess) -> ApiObject:
        is_removed = endpoint == "references" and not flavor_includes(access.api_flavor, "classic")
        if endpoint not in OBJECT_TYPES or is_removed:
            raise ServiceError(404, "Resource not found.")
        object_type = OBJECT_TYPES[endpoint]
        found = self.world.find(object_type, identifier)
        if (
            found is None
            and object_type == "collection"
            and flavor_includes(access.api_flavor, "gti")
        ):
            found = self._find_report(identifier, access)
        if found is None:
            label = _TYPE_LABELS.get(object_type, object_type.capitalize())
            raise ServiceError(404, f'{label} "{identifier}" not found')
        return found

    def _find_report(self, identifier: str, access: KeyAccess) -> Report | None:
        prefix = report_id("")
        reference = self.world.references.get(identifier.removeprefix(prefix).lower())
        if reference is None or not identifier.startswith(prefix):
            return None
        _check_access(["reports"], access)
        return Report(reference)

    def _related_items(
        self, entity: ApiObject, relationship: str, access: KeyAccess
    ) -> Sequence[ListItem]:
        _check_access([relationship], access)
        list_items = relationships_of(entity, access.api_flavor).get(relationship)
        if list_items is None:
            message = f'Relationship "{relationship}" not found'
            raise ServiceError(self.undocumented.unknown_relationship_status, message)
        return list_items(self.world, entity)

    def _page(
        self,
        path: str,
        query: str,
        entity: ApiObject,
        items: Sequence[ListItem],
        *,
        full: bool = False,
    ) -> Json:
        params = parse_page_params(query)
        data = [
            serialize_item(self.world, item, self.base_url)
            if full
            else serialize_descriptor(self.world, item)
            for item in items[params.offset : params.offset + params.limit]
        ]
        return serialize_page(self._url(path, entity), params, data, len(items))

    def _object_response(self, path: str, query: str, entity: ApiObject, access: KeyAccess) -> Json:
        data = serialize_object(self.world, entity, self.base_url)
        data["attributes"] = select_attributes(data["attributes"], query)
        names = parse_list(query, "relationships")
        attributes = parse_list(query, "relationship_attributes")
        lists = {name: self._list_embedded(entity, name, access) for name in names}
        embedded = {
            name: serialize_embedded(
                self._url(path, entity),
                name,
                [self._embedded_item(item, attributes) for item in items[:EMBEDDED_LIMIT]],
                len(items),
            )
            for name, items in lists.items()
            if items is not None
        }
        return data | ({"relationships": embedded} if names else {})

    def _list_embedded(
        self, entity: ApiObject, name: str, access: KeyAccess
    ) -> Sequence[ListItem] | None:
        try:
            return self._related_items(entity, name, access)
        except ServiceError:
            if self.undocumented.skip_unavailable_embeds:
                return None
            raise

    def _embedded_item(self, item: ListItem, names: Sequence[str]) -> Json:
        data = serialize_descriptor(self.world, item)
        if names:
            known = serialize_item(self.world, item, self.base_url)["attributes"]
            if selected := {name: known[name] for name in names if name in known}:
                data["attributes"] = selected
        return data

    def _url(self, path: str, entity: ApiObject) -> str:
        """Return the absolute URL of a path, for links about ``entity``."""
        if self.undocumented.canonical_links:
            _, endpoint, _, *rest = path.split("/")
            path = "/".join(["", endpoint, entity.id, *rest])
        return self.base_url + path


def _check_access(segments: Iterable[str], access: KeyAccess) -> None:
    if access.is_public and not RESTRICTED.isdisjoint(segments):
        raise ServiceError(403)
