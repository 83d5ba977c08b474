//! Queues as libraries keep them.

use dynservers_demand::Signal;
use dynservers_demand::postgres::Queue;

use super::helpers::Database;
use super::tables::{APALIS, PGMQ, SQLXMQ};

#[test]
fn apalis_counts_what_is_due_and_what_is_taken_of_one_type() {
    let database = Database::with(APALIS);
    let queue = |job_type: &str| Queue::Apalis { job_type: job_type.to_owned() };
    assert_eq!(database.count(queue("mail")), Ok(Signal::default()), "a table that is empty has no jobs");
    database.run(
        "INSERT INTO apalis.workers (id, worker_type, storage_name) VALUES ('w', 'mail', 'postgres');
         INSERT INTO apalis.jobs (job, id, job_type, status, attempts, max_attempts, run_at) VALUES
            ('{}', 'waits', 'mail', 'Pending', 0, 25, now() - interval '90 s'),
            ('{}', 'waits too', 'mail', 'Pending', 0, 25, now() - interval '5 s'),
            ('{}', 'due in an hour', 'mail', 'Pending', 0, 25, now() + interval '1 h'),
            ('{}', 'to be tried again', 'mail', 'Failed', 3, 25, now() - interval '10 s'),
            ('{}', 'tried often enough', 'mail', 'Failed', 25, 25, now() - interval '2 h'),
            ('{}', 'over', 'mail', 'Done', 1, 25, now() - interval '2 h'),
            ('{}', 'another''s', 'thumbnails', 'Pending', 0, 25, now());",
    );
    let signal = database.count(queue("mail")).unwrap();
    assert_eq!((signal.waiting, signal.in_flight), (3, 0));
    let oldest = signal.oldest_wait.unwrap().as_secs();
    assert!((90..150).contains(&oldest), "{oldest}");
    // As the library itself takes jobs, before it was split up and since.
    database.run("SELECT apalis.get_jobs('w', 'mail', 1)");
    assert_eq!(database.counts(queue("mail")), (2, 1));
    database.run("UPDATE apalis.jobs SET status = 'Queued' WHERE id = 'waits too'");
    assert_eq!(database.counts(queue("mail")), (1, 2));
    assert_eq!(database.counts(queue("thumbnails")), (1, 0));
    assert_eq!(database.counts(queue("'; DROP TABLE apalis.jobs; --")), (0, 0), "a name is no SQL");
}

#[test]
fn pgmq_counts_what_can_be_read_and_what_was_read_and_is_hidden() {
    let database = Database::with(PGMQ);
    let queue = |queue: &str| Queue::Pgmq { queue: queue.to_owned() };
    assert_eq!(database.count(queue("mail")), Ok(Signal::default()), "a queue that is empty has no jobs");
    let told = database.told(queue("male"));
    assert!(told.contains("\"pgmq.q_male\" does not exist"), "{told}");
    database.run(
        "INSERT INTO pgmq.q_mail (enqueued_at, vt, message)
         SELECT clock_timestamp() - interval '90 s', clock_timestamp() - interval '90 s', '{}' FROM generate_series(1, 3);
         INSERT INTO pgmq.q_mail (vt, message) VALUES (clock_timestamp() + interval '1 h', '{\"sent\": \"with a delay\"}')",
    );
    assert_eq!(database.counts(queue("mail")), (3, 0));
    database.run("SELECT pgmq.read('mail', 3600, 2)");
    let signal = database.count(queue("Mail")).unwrap();
    assert_eq!((signal.waiting, signal.in_flight), (1, 2), "in whatever case it is written, it is one queue");
    let oldest = signal.oldest_wait.unwrap().as_secs();
    assert!((90..150).contains(&oldest), "{oldest}");
}

#[test]
fn sqlxmq_counts_what_a_poll_would_give_and_what_was_polled() {
    let database = Database::with(SQLXMQ);
    let queue = |channel: &str| Queue::Sqlxmq { channel: channel.to_owned() };
    assert_eq!(database.count(queue("mail")), Ok(Signal::default()));
    let message = |id: u32, delay: &str, commit: &str, ordered: bool| {
        format!(
            "SELECT mq_insert(ARRAY[ROW('00000000-0000-0000-0000-{id:012}', {delay}, 4, interval '10 min', 'mail', '', \
             {commit}, {ordered}, 'job', NULL, NULL)::mq_new_t]);"
        )
    };
    database.run(&message(1, "interval '0'", "NULL", false));
    database.run(&message(2, "interval '1 day'", "NULL", false));
    database.run(&message(3, "interval '0'", "interval '1 min'", false));
    database.run(&message(4, "interval '0'", "NULL", true));
    database.run(&message(5, "interval '0'", "NULL", true));
    assert_eq!(
        database.counts(queue("mail")),
        (2, 0),
        "not what is due tomorrow, nor what is not committed, nor what comes after another"
    );
    database.run("SELECT mq_poll(ARRAY['mail'], 1)");
    assert_eq!(database.counts(queue("mail")), (1, 1));
    database.run(
        "SELECT mq_keep_alive(array_agg(id), interval '10 min') FROM mq_msgs WHERE attempts = 4;
         SELECT mq_poll(ARRAY['mail'], 9)",
    );
    assert_eq!(database.counts(queue("mail")), (0, 2));
    assert_eq!(database.counts(queue("other")), (0, 0));
}
