//! Decides whose code each function of a profile is, and which frame of a stack is to blame.
//!
//! All questions ask here, so they all blame the same function and line. The **site** of a stack is the first
//! of these that exists:
//!
//! 1. the own frame nearest to the leaf. A frame that serves profiles over HTTP ends the search and is the site
//!    itself, because the handlers above it aren't responsible for the cost of a profile;
//! 2. the frame of a dependency nearest to the leaf;
//! 3. the outermost frame of the standard library outside the runtime and the profiler: it began the work;
//! 4. the leaf.
//!
//! The first two are a **claim**: code written for the program. Tables of functions show claims only, because 3
//! and 4 say no more than the row itself.
//!
//! Own code is the code of the module under analysis. A Go function belongs to a dependency if its file is in a
//! module cache, in a vendor folder or in a repository that Bazel fetched. The function's name alone can mislead:
//! a closure of an inlined function is named after the caller. Files of package `main` help:
//!
//! - A program installed from a module cache has its `main` there. Its own code is that module.
//! - In a GOPATH (`src/` followed by the package's path, and no file with a version), the repository of `main` is
//!   own code, and other repositories are dependencies.
//!
//! Without such a `main`, everything outside the standard library, dependencies and generated files is own code.
//! That includes modules that a workspace or a `replace` puts beside the main one.

use super::ids::{FunctionId, StringId};
use super::language::{self, Language};
use super::origin::{self, OUTSIDE_RULES, Own, Owner};
use super::series::NO_STACK;
use super::symbols::{Function, Line, Symbols};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// A frame: a function and a line in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// The function.
    pub function: FunctionId,
    /// The line; 0 where unknown.
    pub line: i64,
}

impl From<&Line> for Frame {
    fn from(line: &Line) -> Self {
        Self { function: line.function, line: line.line }
    }
}

/// The claim that a frame has on its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Own code: no frame above it matters.
    Own,
    /// It serves profiles: no frame above it matters either.
    ProfileServer,
    /// A dependency: it is to blame if there is no own frame above it.
    Dependency,
    /// It makes the descriptor of a goroutine: named if there is nothing else to name.
    Descriptor,
}

/// Chooses the claim to blame from those along a stack, leaf first. Choosing within each location first gives the
/// same answer.
#[inline]
pub fn answer<T>(claims: impl Iterator<Item = (T, Claim)>) -> Option<(T, Claim)> {
    let (mut nearest, mut last_resort) = (None, None);
    for claim in claims {
        match claim.1 {
            Claim::Own | Claim::ProfileServer => return Some(claim),
            Claim::Dependency => nearest = nearest.or(Some(claim)),
            Claim::Descriptor => last_resort = last_resort.or(Some(claim)),
        }
    }
    nearest.or(last_resort)
}

/// The owner of each function of a table.
#[derive(Clone, Debug)]
pub struct Owners {
    /// What overruled the rules.
    own: Own,
    of: Vec<Owner>,
}

impl Owners {
    /// Finds the owners of all functions; `own` overrules the rules. Call this before file names are shortened,
    /// because folders distinguish modules.
    pub fn new(symbols: &Symbols, own: &Own) -> Self {
        let rules = Rules::new(symbols);
        let owner = |function: &Function| {
            let name = symbols.text(function.name);
            own.overrule(name, rules.owner(name, &rules.files[&function.filename]))
        };
        Self { own: own.clone(), of: symbols.functions.iter().map(owner).collect() }
    }

    /// What overruled the rules.
    pub fn own(&self) -> &Own {
        &self.own
    }

    /// Whose code a function is.
    #[inline]
    pub fn of(&self, function: FunctionId) -> Owner {
        self.of[function.index()]
    }

    /// Whether a function is the program's own.
    pub fn is_own(&self, function: FunctionId) -> bool {
        self.of(function) == Owner::Own
    }

    /// Whether any function is the program's own.
    pub fn any_own(&self) -> bool {
        self.of.contains(&Owner::Own)
    }

    /// The frame with the deciding claim, and that claim; frames come leaf first.
    pub fn claim(&self, frames: impl Iterator<Item = Frame>) -> Option<(Frame, Claim)> {
        answer(frames.filter_map(|frame| {
            let claim = match self.of(frame.function) {
                Owner::Own => Claim::Own,
                Owner::ProfileServer => Claim::ProfileServer,
                Owner::Dependency => Claim::Dependency,
                Owner::Descriptor => Claim::Descriptor,
                _ => return None,
            };
            Some((frame, claim))
        }))
    }

