"""Define the columns of nodes, edges and observations.

To give a node attribute a column of its own, add one line to ``NODE_COLUMNS``. The exporters and
``docs/formats.md`` use this list. Node-link JSON, JSON Lines, STIX and HTML have no columns and
contain all exportable attributes. The MISP and DOT writers choose node attributes by name.

API responses cannot add columns, so that exports can be compared and no response can choose an XML
id. The column ``attributes`` contains one JSON object: the attributes without a column, and values
whose type differs from the type of their column. The extra columns of a seed list (``seed_*``)
follow all other columns, sorted by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from itertools import compress
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.sanitize import format_date, is_exportable, json_text, url_host
from graphbuild.exporters.web_links import web_url
from graphbuild.graph.clusters import (
    CLUSTER,
    CLUSTER_NAME,
    DOUBTFUL,
    NO_CLUSTER,
    OTHER_CLUSTER,
    SUBCLUSTER,
    cluster_of,
)
from graphbuild.graph.style import cluster_color
from graphbuild.models import (
    COLLECTION,
    FILE,
    HASH_TYPES,
    REFERENCE,
    SEED_ATTRIBUTE_PREFIX,
    URL,
    detect_hash_type,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    import networkx as nx

    from graphbuild.exporters.results import ExportWarnings
    from graphbuild.models import HashType

    Values = Mapping[str, Any]


class DType(StrEnum):
    """The type of the values in a column."""

    TEXT = "text"
    CATEGORY = "category"  # text with few distinct values
    INT = "integer"
    FLOAT = "number"
    BOOL = "boolean"
    DATE = "date"  # UTC
    TIME = "time"  # UTC
    KEYS = "list of node keys"


TEXT, CATEGORY, INT, FLOAT, BOOL, DATE, TIME, KEYS = DType
_PYTHON_TYPES: dict[DType, type] = {INT: int, FLOAT: float, BOOL: bool, KEYS: tuple}


class Target(Flag):
    """A group of formats with the same columns."""

    TABLES = auto()  # CSV, Excel, Parquet, DataFrames, Cytoscape
    XML = auto()  # GraphML, GEXF
    NEO4J = auto()


TABLES, XML, NEO4J = Target
EVERYWHERE = TABLES | XML | NEO4J


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an exported table."""

    name: str
    dtype: DType
    description: str  # for the documentation, in Markdown
    source: str = ""  # the attribute that the column contains; empty if the value is computed
    # A function of the attributes, without values that a column with a ``source`` does not accept.
    # Columns with neither a ``source`` nor a function get their values from the exporters.
    compute: Callable[[Values], object] | None = None
    types: tuple[str, ...] = ()  # types of nodes with this attribute; empty for all types
    targets: Target = EVERYWHERE
    title: str = ""  # the name on the HTML page; if empty, the page displays ``name``

    @property
    def python_type(self) -> type:
        """The Python type of the values in the graph; ``str`` for dates and times."""
        return _PYTHON_TYPES.get(self.dtype, str)

    def accepts(self, value: object) -> bool:
        """Return whether ``value`` is exportable and has the column's type (bool is not int)."""
        kind = self.python_type
        is_kind = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
        return is_kind and is_exportable(value)


def _attribute(
    name: str,
    dtype: DType,
    description: str,
    *types: str,
    title: str = "",
    targets: Target = EVERYWHERE,
) -> Column:
    """Return a column that contains the attribute with the same name."""
    return Column(name, dtype, description, name, None, types, targets, title)


def _hash_column(kind: HashType) -> Column:
    def compute(values: Values) -> str | None:
        is_file = values.get("type") == FILE
        node_id = values.get("id", "")
        return node_id if is_file and detect_hash_type(node_id) == kind.name else None

    description = f"Id of the file, if the id is a hash of type {kind.label}."
    return Column(kind.name, TEXT, description, compute=compute, types=(FILE,), targets=XML)


def _domain(values: Values) -> str:
    return url_host(values.get("url", ""))


def _created(values: Values) -> str:
    return format_date(values["creation_date"]) if "creation_date" in values else ""


