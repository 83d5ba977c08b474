-- What was decided about the number of servers of a type, and what it was made of; the latest of them.
CREATE TABLE dynamic_server_decisions (
    number  INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    type    TEXT NOT NULL,
    record  TEXT NOT NULL,
    desired INTEGER AS (CAST(record ->> '$.desired' AS INTEGER)),
    raw     INTEGER AS (CAST(record ->> '$.judgement.raw' AS INTEGER))
) STRICT;

-- Ends with the number, as every index does.
CREATE INDEX dynamic_server_decisions_by_type ON dynamic_server_decisions (type);
