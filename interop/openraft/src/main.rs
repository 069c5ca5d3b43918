//! A small replicated map on openraft, to be measured: a log in a file with group commit, the map in
//! memory. It does not read its file again, so it is no store for anything.
//!
//!   openraft-peer NUMBER FILE ADDRESS...      the addresses of all servers, this one's is NUMBERth
//!
//! A client's connection begins with `C`. It sends records: a number in four bytes, a key in sixteen
//! and a value, 104 bytes in all. Each number comes back when its put is applied.

mod log;
mod network;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{FutureExt, TryStreamExt};
use openraft::{BasicNode, Config, Raft, SnapshotPolicy};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const CLIENT: u8 = b'C';
const RECORD_BYTES: usize = 104;
const NUMBER_BYTES: usize = 4;
const READ_BYTES: usize = 64 * 1024;
/// Batches of one client that wait for their answers.
const BATCHES_MAX: usize = 1024;

#[derive(Clone, Serialize, Deserialize)]
pub struct Put(pub Bytes);

impl fmt::Debug for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a put of {} bytes", self.0.len())
    }
}

impl fmt::Display for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

openraft::declare_raft_types!(pub Types: D = Put, R = ());

pub type Server = Raft<Types, state::State>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [number, file, addresses @ ..] = arguments.as_slice() else {
        panic!("openraft-peer NUMBER FILE ADDRESS...");
    };
    let number: u64 = number.parse().expect("a number");
    let config = Config {
        heartbeat_interval: 200,
        election_timeout_min: 2000,
        election_timeout_max: 4000,
        max_payload_entries: 4096,
        // There are no snapshots: the log in memory holds all of a bench.
        snapshot_policy: SnapshotPolicy::Never,
        replication_lag_threshold: u64::MAX,
        ..Config::default()
    };
    let config = Arc::new(config.validate().expect("a sound config"));
    let log = log::Log::create(Path::new(file)).expect("a file to write");
    let state = state::State::default();
    let server = Server::new(number, config, network::Network, log, state).await.expect("a server");
    let own = addresses.get(number as usize - 1).expect("an address for each number");
    let listener = TcpListener::bind(own).await.expect("a free port");
    if number == 1 {
        tokio::spawn(found(server.clone(), addresses.to_vec()));
    } else {
        println!("follows");
    }
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let server = server.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(server, socket).await
                && error.kind() != io::ErrorKind::UnexpectedEof
            {
                eprintln!("connection: {error}");
            }
        });
    }
}

/// The first server founds the group and says when it leads it.
async fn found(server: Server, addresses: Vec<String>) {
    let nodes: BTreeMap<u64, BasicNode> = (1..).zip(addresses.iter().map(BasicNode::new)).collect();
    server.initialize(nodes).await.expect("a new group");
    let wait = server.wait(Some(Duration::from_secs(30)));
    wait.current_leader(1, "the founder leads").await.expect("a leader");
    println!("leads");
}

async fn serve(server: Server, mut socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    match socket.read_u8().await? {
        network::CALLS => network::answer_calls(server, socket).await,
        network::APPENDS => network::answer_appends(server, socket).await,
        CLIENT => serve_client(server, socket).await,
        other => Err(io::Error::other(format!("a connection for {other}"))),
    }
}

/// What one read brings is proposed together.
async fn serve_client(server: Server, socket: TcpStream) -> io::Result<()> {
    let (mut reader, writer) = socket.into_split();
    let (ask, asked) = mpsc::channel(BATCHES_MAX);
    tokio::spawn(answer_client(asked, writer));
    let mut bytes = BytesMut::with_capacity(READ_BYTES);
    loop {
        bytes.reserve(READ_BYTES);
        if reader.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let whole = bytes.len() - bytes.len() % RECORD_BYTES;
        if whole == 0 {
            continue;
        }
        let records = bytes.split_to(whole).freeze();
        let puts = (0..whole).step_by(RECORD_BYTES).map({
            let records = records.clone();
            move |at| Put(records.slice(at + NUMBER_BYTES..at + RECORD_BYTES))
        });
        let results = server.client_write_many(puts).await.map_err(io::Error::other)?;
        if ask.send((records, results)).await.is_err() {
            return Ok(());
        }
    }
}

type Results = openraft::base::BoxStream<
    'static,
    Result<openraft::raft::WriteResult<Types>, openraft::errors::Fatal<Types>>,
>;

/// Writes the numbers of what is applied, as many at once as there are.
async fn answer_client(
    mut asked: mpsc::Receiver<(Bytes, Results)>,
    mut writer: OwnedWriteHalf,
) -> Option<()> {
    let mut answers = Vec::new();
    while let Some((records, mut results)) = asked.recv().await {
        for at in (0..records.len()).step_by(RECORD_BYTES) {
            let result = match results.try_next().now_or_never() {
                Some(result) => result,
                None => {
                    writer.write_all(&answers).await.ok()?;
                    answers.clear();
                    results.try_next().await
                }
            };
            // A load that stalls would pass for a slow server: the bench must see the process end.
            if !matches!(result, Ok(Some(Ok(_)))) {
                eprintln!("a put failed: {:?}", result.map(|put| put.map(|put| put.err())));
                std::process::exit(1);
            }
            answers.extend_from_slice(&records[at..at + NUMBER_BYTES]);
        }
        if asked.is_empty() {
            writer.write_all(&answers).await.ok()?;
            answers.clear();
        }
    }
    Some(())
}
