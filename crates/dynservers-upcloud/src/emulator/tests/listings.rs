//! What listings show, and to whom.

use super::*;

#[test]
fn pages_and_filters_count_what_they_leave_out() {
    let mut client = client(Settings { list_lag_millis: 10_000, ..exact() });
    for number in 0..60 {
        let fleet = if number % 2 == 0 { "even" } else { "odd" };
        client.create(&format!("s{number}"), &[(FLEET, fleet), (TOKEN, &number.to_string())]);
    }
    assert!(titles(&client.get("/1.3/server")).is_empty(), "the listing lags");
    client.now_millis = 10_000;
    let page = client.reaction("GET", "/1.3/server?limit=10&offset=55", &Value::Null).response;
    assert_eq!(page.headers()[TOTAL], "60");
    let body: Value = serde_json::from_slice(page.body()).unwrap();
    assert_eq!(titles(&body), ["s55", "s56", "s57", "s58", "s59"]);
    assert!(body["servers"]["server"][0].get("ip_addresses").is_none());
    assert_eq!(titles(&client.get("/1.3/server")).len(), 25, "unless asked for more");
    let uri = format!("/1.3/server/?label={FLEET}%3Dodd&limit=3&offset=1");
    assert_eq!(titles(&client.get(&uri)), ["s3", "s5", "s7"]);
    let uri = format!("/1.3/server?label={FLEET}%3Dodd&label={TOKEN}%3D8");
    assert!(titles(&client.get(&uri)).is_empty(), "both must hold");
    assert_eq!(titles(&client.get(&format!("/1.3/server?label={FLEET}&label={TOKEN}%3D8"))), ["s8"]);
    assert!(titles(&client.get("/1.3/server?state=started")).is_empty());
    client.now_millis = 34_000;
    let page = client.reaction("GET", "/1.3/server?state=started&limit=1", &Value::Null).response;
    assert_eq!(page.headers()[TOTAL], "60");
    assert_eq!(client.refusal("GET", "/1.3/server?limit=all", &Value::Null), (400, "REQUEST_INVALID".into()));
    let capped = Settings { page_cap: Some(7), ..client.emulator.settings().clone() };
    client.emulator.set_settings(capped);
    assert_eq!(titles(&client.get("/1.3/server?limit=100")).len(), 7);
    let addresses = client.get("/1.3/ip_address");
    assert_eq!(addresses["ip_addresses"]["ip_address"].as_array().map(Vec::len), Some(120));
}

#[test]
fn another_account_has_another_name_and_none_of_the_servers() {
    let mut client = client(exact());
    let path = client.started();
    client.emulator.set_settings(Settings { account: Account::Other, ..exact() });
    assert_eq!(client.get("/1.3/account")["account"]["username"], "not-emulated");
    assert!(titles(&client.get("/1.3/server")).is_empty());
    assert_eq!(client.refusal("GET", &path, &Value::Null), (404, "SERVER_NOT_FOUND".into()));
    let refusal = client.refusal("POST", "/1.3/server", &order("worker", &[]));
    assert_eq!(refusal, (404, "STORAGE_NOT_FOUND".into()));
    assert_eq!(client.report().servers.len(), 1);
}

#[test]
fn ten_thousand_servers_are_listed_page_by_page() {
    let mut client = client(exact());
    let foreign =
        Foreign { count: 10_000, labels: [(FLEET.into(), "big".into())].into(), ..Foreign::default() };
    client.emulator.add_foreign(&foreign, 0);
    let mut seen = std::collections::BTreeSet::new();
    for offset in (0..10_000).step_by(100) {
        let page = client.get(&format!("/1.3/server?label={FLEET}%3Dbig&limit=100&offset={offset}"));
        for server in page["servers"]["server"].as_array().unwrap() {
            seen.insert(server["uuid"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen.len(), 10_000);
}
