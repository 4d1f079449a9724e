"""The list of export formats, in the order in which the help and the documentation show them.

To add a format, write a module with a writer function and add a ``register`` call here.
"""

from __future__ import annotations

from graphbuild.exporters.registry import (
    CSV_GUARD,
    FULL_PAGE,
    NAME_SUFFIX,
    POSITIONS,
    Format,
    OutputFile,
    lazy_writer,
    register,
)

register(
    Format(
        "graphml",
        (
            OutputFile(
                "graph.graphml",
                lazy_writer("graphml:write_graphml"),
                "open it in Gephi",
                (POSITIONS,),
            ),
        ),
        readers="Gephi, Gephi Lite, Cytoscape, igraph, networkx",
        contents="lossless, except that runs of white space become one space, and characters that "
        "XML forbids become U+FFFD",
        suffixes=(".graphml", ".graphml.gz"),
    )
)
register(
    Format(
        "gexf",
        (
            OutputFile(
                "graph.gexf",
                lazy_writer("gexf:write_gexf"),
                "open it in Gephi; its timeline shows references by day",
                (POSITIONS,),
            ),
        ),
        readers="Gephi, Gephi Lite",
        contents="lossless, as GraphML; and [a timeline](#gexf)",
        suffixes=(".gexf", ".gexf.gz"),
    )
)
register(
    Format(
        "html",
        (
            OutputFile(
                "graph.html",
                lazy_writer("html.page:write_html"),
                "open it in a browser; it works offline",
                (POSITIONS, FULL_PAGE),
            ),
        ),
        readers="any browser, offline",
        contents="for viewing; cannot be read back",
        suffixes=(".html",),
    )
)
register(
    Format(
        "csv",
        (
            OutputFile(
                "nodes.csv",
                lazy_writer("csv:write_nodes"),
                "one row per file, reference or collection",
                (CSV_GUARD,),
            ),
            OutputFile(
                "edges.csv", lazy_writer("csv:write_edges"), "one row per edge", (CSV_GUARD,)
            ),
            OutputFile(
                "observations.csv",
                lazy_writer("csv:write_observations"),
                "one row per (file, reference, collection)",
                (CSV_GUARD,),
            ),
        ),
        readers="spreadsheets, pandas",
        contents="lossless, but without types; `observations.csv` contains all observations; "
        "[cells that look like formulas are guarded](#csv); NUL and lone surrogates become U+FFFD",
    )
)
register(
    Format(
        "parquet",
        (
            OutputFile(
                "nodes.parquet",
                lazy_writer("parquet:write_nodes"),
                "nodes with column types, for pandas.read_parquet",
            ),
            OutputFile(
                "edges.parquet",
                lazy_writer("parquet:write_edges"),
                "one row per edge, with column types",
            ),
            OutputFile(
                "observations.parquet",
                lazy_writer("parquet:write_observations"),
                "one row per (file, reference, collection), with column types",
            ),
        ),
        readers="pandas, DuckDB, Spark; needs `graphbuild[columnar]`",
        contents="lossless, [with types](#parquet); lone surrogates become U+FFFD",
        required_library="pyarrow",
    )
)
register(
    Format(
        "json",
        (
            OutputFile(
                "graph.json",
                lazy_writer("json:write_node_link"),
                "node-link data for networkx.node_link_graph",
            ),
        ),
        readers="[networkx](#json)",
        contents="lossless",
        suffixes=(".json",),
    )
)
register(
    Format(
        "jsonl",
        (
            OutputFile(
                "graph.jsonl",
                lazy_writer("json:write_lines"),
                "one object per line: nodes, edges, observations",
            ),
        ),
        readers="programs that read a stream, [one object per line](#json)",
        contents="lossless",
        suffixes=(".jsonl",),
    )
)
register(
    Format(
        "cytoscape",
        (
            OutputFile(
                "graph.cyjs",
                lazy_writer("json:write_cytoscape"),
                "open it in Cytoscape, or pass it to Cytoscape.js",
                (POSITIONS,),
            ),
        ),
        readers="Cytoscape, Cytoscape.js",
        contents="lossless; [some columns have other names](#json)",
        suffixes=(".cyjs",),
    )
)
register(
    Format(
        "stix",
        (
            OutputFile(
                "graph.stix.json",
                lazy_writer("stix:write_stix"),
                "import it into a platform that reads STIX 2.1",
            ),
        ),
        readers="platforms that read STIX 2.1",
        contents="lossless, [as described below](#stix-21); no colors, positions and sizes",
        suffixes=(".stix.json",),
        refuses_derived_views=True,
    )
)
register(
    Format(
        "stix-indicators",
        (
            OutputFile(
                "indicators.stix.json",
                lazy_writer("stix:write_stix", indicators=True),
                "a STIX 2.1 bundle with an indicator for each file, domain, address and URL",
            ),
        ),
        readers="platforms that read STIX 2.1",
        contents="as `stix`, and an indicator for each file, domain, address and URL",
        refuses_derived_views=True,
    )
)
register(
    Format(
        "misp",
        (
            OutputFile(
                "graph.misp.json",
                lazy_writer("misp:write_misp"),
                "import it into MISP, as an event in its JSON format",
            ),
        ),
        readers="MISP, as an event in its JSON format",
        contents="the observations, in comments; [not all attributes of nodes](#misp)",
        suffixes=(".misp.json",),
        refuses_derived_views=True,
    )
)
register(
    Format(
        "neo4j",
        (
            OutputFile(
                "nodes.neo4j.csv",
                lazy_writer("neo4j:write_nodes"),
                "for neo4j-admin, see neo4j-import.txt",
            ),
            OutputFile(
                "edges.neo4j.csv",
                lazy_writer("neo4j:write_edges"),
                "for neo4j-admin, see neo4j-import.txt",
            ),
            OutputFile(
                "neo4j-import.txt",
                lazy_writer("neo4j:write_command"),
                "the command that creates a Neo4j database from the two tables",
                (NAME_SUFFIX,),
            ),
        ),
        readers="`neo4j-admin`, with the command in `neo4j-import.txt`",
        contents="lossless; NUL and lone surrogates become U+FFFD; [not for spreadsheets](#neo4j)",
    )
)
register(
    Format(
        "dot",
        (
            OutputFile(
                "graph.dot",
                lazy_writer("dot:write_dot"),
                "render it with Graphviz: dot -Tsvg -O graph.dot; sfdp for over a thousand nodes",
            ),
        ),
        readers="Graphviz",
        contents="the observations; only key, type and label of nodes",
        suffixes=(".dot",),
    )
)
