//! Addresses that change under a connection.

use std::net::SocketAddr;

use super::peers::{Pair, client_addr, echoed, ms, receive, receive_all, send, server_addr};
use crate::udp_net::{Loss, Path, UdpNet};

fn shown(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], port))
}

#[tokio::test(start_paused = true)]
async fn a_nat_shows_another_address_and_leads_back() {
    let net = UdpNet::new(1);
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    net.rewrite(client_addr(), shown(1));
    send(&client, server_addr(), &[1]);
    assert_eq!(receive(&server).await.0, shown(1));
    send(&server, shown(1), &[2]);
    assert_eq!(receive(&client).await, (server_addr(), vec![2]));
    // Behind the NAT nobody is reached directly.
    send(&server, client_addr(), &[3]);
    assert_eq!(receive_all(&client).await, [0_u8; 0]);
    // Both ways are counted under the socket's own address.
    assert_eq!(net.counters(client_addr(), server_addr()).delivered.datagrams, 1);
    assert_eq!(net.counters(server_addr(), client_addr()).delivered.datagrams, 1);
    assert_eq!(net.counters(server_addr(), client_addr()).lost_by(Loss::Unreachable).datagrams, 1);
    net.restore(client_addr());
    send(&server, client_addr(), &[4]);
    assert_eq!(receive_all(&client).await, [4]);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_to_an_address_the_nat_forgot_is_lost() {
    let net = UdpNet::new(1);
    net.set_default_path(Path::with_delay(ms(10)));
    let (client, server) = (net.socket(client_addr()), net.socket(server_addr()));
    net.rewrite(client_addr(), shown(1));
    send(&server, shown(1), &[1]);
    net.rewrite(client_addr(), shown(2));
    send(&server, shown(2), &[2]);
    assert_eq!(receive_all(&client).await, [2]);
    assert_eq!(net.total().lost_by(Loss::Unreachable).datagrams, 1);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_goes_on_from_another_address() {
    let net = UdpNet::new(1);
    net.set_default_path(Path { bytes_per_second: Some(2_000_000), ..Path::with_delay(ms(10)) });
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    let moved = SocketAddr::from(([10, 0, 7, 7], 7000));
    let rebind = async {
        tokio::time::sleep(ms(500)).await;
        pair.client.rebind_abstract(net.socket(moved)).unwrap();
    };
    tokio::join!(echoed(&connection, 4 << 20), rebind);
    assert!(net.counters(client_addr(), server_addr()).delivered.bytes > 500_000);
    assert!(net.counters(moved, server_addr()).delivered.bytes > 1_000_000);
    assert!(net.counters(server_addr(), moved).delivered.bytes > 1_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_goes_on_when_a_nat_gives_another_port_again_and_again() {
    let net = UdpNet::new(1);
    net.set_default_path(Path { bytes_per_second: Some(2_000_000), ..Path::with_delay(ms(10)) });
    net.rewrite(client_addr(), shown(1));
    let pair = Pair::on(&net);
    let connection = pair.connect().await;
    let rebind = async {
        for port in 2..5 {
            tokio::time::sleep(ms(500)).await;
            net.rewrite(client_addr(), shown(port));
        }
    };
    tokio::join!(echoed(&connection, 4 << 20), rebind);
    let lost = net.counters(server_addr(), client_addr()).lost_by(Loss::Unreachable);
    assert!(lost.datagrams > 0, "nothing was under way when the port changed");
}
