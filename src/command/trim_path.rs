//! `-trim_path` of a listing, whose files are looked for by their whole names first. All other questions trim the names
//! of files in the profiles, see [`crate::report::Query::trim_path`].

use crate::analysis::list::List;

/// Cuts the first of `prefixes` (each ending in a slash) that a file name starts with off that name.
pub(super) fn trim(list: &mut List, prefixes: &[String]) {
    for file in list.functions.iter_mut().filter_map(|function| function.file.as_mut()) {
        let cut = prefixes.iter().find_map(|prefix| file.strip_prefix(prefix.as_str()));
        if let Some(cut) = cut.map(str::to_owned) {
            *file = cut;
        }
    }
}
