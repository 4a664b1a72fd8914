struct Foreign;

#[derive(ipfi::Schema)]
struct Holds {
    it: Option<Foreign>,
}

fn main() {}
