"""``notify``: from alerts on their topic to people, by way of Alertmanager, webhooks and mail."""
