//! Files: written where they are not what they should be, or compared.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::typescript::{File, MARK};
use crate::failure::Failure;

/// Writes those files that are missing or different, and says which.
pub(super) fn write(folder: &Path, files: &[File]) -> Result<Vec<String>, Failure> {
    let mut written = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        let at = |why| failed(&path, why);
        let there = read(&path)?;
        if there.as_deref() == Some(&*file.text) {
            continue;
        }
        // Its name may be a peer's choice.
        if there.as_ref().is_some_and(|text| !text.starts_with(MARK)) {
            let text = format!("{} was not made by `ipfi gen`, and is left as it is", path.display());
            return Err(Failure::usage(text));
        }
        fs::create_dir_all(folder).map_err(at)?;
        fs::write(&path, &file.text).map_err(at)?;
        let what = there
            .map_or_else(String::new, |old| format!(", from line {} on", first_difference(&old, &file.text)));
        written.push(format!("{}{what}", path.display()));
    }
    Ok(written)
}

/// What differs from what would be written: the file, the first line, both of its forms.
pub(super) fn differences(folder: &Path, files: &[File]) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        match read(&path)? {
            None => found.push(format!("{}: not there", path.display())),
            Some(there) if there != file.text => {
                let line = first_difference(&there, &file.text);
                let of = |text: &str, sign: char| match text.lines().nth(line - 1) {
                    Some(text) => format!("\n{sign} {text}"),
                    None => String::new(),
                };
                let (is, should) = (of(&there, '-'), of(&file.text, '+'));
                found.push(format!("{}:{line}: not as it would be written{is}{should}", path.display()));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
        Err(why) => Err(failed(path, why)),
    }
}

fn failed(path: &Path, why: std::io::Error) -> Failure {
    Failure::usage(format!("{}: {why}", path.display()))
}

/// The number of the first line in which two texts differ.
fn first_difference(one: &str, other: &str) -> usize {
    let common = one.lines().zip(other.lines()).take_while(|(one, other)| one == other).count();
    common + 1
}
