//! The figures: medians with their spread, on the terminal, for a program and as plots.

mod figure;
mod goals;
mod growth;
mod json;
mod svg;
mod table;

use crate::args::Args;
use crate::peer::Result;

pub(crate) use figure::Row;

/// Prints the tables and the goals, and writes the files that were asked for. An error if a sample has failed.
pub(crate) fn write(rows: &[Row], args: &Args) -> Result<()> {
    table::print(rows, args);
    let goals = goals::evaluate(rows);
    goals::print(&goals);
    if let Some(path) = &args.json {
        std::fs::write(path, json::text(rows, &goals, args)?).map_err(|e| format!("{path}: {e}"))?;
        println!("\nwritten to {path}");
    }
    if let Some(folder) = &args.svg {
        std::fs::create_dir_all(folder).map_err(|e| format!("{folder}: {e}"))?;
        for (name, text) in svg::plots(rows).into_iter().chain(growth::plots(rows)) {
            let path = format!("{folder}/{name}.svg");
            std::fs::write(&path, text).map_err(|e| format!("{path}: {e}"))?;
        }
        println!("\nplots written to {folder}");
    }
    match rows.iter().filter(|row| row.failed).count() {
        0 => Ok(()),
        failed => Err(format!("{failed} rows failed").into()),
    }
}
