//! What somebody may have meant.

/// Those of `names` that are written nearly as `wanted`, the nearest first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const SHOWN: usize = 3;
    let wanted = wanted.to_lowercase();
    // A third of the letters may be wrong, or the name is only part of what was meant.
    let most = wanted.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let away = distance(&wanted, &lower);
            match away <= most {
                true => Some((away, name)),
                false => (lower.contains(&wanted) && !wanted.is_empty()).then_some((most + 1, name)),
            }
        })
        .collect();
    near.sort();
    // What is nearly as near as the nearest: names have long beginnings in common.
    let best = near.first().map_or(0, |(away, _)| *away);
    near.retain(|(away, _)| *away <= best + 1);
    near.into_iter().take(SHOWN).map(|(_, name)| name).collect()
}

/// How many letters must be changed, added or left out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, letter) in one.chars().enumerate() {
        let mut diagonal = n;
        row[0] = n + 1;
        for (m, another) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *another);
            diagonal = row[m + 1];
            row[m + 1] = changed.min(diagonal + 1).min(row[m] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
