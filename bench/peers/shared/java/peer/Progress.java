package peer;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** Says how many rows went by and what they cost, a line of JSON every {@link #EVERY} rows. */
public final class Progress {
    private static final long EVERY = 10_000;
    private static final OperatingSystemMXBean SYSTEM =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private static long rows;

    private Progress() {}

    public static synchronized void row() {
        if (++rows % EVERY == 0) {
            System.out.printf(
                    Locale.ROOT,
                    "{\"rows\": %d, \"cpu_s\": %.4f, \"wall_s\": %.4f}%n",
                    rows, SYSTEM.getProcessCpuTime() / 1e9, System.nanoTime() / 1e9);
            System.out.flush();
        }
    }
}
