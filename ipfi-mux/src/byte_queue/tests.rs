//! The queue against a plain vector, and its memory.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::ByteQueue;

#[derive(Clone, Debug)]
enum Op {
    Push(Vec<u8>),
    Copy(Vec<u8>),
    Pop(usize),
    Move(usize),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => bytes().prop_map(Op::Push),
        4 => bytes().prop_map(Op::Copy),
        4 => (0usize..60).prop_map(Op::Pop),
        2 => (0usize..60).prop_map(Op::Move),
        1 => Just(Op::Clear),
    ]
}

proptest! {
    #[test]
    fn any_mix_of_slices_and_copies_comes_out_in_order(ops in proptest::collection::vec(op(), 0..60)) {
        let mut queue = ByteQueue::default();
        let mut model: Vec<u8> = Vec::new();
        for op in ops {
            match op {
                Op::Push(bytes) => { model.extend(&bytes); queue.push(Bytes::from(bytes)); }
                Op::Copy(bytes) => { model.extend(&bytes); queue.push_copy(&bytes); }
                Op::Pop(max) => {
                    let got = queue.pop(max);
                    prop_assert!(got.len() <= max);
                    prop_assert!(!got.is_empty() || max == 0 || model.is_empty());
                    let rest = model.split_off(got.len());
                    prop_assert_eq!(&got[..], &model[..]);
                    model = rest;
                }
                Op::Move(count) => {
                    let count = count.min(queue.len());
                    let mut out = BytesMut::new();
                    queue.move_into(&mut out, count);
                    let rest = model.split_off(count);
                    prop_assert_eq!(&out[..], &model[..]);
                    model = rest;
                }
                Op::Clear => { prop_assert_eq!(queue.clear(), model.len()); model.clear(); }
            }
            prop_assert_eq!(queue.len(), model.len());
        }
    }
}

#[test]
fn a_quarter_of_a_mebibyte_byte_by_byte_costs_less_than_its_size_four_times() {
    let mut queue = ByteQueue::default();
    for _ in 0..256 << 10 {
        queue.push_copy(&[7]);
    }
    assert_eq!(queue.len(), 256 << 10);
    assert!(queue.memory(4) < 4 * (256 << 10), "{}", queue.memory(4));
}

#[test]
fn one_slice_needs_no_queue() {
    let mut queue = ByteQueue::default();
    queue.push(Bytes::from_static(b"hello"));
    assert_eq!(queue.memory(1), 5);
    assert_eq!(queue.pop(usize::MAX), "hello");
    assert_eq!(queue.memory(1), 0);
}

#[test]
fn a_block_that_little_was_copied_to_is_not_kept_for_it() {
    let mut queue = ByteQueue::default();
    queue.push_copy(&[1; 4 << 10]);
    queue.push_copy(&[2]);
    assert!(queue.memory(4) > 5 << 12, "room for a block of bytes: {}", queue.memory(4));
    assert_eq!(queue.pop(usize::MAX).len(), 4 << 10);
    assert_eq!(queue.memory(4), 4, "the byte that is left, and nothing of its block");
    queue.push_copy(&[3]);
    assert_eq!(queue.pop(usize::MAX), [2][..]);
    assert_eq!(queue.pop(usize::MAX), [3][..]);
    assert_eq!(queue.memory(4), 0);
}
