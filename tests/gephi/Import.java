import java.awt.Color;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.gephi.graph.api.Column;
import org.gephi.graph.api.Configuration;
import org.gephi.graph.api.Edge;
import org.gephi.graph.api.Element;
import org.gephi.graph.api.GraphController;
import org.gephi.graph.api.GraphModel;
import org.gephi.graph.api.Node;
import org.gephi.graph.api.Table;
import org.gephi.graph.api.TimeRepresentation;
import org.gephi.io.exporter.api.ExportController;
import org.gephi.io.importer.api.Container;
import org.gephi.io.importer.api.ImportController;
import org.gephi.io.importer.api.Issue;
import org.gephi.io.importer.api.Report;
import org.gephi.io.processor.plugin.AppendProcessor;
import org.gephi.io.processor.plugin.DefaultProcessor;
import org.gephi.io.processor.spi.Processor;
import org.gephi.project.api.ProjectController;
import org.gephi.project.api.Workspace;
import org.gephi.statistics.plugin.Modularity;
import org.openide.util.Lookup;

/**
 * Opens files in Gephi without its windows, and prints what it then holds as one JSON list.
 *
 * <p>Each file goes the way of "File > Open" with what the dialog proposes. For those behind {@code
 * --as-is} the box "auto-scale" is not ticked, so that sizes and places are the file's own. Those
 * behind {@code --plain-java} are read with Java's own XML parser, not with the toolkit's: which of
 * the two a Gephi on a desktop takes depends on how it was put together.
 *
 * <p>The file behind {@code --append} is added to the graph of the file before it, as with "Append to
 * existing workspace" in the dialog.
 *
 * <p>Behind {@code --save FILE} stands where the graph opened last goes, as with "File > Export", once
 * "Modularity" of the panel "Statistics" has run.
 */
public final class Import {
    private Import() {}

    public static void main(String[] words) throws IOException {
        List<Object> all = new ArrayList<>();
        boolean scaled = true;
        boolean saving = false;
        boolean appending = false;
        for (String word : words) {
            if (saving) {
                save(new File(word));
                saving = false;
            } else if (word.equals("--save")) {
                saving = true;
            } else if (word.equals("--as-is")) {
                scaled = false;
            } else if (word.equals("--append")) {
                appending = true;
            } else if (word.equals("--plain-java")) {
                System.setProperty(
                        "javax.xml.stream.XMLInputFactory",
                        "com.sun.xml.internal.stream.XMLInputFactoryImpl");
            } else {
                all.add(opened(new File(word), scaled, appending));
                appending = false;
            }
        }
        StringBuilder out = new StringBuilder();
        Json.write(all, out);
        System.out.println(out);
    }

    /** One file; a file that Gephi refuses does not keep us from the next. */
    private static Map<String, Object> opened(File file, boolean scaled, boolean appending) {
        Map<String, Object> found = new LinkedHashMap<>();
        List<Object> issues = new ArrayList<>();
        found.put("issues", issues);
        try {
            read(file.getAbsoluteFile(), scaled, appending, issues, found);
        } catch (Exception refused) {
            found.put("error", refused.toString());
        }
        return found;
    }

    private static void read(
            File file,
            boolean scaled,
            boolean appending,
            List<Object> issues,
            Map<String, Object> found)
            throws Exception {
        ProjectController projects = Lookup.getDefault().lookup(ProjectController.class);
        if (!appending) {
            projects.newProject();
        }
        Workspace workspace = projects.getCurrentWorkspace();
        ImportController importer = Lookup.getDefault().lookup(ImportController.class);
        Container container = importer.importFile(file);
        if (container == null) {
            throw new IllegalArgumentException("Gephi knows no importer for this file");
        }
        collect(container.getReport(), issues);
        container.getLoader().setAutoScale(scaled);
        Processor processor = appending ? new AppendProcessor() : new DefaultProcessor();
        try {
            importer.process(container, processor, workspace);
        } finally {
            collect(processor.getReport(), issues);
        }
        describe(Lookup.getDefault().lookup(GraphController.class).getGraphModel(workspace), found);
    }

    private static void save(File file) throws IOException {
        new Modularity().execute(Lookup.getDefault().lookup(GraphController.class).getGraphModel());
        ExportController exporter = Lookup.getDefault().lookup(ExportController.class);
        exporter.exportFile(file.getAbsoluteFile(), exporter.getExporter("graphml"));
    }

    private static void collect(Report report, List<Object> issues) {
        for (Issue issue : report.getIssuesList(Integer.MAX_VALUE)) {
            issues.add(Map.of("level", issue.getLevel().toString(), "message", issue.getMessage()));
        }
    }

    private static void describe(GraphModel model, Map<String, Object> found) {
        found.put("node_count", model.getGraph().getNodeCount());
        found.put("edge_count", model.getGraph().getEdgeCount());
        found.put("directed", model.isDirected());
        found.put("undirected", model.isUndirected());
        found.put("node_columns", columns(model.getNodeTable()));
        found.put("edge_columns", columns(model.getEdgeTable()));
        List<Object> nodes = new ArrayList<>();
        for (Node node : model.getGraph().getNodes().toArray()) {
            nodes.add(node(node));
        }
        found.put("nodes", nodes);
        List<Object> edges = new ArrayList<>();
        for (Edge edge : model.getGraph().getEdges().toArray()) {
            edges.add(edge(edge));
        }
        found.put("edges", edges);
    }

    private static List<Object> columns(Table table) {
        List<Object> columns = new ArrayList<>();
        for (Column column : table) {
            Map<String, Object> told = new LinkedHashMap<>();
            told.put("id", column.getId());
            told.put("title", column.getTitle());
            told.put("type", column.getTypeClass().getSimpleName());
            told.put("property", column.isProperty());
            columns.add(told);
        }
        return columns;
    }

    private static Map<String, Object> node(Node node) {
        Map<String, Object> told = element(node);
        told.put("color", hex(node.getColor()));
        told.put("size", (double) node.size());
        told.put("x", (double) node.x());
        told.put("y", (double) node.y());
        return told;
    }

    private static Map<String, Object> edge(Edge edge) {
        Map<String, Object> told = element(edge);
        told.put("source", edge.getSource().getId());
        told.put("target", edge.getTarget().getId());
        told.put("weight", edge.getWeight());
        told.put("type", edge.getTypeLabel());
        told.put("directed", edge.isDirected());
        return told;
    }

    private static Map<String, Object> element(Element element) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("id", element.getId());
        told.put("label", element.getLabel());
        told.put("intervals", hasIntervals(element) ? element.getIntervals() : List.of());
        Map<String, Object> attributes = new LinkedHashMap<>();
        for (Column column : element.getTable()) {
            Object value = column.isProperty() ? null : element.getAttribute(column);
            if (value != null) {
                attributes.put(column.getId(), value);
            }
        }
        told.put("attributes", attributes);
        return told;
    }

    /** Graphs with a column of times, such as those of the CSV tables, have no intervals. */
    private static boolean hasIntervals(Element element) {
        Configuration configuration = element.getTable().getGraph().getModel().getConfiguration();
        return configuration.getTimeRepresentation() == TimeRepresentation.INTERVAL;
    }

    private static String hex(Color color) {
        return String.format("#%06x", color.getRGB() & 0xffffff);
    }
}
