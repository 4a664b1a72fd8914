// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Instant;

use super::*;

#[test]
fn per_job_every_job_runs_at_once_however_many_wait_for_one_another() {
    let pool = Pool::new("test", Size::PerJob);
    let barrier = Arc::new(Barrier::new(50));
    let (done, ended) = mpsc::channel();
    for _ in 0..50 {
        let (barrier, done) = (Arc::clone(&barrier), done.clone());
        pool.submit(Box::new(move || {
            barrier.wait();
            done.send(()).unwrap();
        }))
        .unwrap();
    }
    assert_eq!(ended.iter().take(50).count(), 50);
}

#[test]
fn a_bounded_pool_runs_every_job_on_no_more_threads_than_its_bound() {
    let pool = Pool::new("test", Size::Bounded(2));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (done, ended) = mpsc::channel();
    for _ in 0..200 {
        let (running, most, done) = (Arc::clone(&running), Arc::clone(&most), done.clone());
        pool.submit(Box::new(move || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            done.send(()).unwrap();
        }))
        .unwrap();
    }
    assert_eq!(ended.iter().take(200).count(), 200);
    assert!(most.load(Ordering::SeqCst) <= 2);
    assert!(pool.threads() <= 2);
}

#[test]
fn a_panicking_job_costs_no_thread_and_idle_threads_go() {
    let pool = Pool::keeping("test", Size::Bounded(1), Duration::ZERO);
    let (done, ended) = mpsc::channel();
    pool.submit(Box::new(|| panic!("on purpose"))).unwrap();
    pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
    ended.recv().unwrap();
    let began = Instant::now();
    while pool.threads() > 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "an idle thread stays");
        thread::yield_now();
    }
}
