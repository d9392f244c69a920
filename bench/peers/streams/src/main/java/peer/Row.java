package peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** What the counters need of a web_logs row; Avro resolves the rest away. */
final class Row {
    private static final int PREFIX_BYTES = 5;

    final long time;
    final int status;
    final long duration;
    final boolean write;
    final boolean participated;
    final long user;

    private Row(GenericRecord it) {
        time = (Long) it.get("timestamp");
        status = (Integer) it.get("http_status");
        duration = Math.max(0, (Integer) it.get("interaction_micros"));
        String method = it.get("http_method").toString();
        write = !method.equals("GET") && !method.equals("HEAD") && !method.equals("OPTIONS");
        participated = (Boolean) it.get("participated");
        user = it.get("user_id") instanceof Long known ? known : -1;
    }

    /** Reads framed values of one writer; not safe for threads. */
    static final class Reader {
        private final GenericDatumReader<GenericRecord> reader;
        private BinaryDecoder decoder;
        private GenericRecord reused;

        Reader(String schemaFile) {
            try {
                Schema writer = new Schema.Parser().parse(Files.readString(Path.of(schemaFile)));
                Schema wanted = SchemaBuilder.record(writer.getName()).namespace(writer.getNamespace())
                        .fields()
                        .requiredLong("timestamp").requiredInt("http_status")
                        .requiredInt("interaction_micros").requiredString("http_method")
                        .requiredBoolean("participated").optionalLong("user_id").endRecord();
                reader = new GenericDatumReader<>(writer, wanted);
            } catch (IOException reason) {
                throw new UncheckedIOException(reason);
            }
        }

        Row read(byte[] framed) {
            if (framed == null) {
                return null;
            }
            try {
                decoder = DecoderFactory.get().binaryDecoder(
                        framed, PREFIX_BYTES, framed.length - PREFIX_BYTES, decoder);
                reused = reader.read(reused, decoder);
                return new Row(reused);
            } catch (IOException reason) {
                throw new UncheckedIOException(reason);
            }
        }
    }
}
