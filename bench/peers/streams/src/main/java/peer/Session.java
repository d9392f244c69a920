package peer;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The counters of one session: seven numbers, 56 bytes. */
final class Session {
    long requests;
    long errors;
    long writes;
    long participations;
    long durationSum;
    long durationMax;
    long user;

    static final Serde<Session> SERDE = Serdes.serdeFrom((topic, it) -> it == null ? null : it.bytes(), reader());

    Session plus(Row row) {
        requests++;
        errors += row.status >= 400 ? 1 : 0;
        writes += row.write ? 1 : 0;
        participations += row.participated ? 1 : 0;
        durationSum += row.duration;
        durationMax = Math.max(durationMax, row.duration);
        user = row.user;
        return this;
    }

    Session plus(Session other) {
        requests += other.requests;
        errors += other.errors;
        writes += other.writes;
        participations += other.participations;
        durationSum += other.durationSum;
        durationMax = Math.max(durationMax, other.durationMax);
        user = Math.max(user, other.user);
        return this;
    }

    private byte[] bytes() {
        return ByteBuffer.allocate(56)
                .putLong(requests).putLong(errors).putLong(writes).putLong(participations)
                .putLong(durationSum).putLong(durationMax).putLong(user).array();
    }

    private static Deserializer<Session> reader() {
        return (topic, bytes) -> {
            if (bytes == null) {
                return null;
            }
            ByteBuffer from = ByteBuffer.wrap(bytes);
            Session it = new Session();
            it.requests = from.getLong();
            it.errors = from.getLong();
            it.writes = from.getLong();
            it.participations = from.getLong();
            it.durationSum = from.getLong();
            it.durationMax = from.getLong();
            it.user = from.getLong();
            return it;
        };
    }
}
