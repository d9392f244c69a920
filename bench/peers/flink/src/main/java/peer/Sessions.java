package peer;

import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * SESSION windows of 30 minutes in Flink SQL, exactly-once checkpoints every second.
 *
 * <p>Arguments: bootstrap, input topic, output topic, address of a schema registry.
 */
public final class Sessions {
    private Sessions() {}

    public static void main(String[] args) {
        Configuration settings = Configuration.fromMap(Map.ofEntries(
                Map.entry("execution.checkpointing.interval", "1 s"),
                Map.entry("execution.checkpointing.mode", "EXACTLY_ONCE"),
                Map.entry("execution.checkpointing.storage", "jobmanager"),
                Map.entry("state.backend.type", "hashmap"),
                Map.entry("pipeline.object-reuse", "true"),
                Map.entry("taskmanager.memory.network.min", "128m"),
                Map.entry("taskmanager.memory.network.max", "128m")));
        StreamExecutionEnvironment local = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
        StreamTableEnvironment tables = StreamTableEnvironment.create(local);
        tables.getConfig().set("table.local-time-zone", "UTC");
        tables.createTemporarySystemFunction("counted", Counted.class);
        tables.executeSql(input(args));
        tables.executeSql(output(args));
        tables.executeSql("CREATE TEMPORARY VIEW requests AS SELECT counted(session_id) AS session_id, ts,"
                + " http_status, http_method, participated, interaction_micros, user_id"
                + " FROM web_logs WHERE session_id IS NOT NULL");
        tables.executeSql(SESSIONS);
    }

    private static final String SESSIONS =
            """
            INSERT INTO sessions
            SELECT session_id, window_start, window_end, COUNT(*),
                   SUM(CASE WHEN http_status >= 400 THEN 1 ELSE 0 END),
                   SUM(CASE WHEN http_method IN ('POST', 'PUT', 'PATCH', 'DELETE') THEN 1 ELSE 0 END),
                   SUM(CASE WHEN participated THEN 1 ELSE 0 END),
                   SUM(CAST(interaction_micros AS BIGINT)), MAX(interaction_micros), MAX(user_id)
            FROM SESSION(TABLE requests PARTITION BY session_id, DESCRIPTOR(ts), INTERVAL '30' MINUTE)
            GROUP BY session_id, window_start, window_end
            """;

    /** Rows of an hour come in no order, so the watermark stays more than an hour behind. */
    private static String input(String[] args) {
        return """
            CREATE TABLE web_logs (
              `timestamp` BIGINT NOT NULL, user_id BIGINT, http_method STRING NOT NULL,
              http_status INT NOT NULL, interaction_micros INT NOT NULL,
              session_id STRING, participated BOOLEAN NOT NULL,
              ts AS TO_TIMESTAMP_LTZ(`timestamp` / 1000, 3),
              WATERMARK FOR ts AS ts - INTERVAL '90' MINUTE
            ) WITH (
              'connector' = 'kafka', 'topic' = '%s', 'properties.bootstrap.servers' = '%s',
              'properties.group.id' = 'peer-flink', 'scan.startup.mode' = 'earliest-offset',
              'properties.isolation.level' = 'read_committed',
              'properties.max.poll.records' = '20000',
              'properties.max.partition.fetch.bytes' = '4194304',
              'format' = 'avro-confluent', 'avro-confluent.url' = '%s'
            )
            """.formatted(args[1], args[0], args[3]);
    }

    private static String output(String[] args) {
        return """
            CREATE TABLE sessions (
              session_id STRING, window_start TIMESTAMP(3), window_end TIMESTAMP(3), requests BIGINT,
              errors INT, writes INT, participations INT, duration_sum BIGINT, duration_max INT,
              user_id BIGINT
            ) WITH (
              'connector' = 'kafka', 'topic' = '%s', 'properties.bootstrap.servers' = '%s',
              'format' = 'avro', 'sink.delivery-guarantee' = 'exactly-once',
              'sink.transactional-id-prefix' = 'peer-flink',
              'properties.transaction.timeout.ms' = '60000',
              'properties.linger.ms' = '50', 'properties.batch.size' = '524288',
              'properties.compression.type' = 'lz4'
            )
            """.formatted(args[2], args[0]);
    }
}
