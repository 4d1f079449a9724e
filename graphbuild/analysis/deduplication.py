"""Find references that are the same article, and their publishers.

Two references are duplicates if their URLs are equal after normalization
(:mod:`url_normalization`), if their URLs have the same long slug and nothing contradicts
(:mod:`moved_pages`), or if they have the same specific title and the same publication date. A
specific title has at least four words, of which at least two are neither numbers nor common in
titles. "Malware Analysis Report" is not specific.

Duplicates of duplicates are in the same group. Each group lists its references, their publishers,
and the rules that matched the references.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from graphbuild._util import require
from graphbuild.analysis.entity_index import EntityIndex
from graphbuild.analysis.incidence import (
    COLLECTIONS,
    REFERENCES,
    sorted_unique,
)
from graphbuild.analysis.moved_pages import match_slugs
from graphbuild.analysis.specific_words import count_words, select_specific, split_title
from graphbuild.analysis.url_normalization import URL_RULES, normalize_url, publisher_domain
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import pandas as pd

    from graphbuild.analysis.incidence import Incidence, Numbers
    from graphbuild.analysis.moved_pages import SlugMatches
    from graphbuild.analysis.url_normalization import NormalizedUrl
    from graphbuild.models import Entity

IDENTICAL_URL = "identical_url"
SLUG = "slug"
TITLE_AND_DATE = "title"
RULE_DESCRIPTIONS = {
    IDENTICAL_URL: "the same URL under two ids",
    **{rule.name: rule.description for rule in URL_RULES},
    SLUG: "the same long, specific slug; dates and publishers do not contradict",
    TITLE_AND_DATE: "the same specific title and the same date",
}
_MIN_WORDS = 4  # minimum number of words in a specific title
_MIN_SPECIFIC_WORDS = 2  # minimum number of these words that are neither common nor numbers
_MAX_TITLE_LENGTH = 1_000  # characters of a title that are compared; the rest is ignored


@dataclass(frozen=True, slots=True)
class ReferenceGroup:
    """All references to one article.

    Attributes:
        representative: The best member by these criteria, in this order: its publisher is known,
            the fewest rules changed its URL, it has the most attributes, its node key sorts
            first.
        members: The references of the group, sorted by key.
        rules: Names of the rules that matched the members, in the order of ``RULE_DESCRIPTIONS``;
            empty for a group of one reference.
        publishers: The publisher of each member (a domain or IP address), in the order of
            ``members``; an empty string for an unknown publisher.
    """

    representative: Entity
    members: tuple[Entity, ...]
    rules: tuple[str, ...]
    publishers: tuple[str, ...]

    @property
    def publisher(self) -> str:
        """Return the publisher of the representative."""
        return self.publishers[self.members.index(self.representative)]


@dataclass(frozen=True, slots=True)
class Publisher:
    """A publisher of references."""

    name: str  # a domain or IP address; empty for all references whose publisher is unknown
    independent_references: int  # number of groups whose representative has this publisher
    references: int  # number of references in these groups


@dataclass(frozen=True, slots=True)
class SeparateReferences:
    """References that have the same slug, but may be different articles.

    Attributes:
        slug: The words of the slug, separated by spaces.
        reason: Why they were not merged: a key of ``REASON_DESCRIPTIONS``.
        groups: The references. References in different groups were not merged because of the slug.
    """

    slug: str
    reason: str
    groups: tuple[tuple[Entity, ...], ...]


@dataclass(frozen=True, slots=True)
class Deduplication:
    """References, grouped into articles.

    Attributes:
        groups: The articles, sorted by the node key of the representative; most have one member.
        separate: References with the same slug of five or more words that are in several groups of
            ``groups``; sorted by slug.
    """

    groups: tuple[ReferenceGroup, ...]
    separate: tuple[SeparateReferences, ...]
    _group_index: Mapping[Entity, int] = field(repr=False, compare=False)

    @property
    def duplicates(self) -> tuple[ReferenceGroup, ...]:
        """Return the groups with several members."""
        return tuple(group for group in self.groups if len(group.members) > 1)

    @property
    def references(self) -> tuple[Entity, ...]:
        """Return all references, sorted by key."""
        return tuple(sorted(self._group_index, key=lambda each: each.key))

    @property
    def publishers(self) -> tuple[Publisher, ...]:
        """Return the publishers, sorted by descending number of independent references, then name.

        Only the publishers of representatives are included.
        """
        sizes: dict[str, list[int]] = defaultdict(list)
        for group in self.groups:
            sizes[group.publisher].append(len(group.members))
        found = (Publisher(name, len(each), sum(each)) for name, each in sizes.items())
        return tuple(sorted(found, key=lambda each: (-each.independent_references, each.name)))

    def group_of(self, reference: Entity) -> ReferenceGroup:
        """Return the group of a reference that was passed to :func:`find_duplicates`."""
        return self.groups[self._group_index[reference]]

    def count_independent(self, references: Iterable[Entity]) -> tuple[int, int]:
        """Return the number of distinct articles in ``references``, and of their known publishers.

        The publisher of an article is that of the representative.
        """
        numbers = {self._group_index[each] for each in references}
        publishers = {self.groups[number].publisher for number in numbers}
        return len(numbers), len(publishers - {""})

    def group_indices(self, references: Iterable[Entity]) -> Numbers:
        """Return, for each reference, the index of its group in ``groups``."""
        return np.fromiter((self._group_index[each] for each in references), np.int64)

    def merge(self, incidence: Incidence) -> Incidence:
        """Return a copy of ``incidence`` with each reference replaced by its representative.

        Reports in ``related_from`` are references, and are also replaced. All references of
        ``incidence`` must have been passed to :func:`find_duplicates`.
        """
        group = self.group_indices(incidence.references)
        kept = sorted_unique(group)
        triples, inferred = incidence.triples.copy(), incidence.inferred.copy()
        for rows in triples, inferred:
            rows[:, REFERENCES] = np.searchsorted(kept, group)[rows[:, REFERENCES]]
        references = tuple(self.groups[number].representative for number in kept.tolist())
        sources, positions = self._merge_sources(incidence.sources)
        triples[:, COLLECTIONS] = positions[triples[:, COLLECTIONS]]
        return replace(
            incidence,
            references=references,
            sources=sources,
            triples=np.unique(triples, axis=0),
            inferred=np.unique(inferred, axis=0),
        )

    def _merge_sources(self, sources: Iterable[Entity]) -> tuple[tuple[Entity, ...], Numbers]:
        """Replace the reports in ``Incidence.sources`` by their representatives.

        Return the new sources, and an array that contains the new index of each old source. The
        array ends with ``NO_COLLECTION`` (-1), so that the index -1 maps to itself.
        """
        index = EntityIndex()
        numbers = [
            index.add(self.group_of(each).representative if each.type == REFERENCE else each)
            for each in sources
        ]
        merged, positions = index.sort(references_last=True)
        return merged, positions[[*numbers, -1]]

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per reference.

        Columns: ``reference`` and ``representative`` (node keys), ``publisher``, ``rules`` (a list
        of names, empty if the reference has no duplicates), ``url``, ``title``, ``published``
        (time in UTC: the start of the day).
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (
                member.key,
                group.representative.key,
                publisher or None,
                list(group.rules),
                member.attributes.get("url"),
                member.attributes.get("title"),
                publication_date(member),
            )
            for group in self.groups
            for member, publisher in zip(group.members, group.publishers, strict=True)
        ]
        texts = ("reference", "representative", "url", "title")
        columns = ["reference", "representative", "publisher", "rules", "url", "title", "published"]
        frame = pd.DataFrame(rows, columns=columns)
        types = dict.fromkeys(texts, "string") | {"publisher": "category", "rules": "object"}
        dates = pd.to_datetime(frame["published"], utc=True).astype("datetime64[us, UTC]")
        return frame.astype(types).assign(published=dates)


def find_duplicates(references: Iterable[Entity]) -> Deduplication:
    """Group references to the same article, and find the publisher of each reference.

    Raises:
        MissingLibraryError: Tldextract or w3lib is not installed.
    """
    require("tldextract", extra="analysis")
    require("w3lib", extra="analysis")
    members = sorted(dict.fromkeys(references), key=lambda each: each.key)
    urls = {each: normalize_url(reference_url(each)) for each in members}
    slugs = _match_slugs(members, urls)
    slug_group = {url: group[0] for group in slugs.groups for url in group}
    same: nx.utils.UnionFind[Entity] = nx.utils.UnionFind(members)
    # Maps each feature (normalized URL, slug group, title and date) to the first reference that has
    # it.
    first_with: dict[object, Entity] = {}
    for each in members:
        url, title, day = urls[each].url, specific_title(each), publication_date(each)
        moved = (SLUG, slug_group[url]) if url in slug_group else None
        for feature in (url, moved, (title, day) if title and day else None):
            if feature:
                same.union(first_with.setdefault(feature, each), each)
    groups = [
        _group(sorted(group, key=lambda each: each.key), urls, slug_group)
        for group in same.to_sets()
    ]
    groups.sort(key=lambda group: group.representative.key)
    index = {member: number for number, group in enumerate(groups) for member in group.members}
    return Deduplication(tuple(groups), _separate_references(slugs, urls, index), index)


def _separate_references(
    slugs: SlugMatches, urls: Mapping[Entity, NormalizedUrl], group_index: Mapping[Entity, int]
) -> tuple[SeparateReferences, ...]:
    """Return the references with the same slug that no other rule merged."""
    with_url: dict[str, list[Entity]] = defaultdict(list)
    for reference, normalized in urls.items():
        with_url[normalized.url].append(reference)
    separate = []
    for each in slugs.separate:
        groups = tuple(
            tuple(reference for url in pages for reference in with_url[url])
            for pages in each.groups
        )
        if len({group_index[reference] for group in groups for reference in group}) > 1:
            separate.append(SeparateReferences(each.slug, each.reason, groups))
    return tuple(separate)


def _match_slugs(members: Iterable[Entity], urls: Mapping[Entity, NormalizedUrl]) -> SlugMatches:
    days: dict[str, set[date]] = defaultdict(set)
    for each in members:
        days[urls[each].url].update(filter(None, [publication_date(each)]))
    return match_slugs(days)


def _group(
    members: list[Entity], urls: Mapping[Entity, NormalizedUrl], slug_group: Mapping[str, str]
) -> ReferenceGroup:
    publishers = {each: publisher_domain(urls[each]) for each in members}

    def order(each: Entity) -> tuple[bool, int, int, str]:
        return not publishers[each], len(urls[each].rules), -len(each.attributes), each.key

    rules = _matching_rules(members, slug_group) if len(members) > 1 else ()
    return ReferenceGroup(
        min(members, key=order), tuple(members), rules, tuple(publishers.values())
    )


# --- attributes of references --------------------------------------------------------------------


def reference_url(reference: Entity) -> str:
    """Return the URL of a reference, or an empty string if the API returned none."""
    url = reference.attributes.get("url")
    return url if isinstance(url, str) else ""


def publication_date(reference: Entity) -> date | None:
    """Return the attribute ``creation_date`` as a UTC date; None if it is missing or invalid."""
    seconds = reference.attributes.get("creation_date")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (OverflowError, ValueError, OSError):
        return None


# --- rules that matched --------------------------------------------------------------------------


def _matching_rules(members: list[Entity], slug_group: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the rules that matched the members of a group.

    ``slug_group`` maps a normalized URL to a text that is equal for pages matched by their slugs.
    ``TITLE_AND_DATE`` is included only if the members would not be in one group by their URLs and
    slugs alone.
    """
    counts = Counter(url for each in members if (url := reference_url(each)))
    spellings: dict[str, set[str]] = defaultdict(set)
    for url in counts:
        spellings[normalize_url(url).url].add(url)
    matched = {rule for group in spellings.values() for rule in _needed_url_rules(group)}
    pages = {slug_group.get(url, url) for url in spellings}
    if len(pages) < len(spellings):
        matched.add(SLUG)
    if len(pages) + len(members) - counts.total() > 1:
        matched.add(TITLE_AND_DATE)
    if max(counts.values(), default=0) > 1:
        matched.add(IDENTICAL_URL)
    return tuple(name for name in RULE_DESCRIPTIONS if name in matched)


def _needed_url_rules(urls: set[str]) -> set[str]:
    """Return the names of the rules that make ``urls`` equal.

    All ``urls`` have the same normalized URL. A rule is returned if the normalized URLs would
    differ without this rule. If there is no such rule, all rules that changed one of the URLs are
    returned.
    """
    if len(urls) == 1:
        return set()
    used = {rule for url in urls for rule in normalize_url(url).rules}
    decisive = {
        rule
        for rule in used
        if len({normalize_url(url, skipped_rule=rule).url for url in urls}) > 1
    }
    return decisive or used


# --- titles --------------------------------------------------------------------------------------


def specific_title(reference: Entity) -> str:
    """Return the words of a specific title in lower case, separated by spaces.

    For other titles, return an empty string. The docstring of this module defines specific titles.
    A word with n wide characters, such as Chinese characters, counts as 1 + (n - 1) // 3 words.
    """
    title = reference.attributes.get("title")
    if not isinstance(title, str):
        return ""
    words = split_title(title[:_MAX_TITLE_LENGTH])
    if count_words(words) < _MIN_WORDS or count_words(select_specific(words)) < _MIN_SPECIFIC_WORDS:
        return ""
    return " ".join(words)