    /// The site of a stack, leaf first; `None` for one without frames.
    pub fn site(&self, frames: &[Frame]) -> Option<Frame> {
        let claim = self.claim(frames.iter().copied()).map(|(frame, _)| frame);
        claim.or_else(|| self.unclaimed(frames))
    }

    /// The site of a stack, leaf first, in which no frame has a claim.
    pub fn unclaimed(&self, frames: &[Frame]) -> Option<Frame> {
        let is_library = |frame: &&Frame| self.of(frame.function) == Owner::StandardLibrary;
        frames.iter().rev().find(is_library).or(frames.first()).copied()
    }

    /// Whether a stack belongs to the profiler and says nothing about the program.
    pub fn is_profiler(&self, frames: &[Frame]) -> bool {
        frames.iter().any(|frame| self.of(frame.function) == Owner::Profiler)
    }
}

/// Facts about a source file.
#[derive(Clone, Copy)]
struct File<'a> {
    name: &'a str,
    language: Option<Language>,
    is_generated: bool,
    is_dependency: bool,
    /// Its module, if it is in a module cache.
    module: Option<&'a str>,
}

impl<'a> File<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            language: Language::of_file(name),
            is_generated: origin::is_generated(name),
            is_dependency: origin::is_dependency(name),
            module: origin::module_root(name),
        }
    }

    fn folder(&self) -> Option<&'a str> {
        Some(self.name.rsplit_once('/')?.0)
    }
}

/// Facts about a table as a whole.
struct Rules<'a> {
    files: HashMap<StringId, File<'a>, FxBuildHasher>,
    /// The language of functions that don't reveal theirs.
    language: Option<Language>,
    /// Go packages, and whether most of their files belong to a dependency.
    packages: HashMap<&'a str, bool, FxBuildHasher>,
    /// The module of `main`, if it is in a module cache.
    installed: Option<&'a str>,
    gopath: Option<Gopath<'a>>,
}

/// A Go package.
#[derive(Default)]
struct Package<'a> {
    /// How many of its functions are in a file of a dependency, and how many are not.
    marked: usize,
    plain: usize,
    /// The folder of one that is not, and the module of one that is in a module cache.
    folder: Option<&'a str>,
    module: Option<&'a str>,
}

type Packages<'a> = HashMap<&'a str, Package<'a>, FxBuildHasher>;

impl<'a> Rules<'a> {
    fn new(symbols: &'a Symbols) -> Self {
        let mut by_file = [0_usize; language::ALL.len()];
        let mut by_name = by_file;
        let mut packages = Packages::default();
        let mut files: HashMap<StringId, File<'_>, FxBuildHasher> = HashMap::default();
        for function in &symbols.functions {
            let name = symbols.text(function.name);
            let new = || File::new(symbols.text(function.filename));
            let file = files.entry(function.filename).or_insert_with(new);
            let told = Language::of_name(name).or(file.language);
            if let Some(language) = told {
                by_file[language as usize] += 1;
            } else if let Some(language) = Language::of_bare_name(name) {
                by_name[language as usize] += 1;
            }
            if told != Some(Language::Go) || file.is_generated || is_library(name) {
                continue;
            }
            let package = packages.entry(origin::package(name)).or_default();
            if file.is_dependency {
                package.marked += 1;
                package.module = package.module.or(file.module);
            } else {
                package.plain += 1;
                package.folder = package.folder.or_else(|| file.folder());
            }
        }
        let most = |counts: [usize; language::ALL.len()]| {
            let all = language::ALL.into_iter().rev();
            all.max_by_key(|&language| counts[language as usize])
                .filter(|&language| counts[language as usize] > 0)
        };
        let is_marked = |package: &&Package<'_>| package.marked > package.plain;
        let main = packages.get("main");
        Self {
            language: most(by_file).or(most(by_name)),
            installed: main.filter(is_marked).and_then(|main| main.module),
            gopath: main.and_then(|main| Gopath::new(main.folder?, &packages)),
            packages: packages.iter().map(|(name, package)| (*name, is_marked(&package))).collect(),
            files,
        }
    }

    fn owner(&self, name: &str, file: &File<'_>) -> Owner {
        if name.is_empty() || name == NO_STACK {
            return Owner::Unknown;
        }
        if name == OUTSIDE_RULES {
            return Owner::Runtime;
        }
        let told = Language::of_name(name).or(file.language);
        let language = told.or(self.language.filter(|_| !file.name.contains('.')));
        match language {
            Some(Language::Go) => self.go(name, file),
            Some(language) => match language.owner(name, file.name) {
                // What is linked into a program of another language was not written for it.
                Owner::Own if language == Language::Native && self.language != Some(language) => {
                    Owner::Dependency
                }
                owner => owner,
            },
            None => Owner::Unknown,
        }
    }

