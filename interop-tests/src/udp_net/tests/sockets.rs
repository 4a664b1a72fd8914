//! Datagrams sent by hand over the net.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::peers::{client_addr, ms, receive, receive_all, send, send_segments, server_addr};
use crate::udp_net::{Loss, Path, UdpNet};

#[tokio::test(start_paused = true)]
async fn without_delay_a_datagram_is_there_at_once() {
    let net = UdpNet::new(1);
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    let begun = Instant::now();
    send(&client, server_addr(), b"hello");
    assert_eq!(receive(&server).await, (client_addr(), b"hello".to_vec()));
    assert_eq!(begun.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_delay_holds_for_its_direction_alone_and_changes_at_run_time() {
    let net = UdpNet::new(1);
    net.set_path(client_addr(), server_addr(), Path::with_delay(ms(30)));
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    let begun = Instant::now();
    send(&client, server_addr(), b"there");
    receive(&server).await;
    assert_eq!(begun.elapsed(), ms(30));
    send(&server, client_addr(), b"back");
    receive(&client).await;
    assert_eq!(begun.elapsed(), ms(30));

    net.set_default_path(Path::with_delay(ms(500)));
    net.change_path(client_addr(), server_addr(), |path| path.delay = ms(5));
    send(&client, server_addr(), b"there");
    receive(&server).await;
    assert_eq!(begun.elapsed(), ms(35));
    send(&server, client_addr(), b"back");
    receive(&client).await;
    assert_eq!(begun.elapsed(), ms(535));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_later_over_a_shorter_path_arrives_first() {
    let net = UdpNet::new(1);
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    let other = net.socket("10.0.0.3:0".parse().unwrap());
    net.change_path(client_addr(), server_addr(), |path| path.delay = ms(100));
    net.change_path(other.local_addr().unwrap(), server_addr(), |path| path.delay = ms(10));
    send(&client, server_addr(), b"far");
    send(&other, server_addr(), b"near");
    assert_eq!(receive(&server).await.1, b"near");
    assert_eq!(receive(&server).await.1, b"far");
}

#[tokio::test(start_paused = true)]
async fn segments_arrive_as_datagrams_of_their_own() {
    let net = UdpNet::new(1);
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    send_segments(&client, server_addr(), b"aaabbbcc", Some(3));
    for part in [&b"aaa"[..], b"bbb", b"cc"] {
        assert_eq!(receive(&server).await.1, part);
    }
    let counters = net.counters(client_addr(), server_addr());
    assert_eq!((counters.delivered.datagrams, counters.delivered.bytes), (3, 8));
}

#[tokio::test(start_paused = true)]
async fn every_loss_is_counted_by_its_cause() {
    let net = UdpNet::new(1);
    let client = net.socket(client_addr());
    let lose = |change: &dyn Fn(&mut Path)| {
        net.set_path(client_addr(), server_addr(), Path::default());
        net.change_path(client_addr(), server_addr(), change);
        send(&client, server_addr(), &[0; 100]);
        send(&client, server_addr(), &[0; 100]);
    };
    lose(&|_| {}); // nobody is there
    let server = net.socket(server_addr());
    lose(&|path| path.blackhole = true);
    lose(&|path| path.mtu_bytes = 99);
    lose(&|path| path.loss = 1.0);
    lose(&|path| path.burst.start = 1.0); // of no datagrams: two arrive
    lose(&|path| (path.burst.start, path.burst.datagrams) = (1.0, 1));
    net.set_receive_queue(3);
    lose(&|_| {}); // one more finds room
    lose(&|path| (path.bytes_per_second, path.queue_bytes) = (Some(200), 100));

    let counters = net.counters(client_addr(), server_addr());
    let lost: Vec<_> = counters.lost.iter().map(|(cause, tally)| (*cause, tally.datagrams)).collect();
    let expected = [
        (Loss::Blackhole, 2),
        (Loss::Mtu, 2),
        (Loss::Queue, 1),
        (Loss::Burst, 2),
        (Loss::Random, 2),
        (Loss::Unreachable, 2),
        (Loss::Receiver, 1),
    ];
    assert_eq!(lost, expected);
    assert_eq!((counters.delivered.datagrams, counters.under_way().datagrams), (3, 1));
    assert_eq!(receive_all(&server).await.len(), 4);
    let counters = net.counters(client_addr(), server_addr());
    assert_eq!((counters.delivered.datagrams, counters.under_way().datagrams), (4, 0));
    assert_eq!(net.total(), counters);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_full_drops_what_comes_and_keeps_what_came() {
    let net = UdpNet::new(1);
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    for number in 0..2000_u32 {
        send(&client, server_addr(), &number.to_be_bytes());
    }
    assert_eq!(net.total().lost_by(Loss::Receiver).datagrams, 2000 - 1024);
    for number in 0..1024_u32 {
        assert_eq!(receive(&server).await.1, number.to_be_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_forged_datagram_comes_from_where_it_says() {
    let net = UdpNet::new(1);
    net.set_default_path(Path { blackhole: true, ..Path::default() });
    let server = net.socket(server_addr());
    let nobody: SocketAddr = "192.0.2.1:7".parse().unwrap();
    net.inject(nobody, server_addr(), &b"forged"[..]);
    assert_eq!(receive(&server).await, (nobody, b"forged".to_vec()));
    let counters = net.counters(nobody, server_addr());
    assert_eq!((counters.injected.datagrams, counters.delivered.datagrams), (1, 1));
    assert_eq!(counters.under_way().datagrams, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tap_sees_what_is_sent_and_may_pick_out_one_or_add_one() {
    let net = UdpNet::new(1);
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    net.on_datagram({
        let (net, seen) = (net.clone(), Arc::clone(&seen));
        move |from, to, bytes| {
            seen.lock().unwrap().push((from, to, bytes[0]));
            net.change_path(from, to, |path| path.blackhole = bytes[0] == 2);
            if bytes[0] == 3 {
                net.inject(from, to, vec![30]);
            }
        }
    });
    for number in 1..=4 {
        send(&client, server_addr(), &[number]);
    }
    assert_eq!(receive_all(&server).await, [1, 30, 3, 4]);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(seen, [1, 2, 3, 4].map(|number| (client_addr(), server_addr(), number)));
    net.remove_tap();
}

#[tokio::test(start_paused = true)]
async fn a_socket_takes_an_address_over_and_the_one_before_hears_nothing() {
    let net = UdpNet::new(1);
    let client = net.socket(client_addr());
    let before = net.socket(server_addr());
    let after = net.socket(server_addr());
    send(&client, server_addr(), &[1]);
    assert_eq!(receive_all(&before).await, [0_u8; 0]);
    // Its going unbinds nothing but itself.
    drop(before);
    assert_eq!(receive_all(&after).await, [1]);
    drop(after);
    send(&client, server_addr(), &[2]);
    assert_eq!(net.total().lost_by(Loss::Unreachable).datagrams, 1);
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_socket_sees_ipv4_as_mapped() {
    let net = UdpNet::new(1);
    let client = net.socket(client_addr());
    let server = net.socket("[2001:db8::1]:443".parse().unwrap());
    net.inject(client_addr(), server.local_addr().unwrap(), vec![1]);
    let (from, _) = receive(&server).await;
    assert_eq!(from, "[::ffff:10.0.0.1]:5000".parse().unwrap());
    send(&server, from, &[2]);
    assert_eq!(receive_all(&client).await, [2]);
}

#[tokio::test(start_paused = true)]
async fn the_task_that_delivers_ends_with_the_net() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let net = UdpNet::new(1);
    let socket = net.socket(client_addr());
    net.set_default_path(Path::with_delay(ms(10)));
    send(&socket, server_addr(), &[1]);
    drop(net);
    tokio::task::yield_now().await;
    assert_eq!(tasks(), 1, "a socket keeps the net");
    drop(socket);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(tasks(), 0);
}
