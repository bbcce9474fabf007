//! The commands and manifests that `docs` print: each option is one that the command has, and what belongs
//! together has the same name.

use super::program::{folder, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The documents with commands to copy.
const DOCUMENTS: [&str; 3] = ["capture.md", "watch.md", "serve.md"];

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(&path).unwrap()
}

/// The blocks of code in a document.
fn blocks(text: &str) -> Vec<&str> {
    let parts = text.split("\n```").skip(1).step_by(2);
    parts.map(|block| block.split_once('\n').map_or("", |(_, block)| block)).collect()
}

/// The words of a line as a shell splits them, or the entries of a list of YAML or JSON.
fn words(line: &str, separator: char) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, _) if character == separator || character == ' ' => {
                words.push(std::mem::take(&mut word));
            }
            _ => word.push(character),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The arguments of each heapdiff that a block starts.
fn commands(block: &str) -> Vec<Vec<String>> {
    let block = block.replace("\\\n", " ");
    let mut commands = Vec::new();
    for line in block.lines() {
        let list = line.split_once("args: [").or_else(|| line.split_once("\"args\": ["));
        if let Some((_, list)) = list {
            commands.push(words(list.rsplit_once(']').unwrap().0.split(']').next().unwrap(), ','));
            continue;
        }
        let words = words(line.split(" #").next().unwrap_or_default(), ' ');
        let program = |word: &String| {
            let word = word.strip_prefix("ExecStart=").unwrap_or(word);
            word == "heapdiff" || word == "/usr/local/bin/heapdiff"
        };
        let at = words.iter().position(program);
        commands.extend(at.map(|at| words[at + 1..].to_vec()));
    }
    // An image or a container has that name as well.
    commands.retain(|words| {
        words.first().is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase()))
    });
    commands
}

#[test]
fn commands_have_the_options_that_are_documented() {
    let home = folder("documented");
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut checked = 0;
    for name in DOCUMENTS {
        let text = text(name);
        for command in blocks(&text).into_iter().flat_map(commands) {
            let help = helps.entry(command[0].clone()).or_insert_with(|| {
                let said = run(&home, &[command[0].as_str(), "--help"]);
                assert_eq!(said.code, Some(0), "{name}: {command:?}: {}", said.stderr);
                said.stdout
            });
            let options = command.iter().filter(|word| word.starts_with('-') && word.len() > 1);
            for option in options {
                let option = option.split('=').next().unwrap();
                let is_known = help.lines().any(|line| {
                    let line = line.trim_start();
                    line.starts_with('-')
                        && line.split([' ', ',', '=', '[']).any(|word| word == option)
                });
                assert!(is_known, "docs/{name}: {command:?}: {} has no {option}", command[0]);
                checked += 1;
            }
        }
    }
    assert!(checked >= 25, "{checked} options");
}

/// The values of a key in a manifest.
fn values<'a>(block: &'a str, key: &str) -> Vec<&'a str> {
    let key = format!("{key}: ");
    let found = block.split(&key).skip(1);
    found.map(|rest| rest.split(['\n', ' ', ',', '}']).next().unwrap()).collect()
}

#[test]
fn manifests_fit_together() {
    let capture = text("capture.md");
    let manifest = blocks(&capture).into_iter().find(|block| block.contains("kind: CronJob"));
    let manifest = manifest.unwrap();
    let parts: Vec<&str> = manifest.split("---\n").collect();
    let kinds: Vec<&str> = parts.iter().flat_map(|part| values(part, "\nkind")).collect();
    assert_eq!(kinds, ["PersistentVolumeClaim", "CronJob"]);
    assert!(!manifest.contains('\t'), "YAML has no tabs");
    let claim = values(parts[0], "name")[0];
    assert_eq!(values(manifest, "claimName"), [claim]);
    // What reads the volume afterwards.
    let reader =
        blocks(&capture).into_iter().find(|block| block.contains("--overrides='")).unwrap();
    let json = reader.split('\'').nth(1).unwrap();
    let pod: Value = serde_json::from_str(json).unwrap();
    let container = &pod["spec"]["containers"][0];
    assert_eq!(pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], claim);
    assert_eq!(container["image"], values(manifest, "image")[0]);
    let folder = container["args"][1].as_str().unwrap();
    assert!(manifest.contains(&format!("-o, {folder}]")), "{folder}");
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    assert_eq!(values(manifest, "mountPath"), [mount]);
    assert!(folder.starts_with(mount));

    let watch = text("watch.md");
    let manifest = blocks(&watch).into_iter().find(|block| block.contains("kind: Deployment"));
    let manifest = manifest.unwrap();
    // The port of the metrics is the one that is scraped and probed.
    let port = values(manifest, "containerPort")[0];
    assert_eq!(values(manifest, "prometheus.io/port"), [format!("\"{port}\"")]);
    assert!(manifest.contains(&format!("\"0.0.0.0:{port}\"")));
    let app = values(manifest, "name")[0];
    assert_eq!(values(manifest, "app"), [app, app]);
}
