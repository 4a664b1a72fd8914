//! The figures for a program to read.

use serde_json::{Value, json};

use super::figure::Row;
use super::goals::Outcome;
use crate::args::Args;
use crate::peer::Result;

pub(super) fn text(rows: &[Row], goals: &[Outcome], args: &Args) -> Result<String> {
    let rows: Vec<Value> = rows.iter().map(row).collect();
    let goals: Vec<Value> = goals.iter().map(goal).collect();
    let all = json!({
        "rounds": args.rounds(),
        "two_processes": args.two_processes,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "rows": rows,
        "goals": goals,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
}

fn row(row: &Row) -> Value {
    json!({
        "workload": row.workload.name,
        "peer": row.peer,
        "failed": row.failed,
        "figures": row.figures,
    })
}

fn goal(goal: &Outcome) -> Value {
    json!({
        "goal": goal.text,
        "seen": goal.seen,
        "by_cpu": goal.by_cpu,
        "bound": goal.bound.value(),
        "met": goal.is_met(),
    })
}
