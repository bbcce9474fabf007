//! Whose code a function is: the standard library's or the program's.
//!
//! The leaf of a Go allocation is often a function of the standard library (`bytes.growSlice`). What the
//! reader can change is the first frame above it that is not.

use regex::Regex;

/// First path elements of the packages of Go's standard library and runtime.
const STANDARD: &[&str] = &[
    "archive",
    "arena",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "simd",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
    "uuid",
    "vendor",
    "weak",
    "type:",
    "type",
    "cgo",
    "_cgo",
    "gosave_systemstack_switch",
];

/// Allocators of other languages: what stands at the leaf of every stack there.
const ALLOCATORS: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "free",
    "aligned_alloc",
    "posix_memalign",
    "memalign",
    "operator new",
    "operator new[]",
    "__rust_alloc",
    "__rust_realloc",
    "__rust_alloc_zeroed",
    "__rdl_alloc",
];

/// The frame in whose name a reduced baseline adds up what no rule of it is about.
pub const OUTSIDE_RULES: &str = "[outside the rules]";

/// The package of a Go function: everything up to the first dot behind the last slash. Type arguments may
/// hold slashes of their own and don't count. Empty where the name has no package.
pub fn package(function: &str) -> &str {
    let plain = function.find('[').map_or(function, |bracket| &function[..bracket]);
    let plain = plain.find(' ').map_or(plain, |space| &plain[..space]);
    let last = plain.rfind('/').map_or(0, |slash| slash + 1);
    match plain[last..].find('.') {
        Some(dot) => &function[..last + dot],
        None => "",
    }
}

/// Whether a function belongs to the language's runtime or standard library.
pub fn is_standard_library(function: &str) -> bool {
    let package = package(function);
    if package.is_empty() {
        return ALLOCATORS.contains(&function)
            || function == OUTSIDE_RULES
            || function.starts_with("je_")
            || function.starts_with("prof_backtrace")
            || function.starts_with("_cgo")
            || function.starts_with("alloc::")
            || function.starts_with("std::")
            || function.starts_with("core::");
    }
    let first = package.split('/').next().unwrap_or(package);
    STANDARD.contains(&first)
}

/// Whether a source file belongs to another module: it lies in a module cache, where folders bear versions
/// (`mod@v1.2.3/`), or in a `vendor` folder.
pub fn is_dependency(file: &str) -> bool {
    let has_version = file.match_indices("@v").any(|(at, _)| {
        file[at + 2..].starts_with(|c: char| c.is_ascii_digit()) && file[at..].contains('/')
    });
    has_version || file.contains("/vendor/") || file.starts_with("vendor/")
}

/// What the program's own code is: what its reader can change.
///
/// By itself the package `main` is, and every function that is neither of the standard library nor of a dependency. An
/// expression on function names says it outright, for languages and folders in which that is not so.
#[derive(Clone, Debug, Default)]
pub struct Own(Option<Regex>);

impl Own {
    /// Functions whose names match are own code, and no others; without an expression the rule says.
    pub fn new(regex: Option<Regex>) -> Self {
        Self(regex)
    }

    /// Whether somebody said which code it is.
    pub fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a function of this name, in this file, is own code. What has no name is not.
    pub fn is_own(&self, function: &str, file: &str) -> bool {
        match &self.0 {
            _ if function.is_empty() => false,
            Some(regex) => regex.is_match(function),
            // A program that was installed from a module cache has its `main` there.
            None => {
                package(function) == "main"
                    || (!is_standard_library(function) && !is_dependency(file))
            }
        }
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().map(Regex::as_str) == other.0.as_ref().map(Regex::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_is_what_the_reader_can_change() {
        let cached = "/go/pkg/mod/github.com/a/b@v1.2.3/c.go";
        let rule = Own::default();
        for (function, file, expected) in [
            ("main.f", "/src/main.go", true),
            ("main.f", cached, true),
            ("chat/limiter.New", "limiter/limiter.go", true),
            ("github.com/a/b.C", "/src/b/c.go", true),
            ("github.com/a/b.C", cached, false),
            ("bytes.growSlice", "/usr/lib/go/src/bytes/buffer.go", false),
            ("malloc", "", false),
            ("", "/src/main.go", false),
        ] {
            assert_eq!(rule.is_own(function, file), expected, "{function} in {file}");
        }
        let outright = Own::new(Some(Regex::new("^(github.com/a|std::)").unwrap()));
        for (function, expected) in
            [("github.com/a/b.C", true), ("std::vec::push", true), ("main.f", false), ("", false)]
        {
            assert_eq!(outright.is_own(function, cached), expected, "{function}");
        }
        assert_ne!(rule, outright);
        assert_eq!(outright, outright.clone());
    }

    #[test]
    fn packages_end_at_the_first_dot_behind_the_last_slash() {
        let cases = [
            ("main.main", "main"),
            ("net/http.(*conn).serve", "net/http"),
            ("github.com/a/b.v2/c.F.func1", "github.com/a/b.v2/c"),
            ("main.Map[github.com/x/y.T]", "main"),
            ("slices.Grow[go.shape.[]uint8,go.shape.uint8]", "slices"),
            ("malloc", ""),
        ];
        for (function, expected) in cases {
            assert_eq!(package(function), expected, "{function}");
        }
    }

    #[test]
    fn dependencies_lie_in_versioned_or_vendor_folders() {
        for file in [
            "/go/pkg/mod/github.com/gin-gonic/gin@v1.9.1/context.go",
            "github.com/gin-gonic/gin@v1.9.1/context.go",
            "/src/app/vendor/github.com/x/y.go",
        ] {
            assert!(is_dependency(file), "{file}");
        }
        for file in ["/src/app/main.go", "app/me@vip.go", "", "app/vendors/x.go"] {
            assert!(!is_dependency(file), "{file}");
        }
    }

    #[test]
    fn modules_without_a_dot_are_the_programs_own() {
        for function in ["runtime.malg", "net/http.(*conn).serve", "malloc", "slices.Grow[...]"] {
            assert!(is_standard_library(function), "{function}");
        }
        for function in ["main.f", "chat/limiter.New", "github.com/a/b.C", "compute"] {
            assert!(!is_standard_library(function), "{function}");
        }
    }
}
