"""The embedded stack: Apache Kafka on a JRE and the ClickHouse engine behind HTTP, no container.

    LocalStack ── KafkaBroker ────── java kafka.Kafka                  (own process)
             └─── ClickHouseServer ─ python -m pipeline.local.clickhouse   (own process)

Each server has a home directory with its data, its log, a lock and a note of the last start
(``home.py``), so two owners never share one, and what a killed owner left behind is found again.
"""
