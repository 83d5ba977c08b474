//! Inputs as text that a person can write: a heading in a line of its own, and what belongs to it below.

/// What a heading begins with.
const MARK: &[u8] = b"== ";

/// A heading with what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section<'a> {
    /// The heading, without its mark.
    pub(crate) heading: &'a str,
    /// What is below it, without the line feed before the next heading.
    pub(crate) content: &'a [u8],
}

/// Splits an input at its headings. What comes before the first one, and what is below one that is no text, is left out.
pub(crate) fn sections(bytes: &[u8]) -> Vec<Section<'_>> {
    let mut starts: Vec<usize> = Vec::new();
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(MARK) && (at == 0 || bytes[at - 1] == b'\n') {
            starts.push(at);
        }
    }
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([bytes.len()]);
    let section = |(start, end): (&usize, usize)| {
        let whole = &bytes[start + MARK.len()..end.max(start + MARK.len())];
        let line = whole.iter().position(|byte| *byte == b'\n').unwrap_or(whole.len());
        let heading = std::str::from_utf8(&whole[..line]).ok()?;
        Some(Section { heading, content: whole.get(line + 1..).unwrap_or_default() })
    };
    starts.iter().zip(ends).filter_map(section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_heading_belongs_to_it_byte_for_byte() {
        let input = b"lost\n== a b\none == two\n\xff\n== \n== c\n== \xff\nlost\n== d";
        let section = |heading, content: &'static [u8]| Section { heading, content };
        assert_eq!(
            sections(input),
            [section("a b", b"one == two\n\xff"), section("", b""), section("c", b""), section("d", b"")]
        );
        assert_eq!(sections(b""), []);
    }
}
