//! Golden files: expected text in `tests/golden`, rewritten by `HEAPDIFF_BLESS=1`.

use std::path::Path;

/// Compares `text` with the golden file at `path`, relative to the package.
pub(crate) fn check(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("HEAPDIFF_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; HEAPDIFF_BLESS=1 writes it", path.display()));
    assert!(
        expected == text,
        "{} differs (HEAPDIFF_BLESS=1 rewrites it).\n--- expected\n{expected}\n--- got\n{text}",
        path.display()
    );
}
