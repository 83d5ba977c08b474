//! Draws: where a story gets its choices from, a seed or the bytes of a fuzzer.

/// Something that choices are drawn from. Equal sources give equal choices.
#[derive(Clone, Debug)]
pub struct Draw<'a>(Source<'a>);

#[derive(Clone, Debug)]
enum Source<'a> {
    Seed(fastrand::Rng),
    Bytes(&'a [u8]),
}

impl<'a> Draw<'a> {
    /// Draws without end, as the seed says.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(Source::Seed(fastrand::Rng::with_seed(seed)))
    }

    /// Draws from bytes, two a choice; after the last one every choice is the first.
    #[must_use]
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(Source::Bytes(bytes))
    }

    /// Whether there is nothing more to draw from.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        match &self.0 {
            Source::Seed(_) => false,
            Source::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// Draws a number below another one, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        match &mut self.0 {
            Source::Seed(random) => random.u64(..end),
            Source::Bytes(bytes) => {
                let (drawn, rest) = bytes.split_at(bytes.len().min(2));
                *bytes = rest;
                drawn.iter().fold(0, |number, byte| number * 256 + u64::from(*byte)) % end
            }
        }
    }

    /// Draws a number between two, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// Draws a small number between two, both included.
    pub fn small(&mut self, from: u32, to: u32) -> u32 {
        u32::try_from(self.between(u64::from(from), u64::from(to))).unwrap_or(to)
    }

    /// Draws whether something is so, in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) >= 100 - percent.min(100)
    }

    /// Draws one of several.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap_or(0)]
    }

    /// Draws one of several that are not equally frequent: each with its weight.
    pub fn weighted<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let mut drawn = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in from {
            if drawn < *weight {
                return *choice;
            }
            drawn -= weight;
        }
        from[from.len() - 1].1
    }
}
