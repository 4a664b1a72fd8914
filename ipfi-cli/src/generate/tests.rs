//! Files that are written, compared and left alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that finds something else has failed")]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use super::output::{differences, write};
use super::typescript::{File, MARK};
use crate::failure::Failure;

/// A folder of a test's own, which is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ipfi-gen-{}-{name}", std::process::id()));
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It may never have come to be.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn file(text: &str) -> File {
    File { name: "store.ts".into(), text: format!("{MARK}\n{text}\n") }
}

#[test]
fn a_file_is_written_once_and_then_left_alone() {
    let folder = Folder::new("once");
    let path = folder.0.join("store.ts");
    assert_eq!(write(&folder.0, &[file("a")]).unwrap(), [path.display().to_string()]);
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    assert!(write(&folder.0, &[file("a")]).unwrap().is_empty());
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
    assert_eq!(write(&folder.0, &[file("b")]).unwrap(), [format!("{}, from line 2 on", path.display())]);
    assert_eq!(fs::read_to_string(&path).unwrap(), file("b").text);
}

#[test]
fn a_file_that_somebody_wrote_is_not_overwritten() {
    let folder = Folder::new("own");
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.0.join("store.ts"), "mine").unwrap();
    assert!(write(&folder.0, &[file("a")]).is_err());
    assert_eq!(fs::read_to_string(folder.0.join("store.ts")).unwrap(), "mine");
}

#[test]
fn of_two_files_none_is_written_where_one_may_not_be() {
    let folder = Folder::new("both");
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.0.join("store.d.ts"), "mine").unwrap();
    let other = |name: &str| File { name: name.into(), ..file("a") };
    assert!(write(&folder.0, &[other("store.js"), other("store.d.ts")]).is_err());
    assert!(!folder.0.join("store.js").exists());
}

#[test]
fn what_cannot_be_written_ends_with_4_and_is_named() {
    let folder = Folder::new("no-folder");
    fs::write(&folder.0, "a file").unwrap();
    let failure = write(&folder.0, &[file("a")]).unwrap_err();
    let Failure::Unwritten(text) = &failure else { panic!("{failure:?}") };
    assert!(text.starts_with(&format!("the folder {}: ", folder.0.display())), "{text}");
    assert_eq!(failure.report(), ExitCode::from(4));
    fs::remove_file(&folder.0).unwrap();

    fs::create_dir_all(folder.0.join("store.ts")).unwrap();
    let failure = write(&folder.0, &[file("a")]).unwrap_err();
    let Failure::Unwritten(text) = &failure else { panic!("{failure:?}") };
    assert!(text.starts_with(&format!("{}: ", folder.0.join("store.ts").display())), "{text}");
}

#[test]
fn a_checkout_with_other_line_ends_is_no_difference() {
    let folder = Folder::new("crlf");
    fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join("store.ts");
    let checked_out = file("a\nb").text.replace('\n', "\r\n");
    fs::write(&path, &checked_out).unwrap();
    assert!(differences(&folder.0, &[file("a\nb")]).unwrap().is_empty());
    assert!(write(&folder.0, &[file("a\nb")]).unwrap().is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), checked_out);
    assert_eq!(differences(&folder.0, &[file("a\nc")]).unwrap().len(), 1);
}

#[test]
fn what_differs_is_named_by_its_first_line() {
    let folder = Folder::new("check");
    let path = folder.0.join("store.ts").display().to_string();
    assert_eq!(differences(&folder.0, &[file("a")]).unwrap(), [format!("{path}: not there")]);
    assert!(!folder.0.exists());
    write(&folder.0, &[file("a\nb")]).unwrap();
    assert!(differences(&folder.0, &[file("a\nb")]).unwrap().is_empty());
    let text = format!("{path}:3: not as it would be written\n- b\n+ c");
    assert_eq!(differences(&folder.0, &[file("a\nc")]).unwrap(), [text]);
    assert_eq!(
        differences(&folder.0, &[file("a")]).unwrap(),
        [format!("{path}:3: not as it would be written\n- b")]
    );
}
