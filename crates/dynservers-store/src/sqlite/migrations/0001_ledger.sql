-- The ledger. In every table `record` is what is read back; the columns that are computed from it are for people,
-- and can neither disagree with it nor be written to. What may exceed SQLite's integers is cast, and ends at the largest.

CREATE TABLE dynamic_server_fleets (
    fleet        TEXT NOT NULL PRIMARY KEY,
    owner        TEXT NOT NULL,
    term         INTEGER NOT NULL,
    time_ms      INTEGER NOT NULL,
    batches      INTEGER NOT NULL,
    record       TEXT NOT NULL,
    paused_out   INTEGER AS (record ->> '$.paused_out'),
    paused_in    INTEGER AS (record ->> '$.paused_in')
) STRICT;

CREATE TABLE dynamic_servers (
    id                     INTEGER PRIMARY KEY,
    record                 TEXT NOT NULL,
    name                   TEXT AS (record ->> '$.name'),
    type                   TEXT AS (record ->> '$.server_type'),
    status                 TEXT AS (record ->> '$.status'),
    previous_status        TEXT AS (record ->> '$.previous_status'),
    status_updated_at_ms   INTEGER AS (CAST(record ->> '$.status_since' AS INTEGER)),
    created_at_ms          INTEGER AS (CAST(record ->> '$.created_at' AS INTEGER)),
    reboot_requested_at_ms INTEGER AS (CAST(record ->> '$.reboot_requested_at' AS INTEGER)),
    provider               TEXT AS (record ->> '$.provider'),
    provider_id            TEXT AS (record ->> '$.provider_id'),
    token                  TEXT AS (record ->> '$.attempt.token'),
    create_phase           TEXT AS (record ->> '$.attempt.phase'),
    removal_why            TEXT AS (record ->> '$.removal.why'),
    addresses              TEXT AS (record -> '$.addresses'),
    failure_message        TEXT AS (record ->> '$.failure.message'),
    failure_code           TEXT AS (record ->> '$.failure.code'),
    failure_http_status    INTEGER AS (record ->> '$.failure.http_status'),
    failure_correlation    TEXT AS (record ->> '$.failure.correlation'),
    spec                   TEXT AS (record ->> '$.spec'),
    replaces               INTEGER AS (CAST(record ->> '$.replaces' AS INTEGER)),
    protected              INTEGER AS (record ->> '$.protected'),
    disowned               INTEGER AS (record ->> '$.disowned')
) STRICT;

CREATE TABLE dynamic_server_specs (
    hash TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dynamic_server_found (
    provider      TEXT NOT NULL,
    provider_id   TEXT NOT NULL,
    record        TEXT NOT NULL,
    name          TEXT AS (record ->> '$.name'),
    kind          TEXT AS (record ->> '$.kind'),
    owner         TEXT AS (record ->> '$.owner'),
    type          TEXT AS (record ->> '$.server_type'),
    state         TEXT AS (record ->> '$.state'),
    first_seen_ms INTEGER AS (CAST(record ->> '$.first_seen' AS INTEGER)),
    PRIMARY KEY (provider, provider_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dynamic_server_events (
    id              INTEGER PRIMARY KEY,
    at_ms           INTEGER NOT NULL,
    record          TEXT NOT NULL,
    event           TEXT AS (record ->> '$.event'),
    server_id       INTEGER AS (CAST(record ->> '$.server' AS INTEGER)),
    type            TEXT AS (record ->> '$.server_type'),
    previous_status TEXT AS (record ->> '$.previous_status')
) STRICT;

-- `number` is the order in which they came.
CREATE TABLE dynamic_server_commands (
    number INTEGER PRIMARY KEY,
    id     TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    at_ms  INTEGER AS (CAST(record ->> '$.at' AS INTEGER)),
    action TEXT AS (record ->> '$.command.action.action'),
    type   TEXT AS (record ->> '$.command.action.server_type')
) STRICT;

CREATE VIEW dynamic_server_types AS
SELECT fleets.fleet,
       types.key                          AS type,
       types.value ->> '$.desired'        AS desired,
       CAST(types.value ->> '$.limited_since' AS INTEGER) AS limited_since_ms,
       types.value                        AS record
FROM dynamic_server_fleets AS fleets, json_each(fleets.record, '$.types') AS types;

CREATE VIEW dynamic_servers_readable AS
SELECT id, name, type, status, previous_status,
       strftime('%Y-%m-%dT%H:%M:%fZ', status_updated_at_ms / 1000.0, 'unixepoch')   AS status_updated_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at_ms / 1000.0, 'unixepoch')          AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', reboot_requested_at_ms / 1000.0, 'unixepoch') AS reboot_requested_at,
       provider, provider_id,
       (SELECT group_concat(value ->> '$.address', ' ') FROM json_each(addresses))  AS addresses,
       removal_why, failure_message, failure_code, failure_correlation
FROM dynamic_servers;
