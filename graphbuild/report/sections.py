"""What a report says, in the order in which it says it; the figures come from ``findings``."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

from graphbuild._util import UntrustedText, format_count, format_timestamp, pluralize
from graphbuild.analysis import cluster_name, day_of, fate_of, quiet_name, reasons, summary
from graphbuild.models import COMPLETE, REFERENCE
from graphbuild.report.blocks import Heading, Items, Paragraph, Picture, Table, Tiles
from graphbuild.report.charts import cluster_map, timeline
from graphbuild.report.data import reports_of
from graphbuild.seeds.indicators import defang

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild._util import MixedText
    from graphbuild.analysis import Changes, Community, Comparison, Span, Telling
    from graphbuild.models import Entity
    from graphbuild.report.blocks import Block
    from graphbuild.report.data import Findings
    from graphbuild.store import SubjectStatus

_ROWS = 30  # of a table
_DETAILED = 12  # clusters with their evidence
_FILES = 10  # of a cluster
_CAUSES = 6
_LONGEST_ADDRESS = 160
_PARTS = ("came", "went", "stayed", "unknown_before", "unknown_after")


def blocks_of(found: Findings) -> list[Block]:
    """The report, block by block; the first is its heading."""
    return [
        *_opening(found),
        *_missing(found),
        *_changes(found),
        *_clusters(found),
        *_bridges(found),
        *_times(found),
        *_method(found),
    ]


# --- the whole, and what is not in it ------------------------------------------------------------


def _opening(found: Findings) -> Iterator[Block]:
    yield Heading(1, ("Campaign report: ", UntrustedText(found.name)))
    asked = max(
        (row.fetched_at for row in found.statuses if row.fetched_at is not None), default=None
    )
    yield Paragraph(
        (f"Last answer {format_timestamp(asked)}." if asked is not None else "No answer yet.",)
    )
    missing = _gaps(found)
    if missing:
        yield Paragraph((missing,), warns=True)
    together = sum(len(group.files) > 1 for group in found.clusters.groups)
    figures = (
        (found.totals.subjects, "subject", ""),
        (len(found.incidence.references), "report", ""),
        (len(found.incidence.collections), "collection", ""),
        (len(found.incidence.facts), "observation", ""),
        (together, "cluster", ""),
        (len(found.clusters.groups) - together, "file alone", "files alone"),
        (found.totals.calls, "call", ""),
    )
    yield Tiles(tuple((f"{number:,}", pluralize(number, *names)) for number, *names in figures))


def _gaps(found: Findings) -> str:
    totals = found.totals
    if not totals.pending + totals.incomplete + totals.failed:
        return ""
    return (
        f"Not whole: {totals.pending:,} still to ask, {totals.incomplete:,} incomplete,"
        f" {totals.failed:,} failed of {format_count(totals.subjects, 'subject')}. What these would"
        " tell is not in this report."
    )


def _missing(found: Findings) -> Iterator[Block]:
    totals = found.totals
    yield Heading(2, ("What is missing",), "missing")
    problems = [row for row in found.statuses if row.state != COMPLETE or row.detail]
    if not problems:
        whole = format_count(totals.subjects, "subject")
        yield Paragraph((f"Nothing: the lists of all {whole} were read to their ends.",))
    notes: list[MixedText] = []
    if totals.expected:
        known = totals.received + totals.inferred
        notes.append(
            (f"{known:,} of {totals.expected:,} announced references are known, file by file.",)
        )
    unknown = [
        row
        for row in found.statuses
        if row.state == COMPLETE and not row.received_count + row.inferred_count
    ]
    if unknown:
        notes.append((f"No report is known of {format_count(len(unknown), 'subject')}.",))
    if totals.inferred:
        notes.append((f"{totals.inferred:,} of them were inferred from other lists, not read.",))
    if totals.warnings:
        remarks = format_count(totals.warnings, "remark")
        notes.append(
            (f"{remarks} on what the answers hold: graphbuild status --remarks lists them.",)
        )
    if notes:
        yield Items(tuple(notes))
    if problems:
        rows = tuple(_problem(row) for row in problems[:_ROWS])
        yield Table(("subject", "state", "known", "announced", "remark"), rows, frozenset({2, 3}))
        yield from _more(problems, "graphbuild status lists them")


def _problem(row: SubjectStatus) -> tuple[MixedText, ...]:
    announced = "" if row.expected_count is None else f"{row.expected_count:,}"
    known = f"{row.received_count + row.inferred_count:,}"
    subject = UntrustedText(
        defang(row.subject.label if row.subject.type == "url" else row.subject.id)
    )
    return (
        (subject,),
        (row.state,),
        (known,),
        (announced,),
        (UntrustedText(row.detail or row.error_code),),
    )


# --- what is new ---------------------------------------------------------------------------------


def _changes(found: Findings) -> Iterator[Block]:
    compared = found.comparison
    if compared is None:
        return
    yield Heading(2, ("What is new since ", UntrustedText(found.before)), "new")
    for gaps, when in ((compared.gaps_before, "then"), (compared.gaps_after, "now")):
        if gaps:
            states = Counter(state for _, state in gaps)
            said = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
            text = f"Not wholly known {when}: {format_count(len(gaps), 'subject')} ({said})."
            yield Paragraph((f"{text} What only these tell counts neither as new nor as gone.",))
    rows = (
        _counts("files", compared.files),
        _counts("reports", compared.references),
        _counts("collections", compared.collections),
        _counts("observations", compared.facts),
    )
    head = ("", "came", "went", "stayed", "unknown before", "unknown after")
    yield Table(head, rows, frozenset(range(1, 6)))
    yield from _listed("Reports that came", compared.references.came)
    yield from _listed("Collections that came", compared.collections.came)
    yield from _listed("Reports that went", compared.references.went)
    yield from _listed("Collections that went", compared.collections.went)
    yield from _fates(compared)


def _counts(name: str, changes: Changes[Any]) -> tuple[MixedText, ...]:
    return (name,), *((f"{len(getattr(changes, part)):,}",) for part in _PARTS)


def _listed(title: str, entities: Sequence[Entity]) -> Iterator[Block]:
    if not entities:
        return
    yield Heading(3, (title,))
    newest = sorted(entities, key=lambda each: (day_of(each) or date.min, each.key), reverse=True)
    if entities[0].type == REFERENCE:
        rows = tuple((_day(each), _name(each), _address(each)) for each in newest[:_ROWS])
        yield Table(("day", "report", "address"), rows)
    else:
        yield Items(tuple(_name(each) for each in sorted(entities, key=_by_key)[:_ROWS]))
    yield from _more(entities, "graphbuild compare --json lists them")


def _fates(compared: Comparison) -> Iterator[Block]:
    yield Heading(3, ("Clusters",))
    yield Paragraph((f"{summary(compared)}.",))
    changed = [fate for fate in compared.fates if fate.kind != "stayed"]
    shown = [(fate_of(fate, compared), reasons(fate, _CAUSES)) for fate in changed[:_ROWS]]
    for text, why in shown:
        if why:
            yield Paragraph(text)
            yield Items(tuple(why))
    others = tuple(text for text, why in shown if not why)
    if others:
        yield Items(others)
    yield from _more(changed, "graphbuild compare --json lists them")
    if compared.moved:
        rows = tuple(
            (
                (UntrustedText(move.file.id),),
                cluster_name(compared.before.groups[move.before - 1]),
                cluster_name(compared.after.groups[move.after - 1]),
            )
            for move in compared.moved[:_ROWS]
        )
        yield Paragraph((f"{format_count(len(compared.moved), 'file')} changed cluster:",))
        yield Table(("file", "from", "to"), rows)
        yield from _more(compared.moved, "graphbuild compare --json lists them")


# --- clusters ------------------------------------------------------------------------------------


def _clusters(found: Findings) -> Iterator[Block]:
    yield Heading(2, ("Clusters",), "clusters")
    together = [group for group in found.clusters.groups if len(group.files) > 1]
    if not together:
        yield Paragraph(("No two files belong together.",))
        return
    yield Paragraph(
        _line(
            f"{format_count(len(together), 'cluster')}; runs with other seeds agree to"
            f" {found.clusters.agreement:.2f}. Stability is how much of a cluster they find again."
            " Independent are reports that are not another one under one more address."
        )
    )
    yield _drawn_clusters(found)
    spans = {span.key: span for span in found.timeline.clusters}
    rows = tuple(_cluster_row(found, group, spans[str(group.number)]) for group in together[:_ROWS])
    head = ("cluster", "name", "files", "stability", "reports", "independent", "publishers")
    yield Table((*head, "first", "last"), rows, frozenset({2, 3, 4, 5, 6}))
    yield from _more(together, "graphbuild communities lists them")
    for group in together[:_DETAILED]:
        yield from _cluster(group)


def _drawn_clusters(found: Findings) -> Picture:
    svg, text = cluster_map(found.incidence, found.clusters)
    return Picture(svg, "map", text)


def _cluster_row(found: Findings, group: Community, span: Span) -> tuple[MixedText, ...]:
    return (
        (f"{group.number}",),
        (UntrustedText(group.name),),
        (f"{len(group.files):,}",),
        (f"{group.stability:.2f}",),
        *((f"{number:,}",) for number in reports_of(found, group.number)),
        _day(span.first),
        _day(span.last),
    )


def _cluster(group: Community) -> Iterator[Block]:
    files = format_count(len(group.files), "file")
    title = f"Cluster {group.number}: ", UntrustedText(group.name), f", {files}"
    yield Heading(3, title, f"cluster-{group.number}", group.number)
    numbers = frozenset({1, 2, 3})
    if group.collections:
        rows = tuple((_name(each.entity), *_told_of(each)) for each in group.collections)
        yield Table(("telling collection", "inside", "outside", "times as often"), rows, numbers)
    if group.references:
        rows = tuple(
            (_name(each.entity), *_told_of(each), _day(each.entity), _address(each.entity))
            for each in group.references
        )
        head = ("telling report", "inside", "outside", "times as often", "day", "address")
        yield Table(head, rows, numbers)
    shown = [
        (UntrustedText(defang(file.label if file.type == "url" else file.id)),)
        for file in group.files[:_FILES]
    ]
    yield Items(tuple(shown))
    if len(group.files) > _FILES:
        more = len(group.files) - _FILES
        yield Paragraph((f"… and {more:,} more; graphbuild communities --json lists them.",))


def _told_of(telling: Telling) -> tuple[MixedText, ...]:
    return (f"{telling.inside:,}",), (f"{telling.outside:,}",), (f"{telling.lift:.1f}",)


# --- bridges and times ---------------------------------------------------------------------------


def _bridges(found: Findings) -> Iterator[Block]:
    yield Heading(2, ("Bridges",), "bridges")
    told = found.bridges
    yield Paragraph(
        _line(
            f"{format_count(told.joined, 'pair')} of clusters joined, {len(told.single):,} of"
            " them by"
            " a single source."
        )
    )
    if told.bridges:
        rows = tuple(
            (
                _name(each.entity),
                (_kind(each.entity),),
                (f"{each.files:,}",),
                (f"{len(each.clusters):,}",),
                (f"{len(each.alone):,}",),
                (f"{each.pieces:,}",),
                (f"{each.cut_off:,}",),
            )
            for each in told.bridges[:_ROWS]
        )
        head = ("bridge", "type", "files", "clusters", "alone", "pieces", "cut off")
        yield Table(head, rows, frozenset(range(2, 7)))
        yield from _more(told.bridges, "graphbuild bridges --json lists them")
    if told.single:
        groups = found.clusters.groups
        lines = tuple(
            (
                *cluster_name(groups[one - 1]),
                " and ",
                *cluster_name(groups[other - 1]),
                f" rest on the {_kind(entity)} ",
                *_name(entity),
            )
            for (one, other), entity in told.single[:_ROWS]
        )
        yield Items(lines)
        yield from _more(told.single, "graphbuild bridges --json lists them")


def _times(found: Findings) -> Iterator[Block]:
    yield Heading(2, ("Timeline",), "timeline")
    whole = found.timeline.whole
    reports = format_count(whole.reports, "report")
    yield Paragraph((f"{reports}, {whole.undated:,} without a day (UTC).",))
    if not whole.months:
        return
    yield Picture(timeline(whole.months), "timeline", "Reports by the month they were published.")
    years: dict[str, int] = defaultdict(int)
    for month, count in whole.months.items():
        years[month[:4]] += count
    newest = sorted(years.items(), reverse=True)
    rows = tuple(((year,), (f"{count:,}",)) for year, count in newest[:_ROWS])
    yield Table(("year", "reports"), rows, frozenset({1}))
    yield from _more(newest, "graphbuild timeline --json lists every month")


def _method(found: Findings) -> Iterator[Block]:
    yield Heading(2, ("How to read this",), "method")
    lines = (
        _line(
            "Conclusions start from what answers said of a file, a report and a collection"
            " together, not from paths of a drawn graph."
        ),
        _line(
            f"Clusters: {found.clusters.method}, at resolution {found.clusters.resolution:.2f}."
            " A collection that many files are in ties them little."
        ),
        _line(
            "Telling: how many files inside and outside of the cluster have it, and how many"
            " times as often it is inside than among all files."
        ),
        _line(
            "Alone: pairs of clusters that nothing else joins. Pieces: into how many the files"
            " fall without it. Cut off: the files outside of the largest piece."
        ),
        _line("Came and went: judged only of files that were wholly known on the other side."),
        _line("Addresses are defanged. docs/analysis.md of graphbuild tells more."),
    )
    yield Items(lines)


# --- what they share -----------------------------------------------------------------------------


def _line(*parts: str | UntrustedText) -> MixedText:
    return parts


def _name(entity: Entity) -> MixedText:
    return (UntrustedText(quiet_name(entity)),)


def _kind(entity: Entity) -> str:
    return "report" if entity.type == REFERENCE else entity.type


def _day(entity: Entity | None) -> MixedText:
    day = day_of(entity) if entity else None
    return (day.isoformat() if day else "",)


def _address(entity: Entity) -> MixedText:
    url = entity.attributes.get("url")
    if not isinstance(url, str):
        return ("",)
    cut = url if len(url) <= _LONGEST_ADDRESS else url[:_LONGEST_ADDRESS] + "…"
    return (UntrustedText(defang(cut)),)


def _by_key(entity: Entity) -> str:
    return entity.key


def _more(all_of: Sequence[object], where: str) -> Iterator[Block]:
    if len(all_of) > _ROWS:
        yield Paragraph((f"… and {len(all_of) - _ROWS:,} more; {where}.",))
