use super::collected;

#[test]
fn the_count_is_read_from_callgrinds_log() {
    let log = "==7== Callgrind, a call-graph generating cache profiler\n==7== \n==7== Events    : Ir\n\
               ==7== Collected : 22778086\n";
    assert_eq!(collected(log), Some(22_778_086));
    assert_eq!(collected("valgrind: failed to start tool"), None);
}
