//! Colours: what can be told apart by everybody, on light and on dark ground.

/// The colours of Masataka Okabe and Kei Ito, made darker for light ground and lighter for dark.
pub(super) const SHEET: &str = "
.forecast{font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}
.forecast .ground{fill:#fff}
.forecast text{fill:#3b434c}
.forecast .title{fill:#1b2026;font-size:17px;font-weight:600}
.forecast .heading{fill:#1b2026;font-weight:600}
.forecast .number{text-anchor:end;font-size:12px}
.forecast .time{text-anchor:middle;font-size:12px}
.forecast .grid{stroke:#e4e7eb;fill:none}
.forecast .frame{stroke:#8a939d;fill:none}
.forecast .line{fill:none;stroke-width:1.7;stroke-linejoin:round}
.forecast .dashed{stroke-dasharray:5 3;stroke-width:1.2}
.forecast .key{stroke:#59636e}
.forecast .c0{stroke:#0067a5}
.forecast .c1{stroke:#c34e00}
.forecast .c2{stroke:#00805d}
.forecast .c3{stroke:#a8487f}
.forecast .c4{stroke:#6b4fb3}
.forecast .c5{stroke:#7a6300}
@media (prefers-color-scheme:dark){
.forecast .ground{fill:#14181d}
.forecast text{fill:#b9c1ca}
.forecast .title,.forecast .heading{fill:#eef1f4}
.forecast .grid{stroke:#2a3038}
.forecast .frame{stroke:#6d7680}
.forecast .key{stroke:#9aa4ae}
.forecast .c0{stroke:#5ab6ee}
.forecast .c1{stroke:#ff9a4d}
.forecast .c2{stroke:#35d0a1}
.forecast .c3{stroke:#f09cc9}
.forecast .c4{stroke:#b7a3f5}
.forecast .c5{stroke:#e3c64a}
}
";

const COLOURS: [&str; 6] = ["c0", "c1", "c2", "c3", "c4", "c5"];

/// Gives the class of the so-manieth forecast; from the seventh on they begin again.
pub(super) const fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}
