//! Plots are whole, safe and the same for the same forecasts.

use dynservers_core::PolicyConfig;

use super::super::run::{Setup, server_type};
use super::super::trace::Generator;
use super::*;

fn reports() -> Vec<Report> {
    let trace = "burst:length=6h".parse::<Generator>().unwrap().trace(1).unwrap();
    let names = ["one <b> & \"two\"", "three"];
    names.map(|name| Setup::new(name, server_type(Some(PolicyConfig::default()), 20)).forecast(&trace)).into()
}

#[test]
fn a_plot_is_whole_and_small_and_asks_nobody() {
    let reports = reports();
    let svg = svg("a & b", &reports);
    assert_eq!(svg, super::svg("a & b", &reports));
    assert!(svg.len() < 100_000, "{}", svg.len());
    assert!(svg.contains("<title>a &amp; b</title>") && svg.contains("one &lt;b&gt; &amp; &quot;two&quot;"));
    assert!(svg.contains("prefers-color-scheme:dark") && svg.trim_end().ends_with("</svg>"));
    assert_eq!(svg.matches("class=\"line c0\"").count(), 4, "three lines and the legend");
    assert_eq!(svg.matches("class=\"line c1 dashed\"").count(), 2);
    let page = html("a <page>", "by <what>", &reports);
    assert!(
        page.contains("<h1>a &lt;page&gt;</h1>") && page.contains("by &lt;what&gt;") && page.contains("<svg")
    );
    for text in [&svg, &page] {
        for outside in ["href", "src=", "url(", "@import", "<script"] {
            assert!(!text.contains(outside), "{outside}");
        }
    }
}

#[test]
fn nothing_to_show_is_shown() {
    assert!(svg("none", &[]).contains("</svg>"));
    let trace = super::super::trace::Trace::new("none", Vec::new(), 0);
    let report = Setup::new("idle", server_type(Some(PolicyConfig::default()), 20)).forecast(&trace);
    assert!(svg("none", &[report]).contains("idle"));
}
