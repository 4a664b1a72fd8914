#[derive(ipfi::Schema)]
#[serde(untagged)]
enum Untagged {
    A(u64),
}

#[derive(ipfi::Schema)]
#[serde(tag = "type")]
enum Tagged {
    A { a: u64 },
}

#[derive(ipfi::Schema)]
struct Flattened {
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, u64>,
}

#[derive(ipfi::Schema)]
struct LeftOut {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(ipfi::Schema)]
struct OneWay {
    #[serde(skip_serializing)]
    secret: String,
}

#[derive(ipfi::Schema)]
struct TwoNames {
    #[serde(rename(serialize = "a", deserialize = "b"))]
    name: String,
}

#[derive(ipfi::Schema)]
enum Other {
    A,
    #[serde(other)]
    Unknown,
}

#[derive(ipfi::Schema)]
struct Converted {
    #[serde(with = "somewhere")]
    time: u64,
}

#[derive(ipfi::Schema)]
#[serde(into = "String")]
struct Into(u64);

#[derive(ipfi::Schema)]
enum Skipped {
    A,
    #[serde(skip)]
    B,
}

#[derive(ipfi::Schema)]
struct SkippedNewtype(#[serde(skip)] u64);

#[derive(ipfi::Schema)]
struct Borrowed<'a>(&'a str);

#[derive(ipfi::Schema)]
union Union {
    a: u64,
}

#[derive(ipfi::Schema)]
struct Misspelt {
    #[ipfi(like = "u64")]
    a: u64,
}

fn main() {}
