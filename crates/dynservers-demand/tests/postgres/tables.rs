//! The tables and functions that libraries keep their queues in, as far as counting them goes.

/// apalis: its schema `apalis`, and how it takes jobs.
pub(crate) const APALIS: &str = "
CREATE SCHEMA apalis;
CREATE TABLE apalis.workers (
    id text NOT NULL UNIQUE, worker_type text NOT NULL, storage_name text NOT NULL, layers text NOT NULL DEFAULT '',
    last_seen timestamptz NOT NULL DEFAULT now());
CREATE TABLE apalis.jobs (
    job jsonb NOT NULL, id text NOT NULL UNIQUE, job_type text NOT NULL, status text NOT NULL DEFAULT 'Pending',
    attempts integer NOT NULL DEFAULT 0, max_attempts integer NOT NULL DEFAULT 25,
    run_at timestamptz NOT NULL DEFAULT now(), last_error text, lock_at timestamptz,
    lock_by text REFERENCES apalis.workers (id), done_at timestamptz, priority integer DEFAULT 0);
CREATE FUNCTION apalis.get_jobs(worker_id text, v_job_type text, v_job_count integer) RETURNS SETOF apalis.jobs
LANGUAGE sql VOLATILE AS $$
    UPDATE apalis.jobs SET status = 'Running', lock_by = worker_id, lock_at = now()
     WHERE id IN (SELECT id FROM apalis.jobs
                   WHERE (status = 'Pending' OR (status = 'Failed' AND attempts < max_attempts))
                     AND run_at < now() AND job_type = v_job_type
                   ORDER BY priority DESC, run_at LIMIT v_job_count FOR UPDATE SKIP LOCKED)
 RETURNING *;
$$;";

/// pgmq: its schema `pgmq`, the queue `mail`, and how messages are read.
pub(crate) const PGMQ: &str = "
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.q_mail (
    msg_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, read_ct int NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb, headers jsonb);
CREATE FUNCTION pgmq.read(queue_name text, hidden integer, qty integer) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH cte AS (SELECT msg_id FROM pgmq.%I WHERE vt <= clock_timestamp() ORDER BY msg_id LIMIT $1
                         FOR UPDATE SKIP LOCKED)
         UPDATE pgmq.%I m SET vt = clock_timestamp() + %L, read_ct = read_ct + 1
           FROM cte WHERE m.msg_id = cte.msg_id RETURNING m.msg_id',
        'q_' || queue_name, 'q_' || queue_name, make_interval(secs => hidden)) USING qty;
END $$;";

/// sqlxmq: `mq_msgs` with the message that stands for none, and how messages are sent, taken and kept.
pub(crate) const SQLXMQ: &str = "
CREATE TYPE mq_new_t AS (
    id uuid, delay interval, retries int, retry_backoff interval, channel_name text, channel_args text,
    commit_interval interval, ordered boolean, name text, payload_json text, payload_bytes bytea);
CREATE FUNCTION nil() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-0000-0000-000000000000'::uuid $$;
CREATE TABLE mq_msgs (
    id uuid PRIMARY KEY, created_at timestamptz DEFAULT now(), attempt_at timestamptz DEFAULT now(),
    attempts int NOT NULL DEFAULT 5, retry_backoff interval NOT NULL DEFAULT interval '1 second',
    channel_name text NOT NULL, channel_args text NOT NULL, commit_interval interval,
    after_message_id uuid DEFAULT nil() REFERENCES mq_msgs (id) ON DELETE SET DEFAULT);
INSERT INTO mq_msgs (id, channel_name, channel_args, after_message_id) VALUES (nil(), '', '', NULL);
CREATE FUNCTION mq_latest_message(from_name text, from_args text) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT id FROM mq_msgs
                      WHERE channel_name = from_name AND channel_args = from_args
                        AND after_message_id IS NOT NULL AND id <> nil()
                      ORDER BY created_at DESC, id DESC LIMIT 1), nil())
$$;
CREATE FUNCTION mq_insert(new_messages mq_new_t[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO mq_msgs (id, attempt_at, attempts, retry_backoff, channel_name, channel_args, commit_interval,
                         after_message_id)
    SELECT id, now() + delay + coalesce(commit_interval, interval '0'), retries + 1, retry_backoff, channel_name,
           channel_args, commit_interval,
           CASE WHEN ordered THEN mq_latest_message(channel_name, channel_args) END
      FROM unnest(new_messages)
$$;
CREATE FUNCTION mq_poll(channel_names text[], batch_size int) RETURNS SETOF uuid LANGUAGE sql AS $$
    UPDATE mq_msgs
       SET attempt_at = CASE WHEN attempts = 1 THEN NULL ELSE now() + retry_backoff END,
           attempts = attempts - 1, retry_backoff = retry_backoff * 2
     WHERE id IN (SELECT id FROM mq_msgs
                   WHERE id <> nil() AND attempt_at <= now() AND channel_name = ANY (channel_names)
                     AND (after_message_id IS NULL OR after_message_id = nil())
                   ORDER BY attempt_at LIMIT batch_size)
 RETURNING id
$$;
CREATE FUNCTION mq_keep_alive(msg_ids uuid[], duration interval) RETURNS void LANGUAGE sql AS $$
    UPDATE mq_msgs SET attempt_at = now() + duration,
                       commit_interval = commit_interval + ((now() + duration) - attempt_at)
     WHERE id = ANY (msg_ids) AND attempt_at < now() + duration
$$;";