def _cluster_color(values: Values) -> str:
    number = cluster_of(values)
    return "" if number == NO_CLUSTER else cluster_color(number)


_BOTH, _WITH_URL = (REFERENCE, COLLECTION), (REFERENCE, URL)
_SUBJECTS = ("subjects",)
NODE_COLUMNS: list[Column] = [
    # Gephi and other programs join nodes and edges by the column ``id`` of the node table.
    Column("id", TEXT, "Node key, `type:id`, as in `source` and `target`.", targets=TABLES),
    Column("key", TEXT, "Node key, `type:id`.", targets=NEO4J),
    _attribute("type", CATEGORY, "Type of the object in the API."),
    _attribute("id", TEXT, "Id of the object in the API.", title="ID", targets=XML | NEO4J),
    Column("entity_id", TEXT, "Id of the object in the API.", "id", targets=TABLES),
    _attribute(
        "label", TEXT, "Title, name, URL or shortened id, for display; see [labels](#labels)."
    ),
    Column("color", TEXT, "Color of the node type, `#rrggbb`.", targets=XML),
    Column("size", FLOAT, "Radius, from 6 to 30; it grows with the degree.", targets=XML),
    Column("x", FLOAT, "Horizontal position; it grows to the right.", targets=XML),
    Column("y", FLOAT, "Vertical position; it grows upwards.", targets=XML),
    *map(_hash_column, reversed(HASH_TYPES)),
    _attribute("title", TEXT, "Title of the reference.", REFERENCE, title="Title"),
    _attribute("url", TEXT, "URL of the reference or subject.", *_WITH_URL, title="URL"),
    _attribute("author", TEXT, "Author of the reference.", REFERENCE, title="Author"),
    _attribute("creation_date", INT, "Creation date in Unix seconds.", *_BOTH, title="Date"),
    Column(
        "created",
        DATE,
        "`creation_date` as a date in UTC; in Parquet and DataFrames, as a time.",
        compute=_created,
        types=_BOTH,
    ),
    Column("domain", TEXT, "Host of `url`, in Punycode.", compute=_domain, types=_WITH_URL),
    Column(
        "web_url", TEXT, "Page on VirusTotal; of a classic reference, its URL.", compute=web_url
    ),
    _attribute(
        "name", TEXT, "Name of the collection.", COLLECTION, targets=TABLES | NEO4J, title="Name"
    ),
    # The XML formats have no column ``name``, because Cytoscape would use it as the node key.
    Column("api_name", TEXT, "The same as `name`.", "name", types=(COLLECTION,), targets=XML),
    _attribute(
        "collection_type",
        CATEGORY,
        "Kind, such as `malware-family`; empty if the API states none.",
        COLLECTION,
        title="Kind",
    ),
    _attribute("origin", CATEGORY, "Source of the collection, such as `Crowdsourced`.", COLLECTION),
    _attribute("tags", TEXT, "Tags of the collection, separated by semicolons.", COLLECTION),
    Column("collections", INT, "Number of `related_from` edges.", types=(REFERENCE,), targets=XML),
    _attribute("seed", BOOL, "Whether the subject is a seed.", *_SUBJECTS, title="Seed"),
    _attribute("state", CATEGORY, "State, such as `complete`.", *_SUBJECTS, title="State"),
    _attribute("crawl_pages", INT, "Number of stored pages.", *_SUBJECTS),
    _attribute("crawl_expected_count", INT, "Announced number of references.", *_SUBJECTS),
    _attribute("crawl_received", INT, "Number of distinct references received.", *_SUBJECTS),
    _attribute("crawl_inferred", INT, "Number of inferred references.", *_SUBJECTS),
    _attribute("crawl_http_status", INT, "HTTP status of the last response.", *_SUBJECTS),
    _attribute(
        "crawl_detail",
        TEXT,
        "Reason for the state, or how the expected count changed or differs.",
        *_SUBJECTS,
    ),
    _attribute(
        "crawl_fetched_at",
        TIME,
        "Time of the last response or failure (`--timestamps`).",
        *_SUBJECTS,
    ),
    _attribute(
        CLUSTER,
        INT,
        "Number of the [cluster](analysis.md#communities-clusters-of-files); 1 is the largest.",
        title="Cluster",
    ),
    _attribute(CLUSTER_NAME, CATEGORY, "Name of the cluster.", title="Cluster name"),
    Column("cluster_color", TEXT, "Color of the cluster, `#rrggbb`.", compute=_cluster_color),
    _attribute(
        SUBCLUSTER,
        CATEGORY,
        "[Subcluster](analysis.md#subclusters), such as `3b`; `3` if the cluster is not split.",
        title="Subcluster",
    ),
    _attribute(
        DOUBTFUL,
        BOOL,
        "True if the subject is nearly as similar to another cluster; otherwise empty.",
        *_SUBJECTS,
        title="Doubtful",
    ),
    _attribute(
        OTHER_CLUSTER,
        INT,
        "Number of that other cluster.",
        *_SUBJECTS,
        title="Other cluster",
    ),
    _attribute("group_size", INT, "Number of nodes that the group represents in a view.", "groups"),
    _attribute(
        "is_new",
        BOOL,
        "Whether the file that `--places` names does not contain the node; empty if it does.",
        title="New",
    ),
    _attribute("user_label", TEXT, "Label that you typed on the page.", title="Your label"),
    _attribute("user_note", TEXT, "Note that you typed on the page.", title="Your note"),
    Column("degree", INT, "Number of edges of the node.", targets=TABLES),
    Column("attributes", TEXT, "Attributes without a column, as a JSON object."),
]
_PROVENANCE = "`observed` in a response, or `inferred` (collections may be missing)."
EDGE_COLUMNS: list[Column] = [
    Column("source", TEXT, "Node key of the source.", targets=TABLES),
    Column("target", TEXT, "Node key of the target.", targets=TABLES),
    _attribute("relation", CATEGORY, "Relationship, such as `related_references`."),
    _attribute(
        "weight",
        FLOAT,
        "Number of observations; in the views `files`, `collections` and `files-collections`, of"
        " [references](#views).",
    ),
    Column("observations", INT, "`weight` as an integer, if it is one.", targets=XML | NEO4J),
    _attribute(
        "related_from",
        KEYS,
        "Node keys of the collections or reports; in XML and Neo4j, `-` for an observation"
        " without one.",
    ),
    _attribute("provenance", CATEGORY, _PROVENANCE),
    _attribute("first_seen", TIME, "Time of the first response with the edge (`--timestamps`)."),
    _attribute("last_seen", TIME, "Time of the last response with the edge (`--timestamps`)."),
]
OBSERVATION_COLUMNS: list[Column] = [
    Column("subject_type", CATEGORY, "Object type of the subject."),
    Column("subject_id", TEXT, "Object id of the subject."),
    Column("reference_id", TEXT, "Object id of the reference."),
    Column("related_from_type", CATEGORY, "Object type of the collection or report, if any."),
    Column("related_from_id", TEXT, "Object id of the collection or report, if any."),
    Column("reference_type", CATEGORY, "Object type of the reference."),
    Column("reference_url", TEXT, "URL of the reference."),
    Column("reference_title", TEXT, "Title of the reference."),
    Column("related_from_name", TEXT, "Name of the collection, or title of the report."),
    Column("provenance", CATEGORY, _PROVENANCE),
]


