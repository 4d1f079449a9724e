// Opens graph files with the parsers of Gephi Lite and prints what they hold as one JSON list.
"use strict";

const fs = require("node:fs");
const zlib = require("node:zlib");
const Graph = require("graphology");
const parsers = {
  graphml: require("graphology-graphml").parse,
  gexf: require("graphology-gexf").parse,
};

function opened(path) {
  try {
    const packed = path.endsWith(".gz");
    const bytes = fs.readFileSync(path);
    const text = (packed ? zlib.gunzipSync(bytes) : bytes).toString("utf8");
    const parse = parsers[path.split(".").at(packed ? -2 : -1)];
    return told(parse(Graph, text));
  } catch (refused) {
    // A file that is refused does not keep us from the next.
    return { error: String(refused) };
  }
}

function told(graph) {
  return {
    type: graph.type,
    multi: graph.multi,
    nodes: graph.mapNodes((id, attributes) => ({ id, attributes })),
    edges: graph.mapEdges((id, attributes, source, target) => ({ id, attributes, source, target })),
  };
}

process.stdout.write(JSON.stringify(process.argv.slice(2).map(opened)));
