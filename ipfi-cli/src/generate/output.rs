//! Files: written where they are not what they should be, or compared.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::Path;

use super::typescript::{File, MARK};
use crate::failure::Failure;

/// Writes those files that are missing or different, and says which.
pub(super) fn write(folder: &Path, files: &[File]) -> Result<Vec<String>, Failure> {
    let of_folder = |why: Error| Failure::Unwritten(format!("the folder {}: {why}", folder.display()));
    fs::create_dir_all(folder).map_err(of_folder)?;
    // All of them are looked at before one is written: the files of an interface are of no use without each other.
    let mut due = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        let there = read(&path).map_err(|why| Failure::Unwritten(named(&path, &why)))?;
        if there.as_deref() == Some(&*file.text) {
            continue;
        }
        // Its name may be a peer's choice.
        if there.as_ref().is_some_and(|text| !text.starts_with(MARK)) {
            let text = format!("{} was not made by `ipfi gen`, and is left as it is", path.display());
            return Err(Failure::usage(text));
        }
        due.push((path, there, file));
    }
    let mut written = Vec::new();
    for (path, there, file) in due {
        fs::write(&path, &file.text).map_err(|why| match why.kind() {
            // There is no such file whose fault it could be.
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem if there.is_none() => of_folder(why),
            _ => Failure::Unwritten(named(&path, &why)),
        })?;
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
        match read(&path).map_err(|why| Failure::usage(named(&path, &why)))? {
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

/// What is there, if anything is. Line ends are compared as they were written: a checkout may have made others of them.
fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.replace("\r\n", "\n"))),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

fn named(path: &Path, why: &Error) -> String {
    format!("{}: {why}", path.display())
}

/// The number of the first line in which two texts differ.
fn first_difference(one: &str, other: &str) -> usize {
    let common = one.lines().zip(other.lines()).take_while(|(one, other)| one == other).count();
    common + 1
}
