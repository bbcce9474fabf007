//! Names that changed without the function changing: closures are numbered in the order of their source (`.func2`
//! becomes `.func3` when one is put before it), and instantiations are named after their type arguments, or all by one
//! name (`[...]`).

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

/// A name without its type arguments: `main.Map[go.shape.int].Load` and `main.Map[...].Load` are
/// both `main.Map.Load`. `None` if it has none.
fn generic(name: &str) -> Option<String> {
    if name.starts_with('[') || !name.contains('[') {
        return None;
    }
    let mut depth = 0_usize;
    let outside = |c: &char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    Some(name.chars().filter(outside).collect())
}

/// Whether two names are one function, ignoring type arguments.
pub(super) fn is_one_function(a: &str, b: &str) -> bool {
    a == b || generic(a).as_deref().unwrap_or(a) == generic(b).as_deref().unwrap_or(b)
}

/// Which names may be the same function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// One build: a generic function is named with its type arguments, or with `[...]` for all of
    /// its instantiations.
    OneBuild,
    /// Two builds, which number closures differently.
    TwoBuilds,
}

/// The side that holds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Only before.
    Before,
    /// Only after.
    After,
    /// Both.
    Both,
}

/// Finds the names of one function that differ before and after; returns the indices of those that
/// belong together, at least one of which is only on each side.
///
/// If it can't be told which closure of a function got which number, or which instantiations became
/// which, they are all together: their sums are right whatever the answer.
pub(super) fn groups(names: &[(&str, Held)], naming: Naming) -> Vec<Vec<usize>> {
    let mut groups: HashMap<String, Vec<usize>, FxBuildHasher> = HashMap::default();
    for (i, (name, _)) in names.iter().enumerate() {
        let common = match naming {
            Naming::OneBuild => generic(name),
            Naming::TwoBuilds => canonical(name),
        };
        if let Some(common) = common {
            groups.entry(common).or_default().push(i);
        }
    }
    let has = |group: &[usize], held: Held| group.iter().any(|&i| names[i].1 == held);
    let is_named_as_one = |group: &[usize]| group.iter().any(|&i| names[i].0.contains("[...]"));
    let mut found: Vec<Vec<usize>> = groups
        .into_values()
        .filter(|group| has(group, Held::Before) && has(group, Held::After))
        .filter(|group| naming == Naming::TwoBuilds || is_named_as_one(group))
        .collect();
    found.sort_unstable();
    found
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
    fn names_of_one_function_belong_together() {
        use Held::{After, Before, Both};
        use Naming::{OneBuild, TwoBuilds};
        type Case<'a> = (&'a [(&'a str, Held)], Naming, &'a [&'a [usize]]);
        let cases: &[Case<'_>] = &[
            (&[("m.f.func2", Before), ("m.f.func3", After)], TwoBuilds, &[&[0, 1]]),
            (&[("m.f.func2", Before), ("m.f.func3", After)], OneBuild, &[]),
            (
                &[("m.f.func2", Before), ("m.f.func3", After), ("m.g.func1", After)],
                TwoBuilds,
                &[&[0, 1]],
            ),
            // Which of the two became which?
            (
                &[("m.f.func1", Before), ("m.f.func2", Both), ("m.f.func3", After)],
                TwoBuilds,
                &[&[0, 1, 2]],
            ),
            // A closure was added, and none is gone.
            (&[("m.f.func1", Both), ("m.f.func2", After)], TwoBuilds, &[]),
            (&[("m.f", Before), ("m.g", After)], TwoBuilds, &[]),
            (
                &[("m.Map[...].Get", Before), ("m.Map[go.shape.int].Get", After)],
                OneBuild,
                &[&[0, 1]],
            ),
            (
                &[
                    ("m.k[...]", After),
                    ("m.k[go.shape.int]", Before),
                    ("m.k[go.shape.[]uint8]", Before),
                ],
                OneBuild,
                &[&[0, 1, 2]],
            ),
            // Two instantiations, each with its own name.
            (&[("m.k[go.shape.int]", Before), ("m.k[go.shape.string]", After)], OneBuild, &[]),
        ];
        for (names, naming, expected) in cases {
            assert_eq!(groups(names, *naming), *expected, "{names:?}");
        }
        assert!(is_one_function("m.k[...]", "m.k[go.shape.int]"));
        assert!(!is_one_function("m.f.func1", "m.f.func2"));
    }
}