    fn go(&self, name: &str, file: &File<'_>) -> Owner {
        if origin::is_profiler(name) {
            return Owner::Profiler;
        }
        if name == origin::DESCRIPTOR {
            return Owner::Descriptor;
        }
        if origin::is_profile_server(name) {
            return Owner::ProfileServer;
        }
        if name.starts_with("runtime.") && !origin::is_spawn(name) {
            return Owner::Runtime;
        }
        if file.is_generated {
            return Owner::Generated;
        }
        if is_library(name) {
            return Owner::StandardLibrary;
        }
        let package = origin::package(name);
        let ending = file.name.rsplit_once('.').map(|(_, ending)| ending);
        if package.is_empty() && ending != Some("go") {
            // Symbols of the runtime's assembler have no package, and those of linked C have no file of Go.
            return if ending == Some("s") { Owner::Runtime } else { Owner::Unknown };
        }
        let is_dependency = if file.name.is_empty() {
            self.packages.get(package).copied().unwrap_or_default()
        } else if file.is_dependency {
            self.installed.is_none() || file.module != self.installed
        } else {
            self.gopath.is_some_and(|gopath| gopath.is_another_repository(file))
        };
        if is_dependency { Owner::Dependency } else { Owner::Own }
    }
}

/// Whether a Go function is the standard library's; `main` is spared the question.
fn is_library(name: &str) -> bool {
    !name.starts_with("main.") && origin::is_standard_library(name)
}

/// The GOPATH that `main` is in.
#[derive(Clone, Copy)]
struct Gopath<'a> {
    /// Where packages begin: `/me/go/src/`.
    sources: &'a str,
    /// The folder of `main`, from there on: `github.com/me/app/cmd/app`.
    main: &'a str,
}

impl<'a> Gopath<'a> {
    /// Finds it by another package in it, where no file has a version, as they have with modules.
    fn new(main: &'a str, packages: &Packages<'a>) -> Option<Self> {
        if packages.values().any(|package| package.module.is_some()) {
            return None;
        }
        let sources = packages.iter().filter_map(|(name, package)| {
            let sources = package.folder?.strip_suffix(name)?;
            (sources.ends_with("/src/") && main.starts_with(sources)).then_some(sources)
        });
        let sources = sources.max_by_key(|sources| sources.len())?;
        Some(Self { sources, main: &main[sources.len()..] })
    }

    /// Whether a file is in a repository other than that of `main`.
    fn is_another_repository(self, file: &File<'_>) -> bool {
        let folder = file.folder();
        let Some(path) = folder.and_then(|folder| folder.strip_prefix(self.sources)) else {
            return false;
        };
        // Without a host it is a local folder.
        let Some(host) = path.split('/').next().filter(|host| host.contains('.')) else {
            return false;
        };
        // Other hosts have layouts of their own.
        let depth = match host {
            "github.com" | "gitlab.com" | "bitbucket.org" | "golang.org" => 3,
            _ => 1,
        };
        !path.split('/').take(depth).eq(self.main.split('/').take(depth))
    }
}

#[cfg(test)]
mod tests {
    use super::Owner::{
        Dependency, Descriptor, Generated, ProfileServer, Profiler, Runtime, StandardLibrary,
        Unknown,
    };
    use super::*;
    use regex::Regex;

    /// A table of functions, each a name and a file.
    fn table(functions: &[(&str, &str)]) -> Symbols {
        let mut symbols = Symbols::default();
        for (name, file) in functions {
            let name = symbols.strings.intern(name);
            let filename = symbols.strings.intern(file);
            symbols.functions.push(Function { name, system_name: name, filename, start_line: 0 });
        }
        symbols
    }

    /// Asserts whose code each function of a table is.
    fn expect(cases: &[(&str, &str, Owner)]) {
        let functions: Vec<(&str, &str)> =
            cases.iter().map(|&(name, file, _)| (name, file)).collect();
        let owners = Owners::new(&table(&functions), &Own::default());
        for (i, (name, file, expected)) in cases.iter().enumerate() {
            assert_eq!(owners.of(FunctionId::from_index(i)), *expected, "{name} in {file}");
        }
    }

    /// The site of a stack, leaf first, of functions that are each in the file of their line; `own` overrules.
    fn site(stack: &[(&str, &str)], own: &Own) -> String {
        let owners = Owners::new(&table(stack), own);
        let frames =
            (0..stack.len()).map(|i| Frame { function: FunctionId::from_index(i), line: 1 });
        let site = owners.site(&frames.collect::<Vec<_>>()).unwrap();
        stack[site.function.index()].0.to_owned()
    }

