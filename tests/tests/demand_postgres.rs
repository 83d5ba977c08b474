//! A table of jobs in a real PostgreSQL has servers come and go by the recipe of `docs/queues.md`, and one that cannot be read
//! any more holds the number.
//!
//! Where the server is stands in `DYNSERVERS_TEST_POSTGRES`; `cargo xtask test` starts one by itself.

use dynservers_tests::{Fleet, eventually};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls};

fn server() -> Config {
    let address = std::env::var("DYNSERVERS_TEST_POSTGRES").expect(
        "say in DYNSERVERS_TEST_POSTGRES where a PostgreSQL is, as in postgres://USER:PASSWORD@127.0.0.1:5432/postgres, \
         or run `cargo xtask test`",
    );
    address.parse().expect("it is an address")
}

/// A connection of the test's own.
struct Admin {
    runtime: Runtime,
    client: Client,
}

impl Admin {
    fn of(config: &Config) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = runtime.block_on(async {
            let (client, driver) = config.connect(NoTls).await.expect("it is there");
            drop(tokio::spawn(driver));
            client
        });
        Self { runtime, client }
    }

    fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).expect(sql);
    }
}

/// Gives the recipe as it stands in the documentation, for this database, and as fast as a test wants it.
fn recipe(server: &Config, database: &str, password: &str) -> String {
    let document = include_str!("../../docs/queues.md");
    let block = document
        .split("```toml\n")
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.contains("kind = \"postgres\""))
        .expect("a recipe");
    let port = server.get_ports().first().expect("it has one");
    let changed = [
        ("postgres://db.example:5432/app", format!("postgres://127.0.0.1:{port}/{database}")),
        ("username = \"metrics\"", format!("username = {:?}", server.get_user().expect("it has one"))),
        ("{ env = \"PGPASSWORD\" }", format!("{{ file = {password:?} }}")),
    ];
    let block = changed.iter().fold(block.to_owned(), |recipe, (from, to)| {
        assert!(recipe.contains(from), "the recipe says {from:?}");
        recipe.replace(from, to)
    });
    let policy = "policy = { jobs_per_server = 10, scale_in_after = \"0s\", hold = \"1h\" }";
    format!("max = 8\ndemand_interval = \"100ms\"\n{policy}\n{block}")
}

#[test]
fn the_recipe_has_servers_come_and_go_with_the_jobs_and_holds_what_it_cannot_count() {
    let time =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later").as_nanos();
    let database = format!("dynservers_test_{time}");
    let first = Admin::of(&server());
    first.run(&format!("CREATE DATABASE {database}"));
    let admin = Admin::of(server().dbname(&database));
    admin.run(
        "CREATE TABLE jobs (created_at timestamptz NOT NULL DEFAULT now(), started_at timestamptz, finished_at timestamptz)",
    );
    let directory = tempfile::tempdir().expect("a directory");
    let password = directory.path().join("password");
    std::fs::write(&password, server().get_password().expect("it has one")).expect("it is written");

    let mut fleet = Fleet::local(&recipe(&server(), &database, &password.display().to_string()));
    fleet.start();
    admin.run("INSERT INTO jobs SELECT FROM generate_series(1, 25)");
    fleet.settles_at(3);
    admin.run("UPDATE jobs SET started_at = now()");
    admin.run("DELETE FROM jobs WHERE ctid <> (SELECT min(ctid) FROM jobs)");
    fleet.settles_at(1);
    admin.run("ALTER TABLE jobs RENAME TO work");
    eventually("it is told", || (fleet.events("demand_unknown") > 0).then_some(()));
    admin.run("ALTER TABLE work RENAME TO jobs; INSERT INTO jobs SELECT FROM generate_series(1, 10)");
    fleet.settles_at(2);
    assert!(fleet.events("demand_known") > 0);
    admin.run("UPDATE jobs SET finished_at = now()");
    fleet.settles_at(0);
    assert!(fleet.stop().success());
    drop(admin);
    first.run(&format!("DROP DATABASE {database} WITH (FORCE)"));
}
