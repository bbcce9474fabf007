//! Blames the own function that calls a library for what the library allocates in its own goroutines.

use super::Comparison;
use super::rows::{Grown, Judge};
use crate::analysis::entries::{self, Entries};
use crate::graph::frames::SiteId;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

impl<'a> Judge<'a> {
    /// Whether the caller of a site's library should be found.
    fn is_asked(&self, site: SiteId) -> bool {
        let function = self.frames.site(site).function;
        let name = self.comparison.series.symbols.name(function);
        entries::is_asked(name, self.frames.owners().of(function))
    }

    /// The callers of the libraries that contain these sites; `None` if there is nothing to find.
    fn entries(&self, sites: impl Iterator<Item = SiteId>) -> Option<Entries<'a>> {
        let Comparison { series, measured, found, .. } = self.comparison;
        let name = |site| series.symbols.name(self.frames.site(site).function);
        let asked: Vec<&str> = sites.filter(|site| self.is_asked(*site)).map(name).collect();
        let runs = (1, Some(found.process));
        (!asked.is_empty())
            .then(|| Entries::of_runs(series, self.frames.owners(), measured, runs, asked))
    }

    /// The site to blame instead of one in a library.
    fn entry(&self, entries: &Entries<'_>, site: SiteId) -> Option<SiteId> {
        let function = self.frames.site(site).function;
        let entry = entries.of(self.comparison.series.symbols.name(function));
        self.frames.find_site(entry.filter(|_| self.is_asked(site))?)
    }

    /// Blames the callers of libraries for what the libraries allocate in their own goroutines. Returns, for each
    /// site removed from the list, the site that replaces it.
    pub(super) fn redirect(
        &self,
        grown: &mut Vec<Grown>,
    ) -> HashMap<SiteId, SiteId, FxBuildHasher> {
        let mut redirected = HashMap::default();
        let Some(entries) = self.entries(grown.iter().map(|one| one.id)) else {
            return redirected;
        };
        let function = |id: SiteId| self.frames.site(id).function;
        // Between builds a function is one site.
        let is_one_site = !self.comparison.same_build;
        let known: HashMap<_, SiteId, FxBuildHasher> =
            grown.iter().filter(|_| is_one_site).map(|one| (function(one.id), one.id)).collect();
        for one in grown.iter_mut() {
            if let Some(id) = self.entry(&entries, one.id) {
                let id = known.get(&function(id)).copied().unwrap_or(id);
                redirected.insert(one.id, id);
                (one.id, one.sum.own) = (id, 0);
            }
        }
        grown.sort_by_key(|one| one.id);
        grown.dedup_by(|other, one| {
            let is_same = other.id == one.id;
            if is_same {
                one.sum.merge(&other.sum);
                one.q_value = one.q_value.min(other.q_value);
            }
            is_same
        });
        redirected
    }
}
