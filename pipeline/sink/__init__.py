"""ClickHouse: migrations, tables and the stage that keeps them current.

Inserts are repeated after a crash and come in any order; the tables make that harmless. Each row
has an identity (partition and sorting key) and a version, and the views show one row of each.
The only room that speaks to ClickHouse.
"""
