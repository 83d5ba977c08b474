//! The emulator's own random numbers: small, and the same for the same seed on every machine.

/// The generator `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws from 0 up to 1, without 1.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws a duration within `percent` of `millis`, either way.
    pub(super) fn around(&mut self, millis: u64, percent: u64) -> u64 {
        let spread = millis.saturating_mul(percent.min(100)) / 100;
        let low = millis - spread;
        low + self.next() % (2 * spread + 1)
    }

    /// Draws a UUID that begins with the two digits by which the provider marks a kind of resource.
    pub(super) fn uuid(&mut self, kind: &str) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{kind}{:06x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high & 0xff_ffff,
            (high >> 24) & 0xffff,
            (high >> 40) & 0xfff,
            (high >> 52) & 0xfff,
            low & 0xffff_ffff_ffff,
        )
    }

    /// Draws a correlation id of the shape that the provider sends.
    pub(super) fn correlation(&mut self) -> String {
        const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        (0..26).map(|place| char::from(DIGITS[(bits >> (5 * place)) as usize & 31])).collect()
    }
}

/// Tells whether a text has the form of a UUID of the given kind.
pub(super) fn is_uuid(text: &str, kind: &str) -> bool {
    text.len() == 36
        && text.starts_with(kind)
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_within_bounds() {
        let (mut one, mut other) = (Random::new(7), Random::new(7));
        for _ in 0..1_000 {
            let drawn = one.around(34_000, 30);
            assert_eq!(drawn, other.around(34_000, 30));
            assert!((23_800..=44_200).contains(&drawn), "{drawn}");
            let fraction = one.fraction();
            assert!((0.0..1.0).contains(&fraction));
            assert!((fraction - other.fraction()).abs() < f64::EPSILON);
        }
        assert_eq!(one.around(0, 30), 0);
    }

    #[test]
    fn uuids_have_the_form_and_the_kind() {
        let mut random = Random::new(1);
        let uuid = random.uuid("00");
        assert!(is_uuid(&uuid, "00"), "{uuid}");
        assert!(!is_uuid(&uuid, "01"));
        for bad in ["", "00", "00zzzzzz-0000-4000-8000-000000000000", "00000000-0000-4000-8000-0000000000000"]
        {
            assert!(!is_uuid(bad, "00"), "{bad}");
        }
        assert_eq!(random.correlation().len(), 26);
    }
}
