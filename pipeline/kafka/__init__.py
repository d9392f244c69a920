"""Transport: Faust batch delivery, tasks with transactions, topics, schema registry."""
