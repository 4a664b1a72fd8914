use super::{Kind, Profile};

/// A profile as callgrind writes it: the program's `echo` asks its allocator for memory and copies, and calls
/// `grow`, which asks for more; the C library's `realloc` copies for itself, which nobody of ours asked for.
const WRITTEN: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
cmd:  target/release/instructions call 1000
part: 1

desc: I1 cache: 
positions: line
events: Ir
summary: 1913

ob=/tree/target/release/instructions
fl=???
fn=<ipfi::Wire as Call>::echo
0 100
cfn=__rustc::__rdl_alloc
calls=20 0 
0 720
cfn=ipfi::grow
calls=3 0 
0 90
cob=/usr/lib/libc.so.6
cfn=__memmove_avx_unaligned_erms
calls=4 0 
0 400

fn=ipfi::grow
0 60
12 30
cfn=__rustc::__rust_realloc
calls=3 0 
0 500

fn=__rustc::__rdl_alloc
0 20
cob=/usr/lib/libc.so.6
cfi=malloc.c
cfn=malloc@@GLIBC_2.2.5
calls=20 0 
0 700

fn=__rustc::__rust_realloc
0 3
cob=/usr/lib/libc.so.6
cfn=realloc
calls=3 0 
0 500

ob=/usr/lib/libc.so.6
fl=malloc.c
fn=malloc@@GLIBC_2.2.5
0 700
fn=realloc
0 400
cfn=__memmove_avx_unaligned_erms
calls=9 0 
0 100
fn=__memmove_avx_unaligned_erms
0 500
";

fn profile() -> Profile {
    Profile::parse(WRITTEN, "/release/instructions").expect("the program is in it")
}

#[test]
fn only_the_programs_own_instructions_count() {
    assert_eq!(profile().count(Kind::Instructions), 100 + 60 + 30 + 20 + 3);
}

#[test]
fn what_the_program_asks_of_the_c_library_counts_and_not_what_that_does_for_itself() {
    assert_eq!(profile().count(Kind::Allocations), 20 + 3);
    assert_eq!(profile().count(Kind::Copies), 4);
}

#[test]
fn what_both_runs_do_is_in_no_count() {
    let nothing = profile().without(&profile());
    assert!(Kind::ALL.iter().all(|kind| nothing.count(*kind) == 0));
    let more = WRITTEN.replace("0 60\n", "0 65\n").replace("calls=3 0", "calls=5 0");
    let more = Profile::parse(&more, "/release/instructions").expect("the program is in it");
    let difference = more.without(&profile());
    assert_eq!(Kind::ALL.map(|kind| difference.count(kind)), [5, 2, 0]);
}

#[test]
fn a_profile_of_another_program_is_none() {
    assert_eq!(Profile::parse(WRITTEN, "/release/other"), None);
    assert_eq!(Profile::parse("valgrind: failed to start tool", "/release/instructions"), None);
}

#[test]
fn the_breakdown_names_who_costs_what_the_most_first() {
    let text = profile().breakdown(10.0);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let outside = ["(not", "the", "program's)"];
    // What is left out is less than a tenth.
    let expected: [&[&str]; 11] = [
        &["70.0", "2.00", "malloc@@GLIBC_2.2.5", outside[0], outside[1], outside[2]],
        &["50.0", "1.30", "__memmove_avx_unaligned_erms", outside[0], outside[1], outside[2]],
        &["40.0", "0.30", "realloc", outside[0], outside[1], outside[2]],
        &["10.0", "0.00", "<ipfi::Wire", "as", "Call>::echo"],
        &[],
        &["allocations", "asked", "for", "by"],
        &["2.00", "<ipfi::Wire", "as", "Call>::echo"],
        &["0.30", "ipfi::grow"],
        &[],
        &["copies", "asked", "for", "by"],
        &["0.40", "<ipfi::Wire", "as", "Call>::echo"],
    ];
    assert_eq!(rows[1..], expected, "{text}");
}
