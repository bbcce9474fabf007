//! Finds the branch of a git working tree by reading its files, because some CI images have no git.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most bytes read from a git file: these files hold one line.
const READ_MAX: u64 = 4096;

/// Returns the branch of the working tree that contains `folder`. `None` outside of one, and if no
/// branch is checked out.
pub fn branch(folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    let head = line(&directory(&git)?.join("HEAD"))?;
    let branch = head.strip_prefix("ref: ")?.trim();
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    (!branch.is_empty()).then(|| branch.to_owned())
}

/// Returns where git's files are: an additional working tree and a submodule have a file that
/// points there.
fn directory(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_owned());
    }
    let there = PathBuf::from(line(git)?.strip_prefix("gitdir: ")?.trim());
    Some(if there.is_absolute() { there } else { git.parent()?.join(there) })
}

fn line(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(READ_MAX).read_to_string(&mut text).ok()?;
    text.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_found_from_folders_below_and_in_further_working_trees() {
        let root = std::env::temp_dir().join(format!("heapdiff-git-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/.git/HEAD", "ref: refs/heads/feature/x\n");
        write("a/src/deep/file", "");
        write("a/.git/worktrees/b/HEAD", "ref: refs/heads/b\n");
        write("b/.git", "gitdir: ../a/.git/worktrees/b\n");
        write("c/.git/HEAD", "33e75ff09dd601bbe69f351039152189\n");
        assert_eq!(branch(&root.join("a/src/deep")).as_deref(), Some("feature/x"));
        assert_eq!(branch(&root.join("b")).as_deref(), Some("b"));
        assert_eq!(branch(&root.join("c")), None);
        assert_eq!(branch(&root.join("nowhere")), None);
        fs::remove_dir_all(&root).unwrap();
    }
}