class NodeColumns:
    """The node columns of one graph for a group of formats, including those of the seed list."""

    def __init__(self, target: Target, graph: nx.DiGraph[str]) -> None:
        seeds = [Column(name, TEXT, "From the seed list.", name) for name in seed_columns(graph)]
        self.columns = [each for each in NODE_COLUMNS if target & each.targets] + seeds
        self.names = [column.name for column in self.columns]
        sourced = [each for each in self.columns if each.source]
        self._by_source = {each.source: each for each in sourced}
        self._renamed = [(each.source, each.name) for each in sourced if each.source != each.name]
        self._texts = {each.source for each in sourced if each.python_type is str}
        self._computed = [(each.name, each.compute) for each in self.columns if each.compute]

    def values(self, node: Mapping[str, Any], warnings: ExportWarnings) -> dict[str, Any]:
        """Return the values of a node by column name; columns without a value are absent.

        The exporters add ``degree``, ``color`` and other values that they compute. Attributes that
        cannot be exported are omitted and, except None, counted in ``warnings``.
        """
        values: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        by_source, texts = self._by_source, self._texts
        for name, value in node.items():
            column = by_source.get(name)
            is_text = type(value) is str and name in texts  # the most common case
            if column is not None and (is_text or column.accepts(value)):
                values[name] = value
            else:
                rest[name] = value
        known = {n: v for n, v in rest.items() if n not in by_source} | values if rest else values
        for name, compute in self._computed:
            if value := compute(known):
                values[name] = value
        for source, name in self._renamed:
            if source in values:
                values[name] = values.pop(source)
        if rest and (text := extra_attributes(rest, warnings)):
            values["attributes"] = text
        return values


