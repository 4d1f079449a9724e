import java.lang.reflect.Array;
import java.util.Map;
import org.gephi.graph.api.Interval;
import org.gephi.graph.api.types.TimeMap;
import org.gephi.graph.api.types.TimeSet;

/** Values as JSON, in ASCII, whatever the platform's encoding; a lone surrogate stays one. */
final class Json {
    private Json() {}

    static void write(Object value, StringBuilder out) {
        if (value instanceof Map) {
            writeMap((Map<?, ?>) value, out);
        } else if (value instanceof Iterable) {
            writeList((Iterable<?>) value, out);
        } else if (value instanceof Interval) {
            Interval span = (Interval) value;
            writeArray(new double[] {span.getLow(), span.getHigh()}, out);
        } else if (value instanceof TimeSet) {
            writeArray(((TimeSet<?>) value).toArray(), out);
        } else if (value instanceof TimeMap) {
            TimeMap<?, ?> changes = (TimeMap<?, ?>) value;
            writeArray(new Object[] {changes.toKeysArray(), changes.toValuesArray()}, out);
        } else if (value != null && value.getClass().isArray()) {
            writeArray(value, out);
        } else if (value == null || value instanceof Boolean || value instanceof Number) {
            out.append(value); // NaN and Infinity as Python's reader knows them
        } else {
            writeText(value.toString(), out);
        }
    }

    private static void writeMap(Map<?, ?> map, StringBuilder out) {
        char before = '{';
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(before);
            writeText(entry.getKey().toString(), out);
            out.append(':');
            write(entry.getValue(), out);
            before = ',';
        }
        out.append(before == '{' ? "{}" : "}");
    }

    private static void writeList(Iterable<?> list, StringBuilder out) {
        char before = '[';
        for (Object each : list) {
            out.append(before);
            write(each, out);
            before = ',';
        }
        out.append(before == '[' ? "[]" : "]");
    }

    private static void writeArray(Object array, StringBuilder out) {
        out.append('[');
        for (int index = 0; index < Array.getLength(array); index++) {
            if (index > 0) {
                out.append(',');
            }
            write(Array.get(array, index), out);
        }
        out.append(']');
    }

    private static void writeText(String text, StringBuilder out) {
        out.append('"');
        for (char unit : text.toCharArray()) {
            if (unit == '"' || unit == '\\') {
                out.append('\\').append(unit);
            } else if (unit >= ' ' && unit < 0x7f) {
                out.append(unit);
            } else {
                out.append("\\u").append(Integer.toHexString(0x10000 | unit), 1, 5);
            }
        }
        out.append('"');
    }
}
