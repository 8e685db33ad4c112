//! The nearest of the words that would have been right.

/// Longer words than this have no near ones; it also bounds the work.
const LONGEST: usize = 24;

/// The candidate with the fewest slips of the keyboard from `word`, if these are few for its length.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(LONGEST + 1).flat_map(char::to_lowercase).collect();
    if word.len() > LONGEST {
        return None;
    }
    let allowed = (word.len() / 3).clamp(1, 3);
    let distances = candidates.into_iter().map(|candidate| (distance(&word, candidate), candidate));
    let best = distances.min_by_key(|(distance, _)| *distance)?;
    // A word of which nothing remains is another word, however short.
    (best.0 <= allowed && best.0 < best.1.chars().count()).then_some(best.1)
}

/// How many letters must be inserted, left out, exchanged or swapped with the next (optimal string alignment).
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let exchanged = last[j] + usize::from(a[i] != b[j]);
            let mut least = exchanged.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        let count = |a: &str, b| distance(&a.chars().collect::<Vec<_>>(), b);
        assert_eq!(count("modle", "model"), 1);
        assert_eq!(count("modl", "model"), 1);
        assert_eq!(count("", "model"), 5);
        assert_eq!(count("kitten", "sitting"), 3);
    }

    #[test]
    fn far_words_are_not_suggested() {
        assert_eq!(nearest("MODLE", ["made", "model"]), Some("model"));
        assert_eq!(nearest("x", ["fw", "rev"]), None);
        assert_eq!(nearest("banana", ["model", "rev"]), None);
        assert_eq!(nearest(&"m".repeat(2_000), ["model"]), None);
    }
}