    #[test]
    fn modules_tell_by_their_folders() {
        let cache = "/go/pkg/mod/github.com/gin-gonic/gin@v1.9.1/context.go";
        expect(&[
            ("main.main", "/me/app/cmd/app/main.go", Owner::Own),
            ("example.com/app/store.(*Store).Put", "/me/app/store/store.go", Owner::Own),
            ("app/limiter.New", "limiter/limiter.go", Owner::Own),
            // A module that a `replace` or a workspace puts beside it.
            ("github.com/me/lib.F", "/me/lib/f.go", Owner::Own),
            ("github.com/gin-gonic/gin.(*Context).Next", cache, Dependency),
            ("github.com/gin-gonic/gin.(*Context).Next", &cache[1..], Dependency),
            (
                "gopkg.in/yaml%2ev2.unmarshal",
                "/go/pkg/mod/gopkg.in/yaml.v2@v2.3.0/yaml.go",
                Dependency,
            ),
            ("github.com/lib/pq.Open", "/me/app/vendor/github.com/lib/pq/conn.go", Dependency),
            (
                "github.com/me/app/vendor/github.com/lib/pq.Open",
                "/w/src/github.com/me/app/vendor/github.com/lib/pq/conn.go",
                Dependency,
            ),
            ("github.com/x/y.F", "external/com_github_x_y/f.go", Dependency),
            // The closure of an inlined function is named after its caller.
            ("main.main.Logger.func3", cache, Dependency),
            ("runtime.mallocgc", "/usr/local/go/src/runtime/malloc.go", Runtime),
            ("runtime.malg", "/usr/local/go/src/runtime/proc.go", Descriptor),
            ("net/http.(*conn).serve", "/usr/local/go/src/net/http/server.go", StandardLibrary),
            (
                "slices.Grow[...]",
                "/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.24.4/src/slices/slices.go",
                StandardLibrary,
            ),
            (
                "vendor/golang.org/x/net/http2/hpack.NewEncoder",
                "/usr/local/go/src/vendor/golang.org/x/net/http2/hpack/encode.go",
                StandardLibrary,
            ),
            ("memeqbody", "/usr/local/go/src/internal/bytealg/equal_amd64.s", Runtime),
            (
                "runtime/pprof.(*Profile).WriteTo",
                "/usr/local/go/src/runtime/pprof/pprof.go",
                Profiler,
            ),
            ("runtime/pprof.Do", "/usr/local/go/src/runtime/pprof/runtime.go", StandardLibrary),
            ("net/http/pprof.Index", "/usr/local/go/src/net/http/pprof/pprof.go", ProfileServer),
            ("github.com/veandco/go-sdl2/ttf._Cfunc_TTF_Init", "_cgo_gotypes.go", Generated),
            ("example.com/app/api.(*User).Marshal", "/me/app/api/user.pb.go", Generated),
            ("main.T.String", "<autogenerated>", Generated),
            ("SDL_RenderCopy", "", Unknown),
            ("rocksdb::DBImpl::Write", "", Dependency),
            ("std::vector::push_back", "", StandardLibrary),
            ("[outside the rules]", "", Runtime),
            ("", "/me/app/main.go", Unknown),
        ]);
    }

    #[test]
    fn without_files_names_tell_the_standard_library() {
        expect(&[
            ("main.f", "", Owner::Own),
            ("github.com/a/b.C", "", Owner::Own),
            ("bytes.growSlice", "", StandardLibrary),
            ("memeqbody", "", Unknown),
        ]);
    }

    #[test]
    fn a_package_without_files_is_what_the_rest_of_it_is() {
        let file = "/go/pkg/mod/github.com/a/b@v1.0.0/b.go";
        expect(&[("github.com/a/b.F", file, Dependency), ("github.com/a/b.G", "", Dependency)]);
    }

    #[test]
    fn an_installed_program_is_a_module_in_the_cache() {
        let file = |path: &str| format!("/go/pkg/mod/{path}");
        expect(&[
            ("main.main", &file("github.com/me/app@v1.2.3/cmd/app/main.go"), Owner::Own),
            (
                "github.com/me/app/store.Put",
                &file("github.com/me/app@v1.2.3/store/store.go"),
                Owner::Own,
            ),
            ("github.com/me/apple.F", &file("github.com/me/apple@v1.2.3/f.go"), Dependency),
            ("github.com/me/lib.F", &file("github.com/me/lib@v1.0.0/f.go"), Dependency),
        ]);
    }

