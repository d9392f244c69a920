"""The ClickHouse engine (chDB) behind ClickHouse's HTTP protocol: one process, one directory.

    front.py        HTTP: requests in, results out, as the server's HTTP interface does
      request.py    headers, parameters and body → Query
      outlet.py     result chunks from the engine's thread to the event loop, bounded
      encoding.py   Content-Encoding of bodies
    execution.py    Query → result: the engine calls
      statement.py  what a statement is, without running it; INSERT with inline data apart
      sessions.py   connections: settings and database of a request, named sessions
      engine.py     the open database
    errors.py       errors with the server's codes, names and HTTP statuses

It has one user (``default``, no password), no rights and no replication. Only this machine may
connect.
"""
