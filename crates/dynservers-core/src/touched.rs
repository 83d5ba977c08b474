//! The touched: what has to be planned anew, in order, once each.

use alloc::collections::VecDeque;

/// A set that fills and empties at every input, and keeps its room over that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touched<T>(VecDeque<T>);

impl<T> Default for Touched<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

/// How many it keeps room for while it is empty: a burst that is over is not paid for any longer.
const ROOM: usize = 64;

impl<T: Clone + Ord> Touched<T> {
    /// Adds one unless it is there.
    pub(crate) fn insert(&mut self, item: &T) {
        // Most come in order, or are the only one.
        if self.0.back().is_none_or(|last| last < item) {
            self.0.push_back(item.clone());
        } else if let Err(place) = self.0.binary_search(item) {
            self.0.insert(place, item.clone());
        }
    }

    pub(crate) fn extend<'a>(&mut self, items: impl IntoIterator<Item = &'a T>)
    where
        T: 'a,
    {
        items.into_iter().for_each(|item| self.insert(item));
    }

    /// Takes the least.
    pub(crate) fn pop_first(&mut self) -> Option<T> {
        let first = self.0.pop_front();
        if first.is_none() {
            self.0.shrink_to(ROOM);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_a_set(steps in prop::collection::vec(prop::option::weighted(0.7, 0_u8..12), 0..60)) {
            let (mut touched, mut set) = (Touched::default(), BTreeSet::new());
            for step in steps {
                if let Some(item) = step {
                    touched.insert(&item);
                    set.insert(item);
                } else {
                    prop_assert_eq!(touched.pop_first(), set.pop_first());
                }
            }
            prop_assert!(touched.0.iter().eq(&set));
        }
    }
}
