//! Names that changed between two builds without the function changing: closures are numbered in the order of
//! their source (`.func2` becomes `.func3` when one is put before it), and instantiations are named after their
//! type arguments.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// A name without the parts that a compiler numbers: `main.f.func2.1` becomes `main.f.func#.#`.
/// `None` if it has none.
fn canonical(name: &str) -> Option<String> {
    // A binary without symbols is named in brackets.
    if name.starts_with('[') {
        return None;
    }
    let mut plain = String::with_capacity(name.len());
    let mut changed = false;
    // Type arguments, which may be nested.
    let mut depth = 0;
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' if depth > 0 => depth -= 1,
            _ if depth > 0 => changed = true,
            _ => plain.push(c),
        }
    }
    let parts: Vec<String> = plain
        .split('.')
        .enumerate()
        .map(|(i, part)| {
            let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
            let numbered = stem.len() < part.len()
                && i > 0
                && (matches!(stem, "" | "func" | "gowrap" | "deferwrap" | "dwrap" | "glob"));
            changed |= numbered;
            if numbered { format!("{stem}#") } else { part.to_owned() }
        })
        .collect();
    (changed && !plain.is_empty()).then(|| parts.join("."))
}

/// Pairs a name found only before with a name found only after if they differ only in numbering and
/// each side has exactly one candidate. Returns indices into the two lists.
pub(super) fn pairs(only_before: &[&str], only_after: &[&str]) -> Vec<(usize, usize)> {
    let group = |names: &[&str]| {
        let mut groups: HashMap<String, Vec<usize>, FxBuildHasher> = HashMap::default();
        for (i, name) in names.iter().enumerate() {
            if let Some(canonical) = canonical(name) {
                groups.entry(canonical).or_default().push(i);
            }
        }
        groups
    };
    let (before, after) = (group(only_before), group(only_after));
    let mut pairs: Vec<(usize, usize)> = before
        .iter()
        .filter_map(|(name, candidates)| {
            match (candidates.as_slice(), after.get(name)?.as_slice()) {
                ([b], [a]) => Some((*b, *a)),
                _ => None,
            }
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_and_instantiations_are_renumbered() {
        let cases = [
            ("main.f.func2", Some("main.f.func#")),
            ("main.f.func2.1", Some("main.f.func#.#")),
            ("main.f.gowrap1", Some("main.f.gowrap#")),
            ("main.Map[go.shape.int]", Some("main.Map")),
            ("main.Map[go.shape.[]uint8].func1", Some("main.Map.func#")),
            ("main.f2", None),
            ("[libfoo.so]", None),
            ("github.com/a/b.v2.F", None),
        ];
        for (name, expected) in cases {
            assert_eq!(canonical(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn only_a_single_candidate_on_each_side_is_paired() {
        assert_eq!(pairs(&["m.f.func2"], &["m.f.func3"]), [(0, 0)]);
        assert_eq!(pairs(&["m.f.func1", "m.f.func2"], &["m.f.func3"]), []);
        assert_eq!(pairs(&["m.f.func2"], &["m.f.func3", "m.g.func1"]), [(0, 0)]);
        assert_eq!(pairs(&["m.f"], &["m.g"]), []);
    }
}
