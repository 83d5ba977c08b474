//! The workspace's own order: folders named after crates, and members that say why they are there.

use std::path::PathBuf;

use serde_json::Value;

use super::Finding;
use super::source::File;

/// What cargo says of the workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Metadata {
    /// Where cargo builds.
    pub(super) target_directory: PathBuf,
    /// The workspace's packages.
    pub(super) packages: Vec<Package>,
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub(super) struct Package {
    /// Its name.
    pub(super) name: String,
    /// Its manifest, from the root.
    pub(super) manifest: String,
    /// What it depends on, outside of tests and build scripts.
    pub(super) dependencies: Vec<String>,
}

impl Metadata {
    /// Reads what `cargo metadata --no-deps` printed.
    pub(super) fn read(json: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(json).map_err(|error| format!("cargo metadata: {error}"))?;
        let root = value["workspace_root"].as_str().ok_or("cargo metadata names no workspace_root")?;
        let target = value["target_directory"].as_str().ok_or("cargo metadata names no target_directory")?;
        let packages = value["packages"].as_array().ok_or("cargo metadata lists no packages")?;
        let packages = packages.iter().map(|package| Package::read(package, root)).collect::<Option<_>>();
        let packages = packages.ok_or("cargo metadata describes a package in an unknown way")?;
        Ok(Self { target_directory: PathBuf::from(target), packages })
    }
}

impl Package {
    fn read(package: &Value, root: &str) -> Option<Self> {
        let manifest = package["manifest_path"].as_str()?;
        let normal = |dependency: &&Value| dependency["kind"].is_null();
        let dependencies = package["dependencies"].as_array()?.iter().filter(normal);
        Some(Self {
            name: package["name"].as_str()?.to_owned(),
            manifest: manifest.strip_prefix(root)?.trim_start_matches(['/', '\\']).replace('\\', "/"),
            dependencies: dependencies
                .map(|dependency| dependency["name"].as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
        })
    }
}

/// Finds folders that are not named after their crate, and members without a why.
pub(super) fn check(files: &[File], metadata: &Metadata) -> Vec<Finding> {
    let mut findings = folders(metadata);
    match files.iter().find(|file| file.path == "Cargo.toml") {
        Some(manifest) => findings.extend(members(manifest)),
        None => findings.push(Finding::new("Cargo.toml", 1, "is missing")),
    }
    findings
}

fn folders(metadata: &Metadata) -> Vec<Finding> {
    let misnamed = |package: &&Package| {
        package.manifest.starts_with("crates/")
            && package.manifest != format!("crates/{}/Cargo.toml", package.name)
    };
    let finding = |package: &Package| {
        let message = format!("crate {0} must live in crates/{0}", package.name);
        Finding::new(&package.manifest, 1, message)
    };
    metadata.packages.iter().filter(misnamed).map(finding).collect()
}

fn members(manifest: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut inside = false;
    let mut explained = false;
    for (number, line) in manifest.lines() {
        let line = line.trim();
        if line.starts_with("members") {
            inside = true;
            if line.contains(']') {
                findings.push(Finding::new(
                    &manifest.path,
                    number,
                    "write members one a line, each below its why",
                ));
                inside = false;
            }
        } else if inside && line.starts_with(']') {
            inside = false;
        } else if inside && line.starts_with('"') && !explained {
            let message =
                format!("member {} needs a comment above it: why is it a crate?", line.trim_end_matches(','));
            findings.push(Finding::new(&manifest.path, number, message));
        }
        explained = line.starts_with('#');
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"workspace_root": "/w", "target_directory": "/t", "packages": [
        {"name": "a", "manifest_path": "/w/crates/a/Cargo.toml", "dependencies": [
            {"name": "serde", "kind": null}, {"name": "proptest", "kind": "dev"}]},
        {"name": "b", "manifest_path": "/w/crates/c/Cargo.toml", "dependencies": []},
        {"name": "d", "manifest_path": "/w/tests/Cargo.toml", "dependencies": []}
    ]}"#;

    #[test]
    fn normal_dependencies_are_read_and_others_left_out() {
        let metadata = Metadata::read(METADATA).unwrap();
        assert_eq!(metadata.packages[0].dependencies, ["serde"]);
        assert!(Metadata::read("{}").is_err() && Metadata::read("no").is_err());
    }

    #[test]
    fn a_folder_that_is_not_the_crates_name_is_found() {
        let findings = folders(&Metadata::read(METADATA).unwrap());
        assert_eq!(findings, [Finding::new("crates/c/Cargo.toml", 1, "crate b must live in crates/b")]);
    }

    #[test]
    fn a_member_without_a_why_is_found() {
        let good = "members = [\n    # why\n    \"a\",\n]\nexclude = [\n    \"x\",\n]\n";
        assert_eq!(members(&File::new("Cargo.toml", good)), []);
        let bad = "members = [\n    # why\n    \"a\",\n    \"b\",\n]\n";
        let findings = members(&File::new("Cargo.toml", bad));
        assert!(
            findings.len() == 1 && findings[0].line == 4 && findings[0].message.contains("\"b\""),
            "{findings:?}"
        );
        assert_eq!(members(&File::new("Cargo.toml", "members = [\"a\"]\n")).len(), 1);
        assert_eq!(check(&[], &Metadata::default()).len(), 1);
    }
}
