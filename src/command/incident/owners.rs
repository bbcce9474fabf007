//! Who to ask about the suspects: the owners of the files in the checkout, and who changed the line
//! last.

use super::author::last_author;
use crate::analysis::suspects::Suspect;
use crate::report::LeaksAnswer;
use crate::report::incident::{SuspectOwner, is_in_full};
use crate::source::code::{Files, Search};
use crate::source::codeowners::{self, CodeOwners};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most suspects that are asked about.
const MOST: usize = 10;

/// Finds the owners of each suspect that is a leak, or grew.
pub(super) fn of(
    leaks: &LeaksAnswer,
    source_path: Option<&str>,
    trim_path: &[String],
) -> Vec<SuspectOwner> {
    let search = Search::new(source_path, trim_path);
    let mut files = Files::default();
    let mut rules: BTreeMap<PathBuf, Option<CodeOwners>> = BTreeMap::new();
    let suspects = leaks.suspects.iter().filter(|one| is_in_full(one, &leaks.verdict)).take(MOST);
    let mut find = |suspect: &Suspect| {
        let (file, line) = (suspect.site.file.clone(), suspect.site.line);
        let mut owner = SuspectOwner {
            rank: suspect.rank,
            file: file.clone(),
            line,
            path: None,
            owners: Vec::new(),
            rule_file: None,
            rule_line: None,
            rule_pattern: None,
            author: None,
        };
        let code = file.and_then(|file| {
            let code = search.find(&file, &suspect.site.function, &mut files).ok()?;
            let path = (!code.is_versioned).then(|| std::fs::canonicalize(&code.path).ok())??;
            Some((codeowners::root(&path)?, path, code))
        });
        let Some((root, path, code)) = code else { return owner };
        let path = within(&root, &path);
        let own = rules.entry(root.clone()).or_insert_with(|| CodeOwners::find(&root));
        if let Some(rules) = own {
            let matching = rules.of(&path);
            owner.rule_file = Some(rules.place.to_owned());
            if let Some(first) = matching.first() {
                owner.rule_line = Some(first.line);
                owner.rule_pattern = Some(first.pattern.to_owned());
            }
            for name in matching.iter().flat_map(|rule| rule.owners) {
                if !owner.owners.contains(name) {
                    owner.owners.push(name.clone());
                }
            }
        }
        let text = line.and_then(|line| Some((line, code.line(usize::try_from(line).ok()?)?)));
        owner.author = text.and_then(|(line, text)| last_author(&root, &path, line, text));
        owner.path = Some(path);
        owner
    };
    suspects.map(&mut find).collect()
}

/// The path of a file from the root, with slashes.
fn within(root: &Path, file: &Path) -> String {
    let path = file.strip_prefix(root).unwrap_or(file);
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}
