package peer;

import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.Stores;

/**
 * Session windows of 30 minutes as the documentation shows them, exactly_once_v2.
 *
 * <p>Arguments: bootstrap, input topic, output topic, schema file, state directory.
 */
public final class Sessions {
    private static final Duration GAP = Duration.ofMinutes(30);
    private static final Duration GRACE = Duration.ofMinutes(270);
    private static final Duration RETENTION = Duration.ofHours(30);

    private Sessions() {}

    public static void main(String[] args) {
        Row.Reader rows = new Row.Reader(args[3]);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(
                        args[1],
                        Consumed.with(
                                Serdes.String(),
                                Serdes.serdeFrom((topic, it) -> null, (topic, bytes) -> rows.read(bytes)),
                                (record, before) ->
                                        record.value() instanceof Row row ? row.time / 1000 : before,
                                AutoOffsetReset.earliest()))
                .filter((key, row) -> key != null && row != null)
                .peek((key, row) -> Progress.row())
                .groupByKey(Grouped.with(Serdes.String(), null))
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(GAP, GRACE))
                .aggregate(
                        Session::new,
                        (key, row, session) -> session.plus(row),
                        (key, one, other) -> one.plus(other),
                        Materialized.<String, Session>as(
                                        Stores.persistentSessionStore("sessions", RETENTION))
                                .withKeySerde(Serdes.String())
                                .withValueSerde(Session.SERDE)
                                .withCachingEnabled())
                .toStream()
                .to(args[2], Produced.with(
                        WindowedSerdes.sessionWindowedSerdeFrom(String.class), Session.SERDE));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings(args));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
        streams.start();
    }

    private static Properties settings(String[] args) {
        Properties it = new Properties();
        it.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer-streams");
        it.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        it.put(StreamsConfig.STATE_DIR_CONFIG, args[4]);
        it.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        it.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        it.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500);
        it.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        it.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        it.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        it.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
        it.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 20_000);
        it.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        it.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 50);
        it.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 512 << 10);
        it.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        return it;
    }
}