def columns_for(columns: Iterable[Column], target: Target) -> list[Column]:
    """Return the entries of ``columns`` for the group of formats ``target``."""
    return [column for column in columns if target & column.targets]


def readable_node_columns() -> dict[str, Column]:
    """Return the node columns of GraphML that contain an attribute, by column name."""
    return {each.name: each for each in columns_for(NODE_COLUMNS, XML) if each.source}


def column_titles() -> dict[str, str]:
    """Return the titles of attributes on the HTML page, by attribute name."""
    return {each.source: each.title for each in NODE_COLUMNS if each.source and each.title}


def markdown_table(columns: Iterable[Column], *, omit: Container[str] = ()) -> str:
    """Return a Markdown table that documents ``columns``, without the fields in ``omit``."""
    target_names = {TABLES: "tables", XML: "XML", NEO4J: "Neo4j"}
    rows = [["column", "type", "formats", "of", "contents"], ["---"] * 5]
    for each in columns:
        targets = ", ".join(target_names[target] for target in each.targets)
        formats = "all" if each.targets == EVERYWHERE else targets
        types = ", ".join(each.types) or "all"
        rows.append([f"`{each.name}`", each.dtype, formats, types, each.description])
    kept = [field not in omit for field in rows[0]]
    return "\n".join(f"| {' | '.join(compress(row, kept))} |" for row in rows)


# --- columns of the seed list, and attributes without a column -----------------------------------

_SEED_COLUMN = re.compile(rf"{SEED_ATTRIBUTE_PREFIX}[a-z0-9_]{{1,60}}")
_MAX_SEED_COLUMNS = 1_000


def seed_columns(graph: nx.DiGraph[str]) -> list[str]:
    """Return the sorted names of node attributes that come from a seed list, at most 1,000."""
    names = {name for _, node in graph.nodes(data=True) for name in node}
    found = [
        name
        for name in names
        if str(name).startswith(SEED_ATTRIBUTE_PREFIX)
        and any(is_seed_column(name, value) for _, value in graph.nodes(data=name))
    ]
    return sorted(found)[:_MAX_SEED_COLUMNS]


def is_seed_column(name: object, value: object) -> bool:
    """Return whether ``name`` is a valid name of a seed-list column, and ``value`` is a text."""
    if not isinstance(name, str) or not isinstance(value, str):
        return False
    return _SEED_COLUMN.fullmatch(name) is not None


def extra_attributes(attributes: Mapping[str, object], warnings: ExportWarnings) -> str:
    """Return ``attributes`` as a JSON object; empty if no attribute can be exported.

    Attributes that cannot be exported are omitted. They are counted in ``warnings``, except None.
    """
    present = {name: value for name, value in attributes.items() if value is not None}
    kept = {n: v for n, v in present.items() if isinstance(n, str) and is_exportable(v)}
    warnings.omitted += len(present) - len(kept)
    return json_text(kept) if kept else ""
