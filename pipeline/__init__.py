"""Canvas LMS telemetry: feeds → Kafka → sessions, request statistics, anomalies → ClickHouse."""
