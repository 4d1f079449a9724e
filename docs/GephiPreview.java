import java.awt.Color;
import java.io.File;
import java.io.IOException;
import org.gephi.io.exporter.api.ExportController;
import org.gephi.io.exporter.preview.SVGExporter;
import org.gephi.io.importer.api.Container;
import org.gephi.io.importer.api.ImportController;
import org.gephi.io.processor.plugin.DefaultProcessor;
import org.gephi.preview.api.PreviewController;
import org.gephi.preview.api.PreviewProperties;
import org.gephi.preview.api.PreviewProperty;
import org.gephi.project.api.ProjectController;
import org.openide.util.Lookup;

/** Opens a GraphML file in Gephi without its windows, and saves the tab "Preview" as SVG. */
public final class GephiPreview {
    private GephiPreview() {}

    public static void main(String[] files) throws IOException {
        ProjectController projects = Lookup.getDefault().lookup(ProjectController.class);
        projects.newProject();
        ImportController importer = Lookup.getDefault().lookup(ImportController.class);
        Container container = importer.importFile(new File(files[0]));
        importer.process(container, new DefaultProcessor(), projects.getCurrentWorkspace());

        PreviewController preview = Lookup.getDefault().lookup(PreviewController.class);
        PreviewProperties properties = preview.getModel().getProperties();
        properties.putValue(PreviewProperty.EDGE_CURVED, false);
        properties.putValue(PreviewProperty.EDGE_OPACITY, 20);
        properties.putValue(PreviewProperty.ARROW_SIZE, 0f);
        properties.putValue(PreviewProperty.BACKGROUND_COLOR, Color.WHITE);

        SVGExporter svg = new SVGExporter();
        svg.setWorkspace(projects.getCurrentWorkspace());
        Lookup.getDefault().lookup(ExportController.class).exportFile(new File(files[1]), svg);
    }
}