    #[test]
    fn in_a_gopath_other_repositories_are_dependencies() {
        let file = |path: &str| format!("/me/src/go/src/{path}");
        let others = [
            ("github.com/me/app/store.Put", file("github.com/me/app/store/store.go"), Owner::Own),
            ("github.com/me/application.F", file("github.com/me/application/f.go"), Dependency),
            (
                "github.com/veandco/go-sdl2/sdl.Init",
                file("github.com/veandco/go-sdl2/sdl/sdl.go"),
                Dependency,
            ),
            ("golang.org/x/net/http2.F", file("golang.org/x/net/http2/f.go"), Dependency),
            ("tools/log.Print", file("tools/log/log.go"), Owner::Own),
            ("github.com/elsewhere/lib.F", "/me/lib/f.go".to_owned(), Owner::Own),
        ];
        let main = file("github.com/me/app/cmd/app/main.go");
        let mut all = vec![("main.main", main.as_str(), Owner::Own)];
        all.extend(others.iter().map(|(name, file, owner)| (*name, file.as_str(), *owner)));
        expect(&all);
        // With modules, folders in a GOPATH are modules that are replaced by them.
        all.iter_mut().for_each(|case| case.2 = Owner::Own);
        all.push(("github.com/x/y.F", "/me/src/go/pkg/mod/github.com/x/y@v1.0.0/f.go", Dependency));
        expect(&all);
    }

    #[test]
    fn other_languages_have_rules_of_their_own_or_make_no_claim() {
        expect(&[
            ("fit", "/me/train.py", Owner::Own),
            ("bind", "/usr/lib/python3/dist-packages/jax/core.py", Dependency),
            ("xla::PjRtClient::Compile", "", Dependency),
        ]);
        expect(&[
            ("server::cache::insert", "src/cache.rs", Owner::Own),
            ("alloc::raw_vec::finish_grow", "", StandardLibrary),
            ("main", "", Owner::Own),
            ("malloc", "", StandardLibrary),
        ]);
        expect(&[
            ("ack-delta-carpet", "/wisconsin/carpet/lamp", Unknown),
            ("f", "app.rb", Unknown),
        ]);
    }

    #[test]
    fn the_site_is_the_nearest_own_frame_then_a_dependency_then_what_began() {
        let app = ("main.handle", "/me/app/main.go");
        let wrapper = ("main.withLog", "/me/app/log.go");
        let library = ("github.com/lib/pq.Open", "/go/pkg/mod/github.com/lib/pq@v1.0.0/conn.go");
        let stub = ("github.com/lib/pq._Cfunc_open", "_cgo_gotypes.go");
        let grow = ("bytes.growSlice", "/usr/local/go/src/bytes/buffer.go");
        let serve = ("net/http.(*conn).serve", "/usr/local/go/src/net/http/server.go");
        let exit = ("runtime.goexit", "/usr/local/go/src/runtime/asm_amd64.s");
        let index = ("net/http/pprof.Index", "/usr/local/go/src/net/http/pprof/pprof.go");
        let rule = Own::default();
        assert_eq!(site(&[grow, library, app, wrapper, serve], &rule), app.0);
        assert_eq!(site(&[grow, app, library, wrapper], &rule), app.0);
        assert_eq!(site(&[grow, stub, library, serve, exit], &rule), library.0);
        assert_eq!(site(&[grow, stub, serve, exit], &rule), serve.0);
        assert_eq!(site(&[grow, index, wrapper, serve], &rule), index.0);
        assert_eq!(site(&[exit], &rule), exit.0);
        assert_eq!(
            site(
                &[
                    ("runtime.newobject", ""),
                    ("runtime.malg", ""),
                    ("runtime.newproc1", ""),
                    ("runtime.mstart", "")
                ],
                &rule
            ),
            "runtime.malg"
        );
        let said = |regex: &str| Own::new(Some(Regex::new(regex).unwrap()));
        assert_eq!(site(&[grow, library, app, wrapper], &said("withLog")), wrapper.0);
        assert_eq!(site(&[grow, library, app, wrapper], &said("^github.com/lib")), library.0);
        // What an expression leaves out is a dependency.
        assert_eq!(site(&[grow, app, serve], &said("nothing")), app.0);
    }

    #[test]
    fn the_profilers_stacks_are_told() {
        let owners = Owners::new(
            &table(&[
                ("compress/flate.NewWriter", ""),
                ("runtime/pprof.newProfileBuilder", ""),
                ("main.main", ""),
            ]),
            &Own::default(),
        );
        let frame = |i| Frame { function: FunctionId::from_index(i), line: 1 };
        assert!(owners.is_profiler(&[0, 1, 2].map(frame)));
        assert!(!owners.is_profiler(&[0, 2].map(frame)));
    }
}
