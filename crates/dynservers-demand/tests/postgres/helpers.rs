//! The real server, databases of one test each, and what is said to them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dynservers_demand::postgres::{Encryption, Login, Postgres, Queue};
use dynservers_demand::{Signal, Source as _, Unknown};
use tokio_postgres::{Client, Config, NoTls};

pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn server() -> Config {
    let address = std::env::var("DYNSERVERS_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("say in DYNSERVERS_TEST_POSTGRES where a PostgreSQL is, as in postgres://USER:PASSWORD@127.0.0.1:5432/postgres, or run `cargo xtask test`")
    });
    address.parse().unwrap()
}

/// Gives the address without who logs in, with another database if one is named.
pub(crate) fn address(database: Option<&str>) -> String {
    let (server, own) = (server(), server());
    let database = database.unwrap_or_else(|| own.get_dbname().unwrap());
    format!("postgres://127.0.0.1:{}/{database}", server.get_ports()[0])
}

pub(crate) fn login() -> Login {
    let password = String::from_utf8(server().get_password().unwrap().to_vec()).unwrap();
    Login { username: server().get_user().map(Into::into), password: Some(password.as_str().into()) }
}

/// A name that no other test uses, in this run or another on the same server.
pub(crate) fn name(word: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("t_{word}_{time}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A connection of the test's own.
pub(crate) struct Admin {
    pub(crate) runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Admin {
    pub(crate) fn new(database: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = server();
        if let Some(database) = database {
            config.dbname(database);
        }
        let client = runtime.block_on(async {
            let (client, driver) = config.connect(NoTls).await.unwrap();
            drop(tokio::spawn(driver));
            client
        });
        Self { runtime, client }
    }

    pub(crate) fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.runtime.block_on(self.client.query_one(sql, &[])).unwrap().get(0)
    }
}

/// A database for one test, gone with it.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) admin: Option<Admin>,
}

impl Database {
    pub(crate) fn with(tables: &str) -> Self {
        let name = name("database");
        Admin::new(None).run(&format!("CREATE DATABASE {name}"));
        let admin = Admin::new(Some(&name));
        admin.run(tables);
        Self { name, admin: Some(admin) }
    }

    pub(crate) fn run(&self, sql: &str) {
        self.admin.as_ref().unwrap().run(sql);
    }

    pub(crate) fn source(&self, queue: Queue) -> Postgres {
        let address = address(Some(&self.name));
        Postgres::new(&address, login(), Encryption::Elsewhere, vec![queue], LONG).unwrap()
    }

    pub(crate) fn count(&self, queue: Queue) -> Result<Signal, Unknown> {
        self.source(queue).measure()
    }

    pub(crate) fn counts(&self, queue: Queue) -> (u64, u64) {
        let signal = self.count(queue).unwrap();
        (signal.waiting, signal.in_flight)
    }

    pub(crate) fn told(&self, queue: Queue) -> String {
        self.count(queue).unwrap_err().reason
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.admin = None;
        Admin::new(None).run(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

pub(crate) fn query(sql: &str) -> Queue {
    Queue::Query { sql: sql.to_owned() }
}

pub(crate) fn ask(sql: &str) -> Result<Signal, Unknown> {
    Postgres::new(&address(None), login(), Encryption::Elsewhere, vec![query(sql)], LONG).unwrap().measure()
}

pub(crate) fn told_by(address: &str, encryption: Encryption, timeout: Duration) -> String {
    let one = vec![query("SELECT 1 AS waiting")];
    Postgres::new(address, login(), encryption, one, timeout).unwrap().measure().unwrap_err().reason
}
