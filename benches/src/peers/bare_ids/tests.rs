use super::*;

#[test]
fn a_frame_is_taken_when_it_is_whole_and_not_before() {
    let mut state = State::default();
    state.put(7, b"body");
    let whole = state.out.len();
    assert_eq!(whole, HEADER + 4);
    for cut in 0..whole {
        assert_eq!(whole_frame(&state.out[..cut]), None);
    }
    state.put(8, b"");
    assert_eq!(whole_frame(&state.out), Some(whole));
}

#[test]
fn calls_that_wait_when_the_connection_ends_get_an_error() {
    let link = Link { state: Mutex::default() };
    let id = link.lock().slots.insert(Slot::Waiting(None));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(link.lock().poll_answer(id, &mut cx).is_pending());
    link.end();
    assert!(matches!(link.lock().poll_answer(id, &mut cx), Poll::Ready(Err(_))));
}
