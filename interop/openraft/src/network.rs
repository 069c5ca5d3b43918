//! Between servers: frames of a length and a bincode body over TCP. A connection says in its first
//! byte what it is for.

use std::future::Future;
use std::io;

use futures::{Stream, StreamExt, stream};
use openraft::alias::{SnapshotOf, VoteOf};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, VoteRequest,
    VoteResponse,
};
use openraft::{BasicNode, OptionalSend};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::{Server, Types};

pub const CALLS: u8 = b'R';
pub const APPENDS: u8 = b'A';

type Failure = RPCError<Types>;

fn failure(error: impl std::fmt::Display) -> Failure {
    RPCError::Unreachable(Unreachable::new(&io::Error::other(error.to_string())))
}

#[derive(Serialize, Deserialize)]
enum Call {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
}

async fn send<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), item: &T) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    bincode::serialize_into(&mut bytes, item).map_err(io::Error::other)?;
    let length = (bytes.len() - 4) as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(&bytes).await
}

async fn receive<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let mut bytes = vec![0; from.read_u32_le().await? as usize];
    from.read_exact(&mut bytes).await?;
    bincode::deserialize(&bytes).map_err(io::Error::other)
}

// --- calling ------------------------------------------------------------------------------------

pub struct Network;

impl RaftNetworkFactory<Types> for Network {
    type Network = Line;

    async fn new_client(&mut self, _: u64, node: &BasicNode) -> Line {
        Line { address: node.addr.clone(), calls: None }
    }
}

/// The way to one server.
pub struct Line {
    address: String,
    calls: Option<BufReader<TcpStream>>,
}

impl Line {
    async fn connect(&self, purpose: u8) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(&self.address).await?;
        socket.set_nodelay(true)?;
        socket.write_u8(purpose).await?;
        Ok(socket)
    }

    async fn call(&mut self, call: Call) -> Result<Answer, Failure> {
        let answer = self.try_call(&call).await;
        if answer.is_err() {
            self.calls = None;
        }
        answer.map_err(failure)
    }

    async fn try_call(&mut self, call: &Call) -> io::Result<Answer> {
        if self.calls.is_none() {
            self.calls = Some(BufReader::new(self.connect(CALLS).await?));
        }
        let socket = self.calls.as_mut().expect("connected above");
        send(socket, call).await?;
        receive(socket).await
    }
}

impl RaftNetworkV2<Types> for Line {
    type SnapshotData = ();

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, Failure> {
        match self.call(Call::Append(request)).await? {
            Answer::Append(response) => Ok(response),
            Answer::Vote(_) => Err(failure("an answer of the wrong kind")),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, Failure> {
        match self.call(Call::Vote(request)).await? {
            Answer::Vote(response) => Ok(response),
            Answer::Append(_) => Err(failure("an answer of the wrong kind")),
        }
    }

    /// Requests leave as they come, answers come in their order.
    fn stream_append<'s, S>(
        &'s mut self,
        mut requests: S,
        _: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<Types>, Failure>>, Failure>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let socket = self.connect(APPENDS).await.map_err(failure)?;
            let (reader, mut writer) = socket.into_split();
            tokio::spawn(async move {
                while let Some(request) = requests.next().await {
                    if send(&mut writer, &request).await.is_err() {
                        break;
                    }
                }
            });
            let answers = stream::unfold(Some(BufReader::new(reader)), |state| async move {
                let mut reader = state?;
                match receive(&mut reader).await {
                    Ok(answer) => Some((Ok(answer), Some(reader))),
                    Err(error) => Some((Err(failure(error)), None)),
                }
            });
            Ok(Box::pin(answers) as BoxStream<'s, _>)
        })
    }

    async fn full_snapshot(
        &mut self,
        _: VoteOf<Types>,
        _: SnapshotOf<Types, ()>,
        _: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let none = io::Error::other("a snapshot holds nothing here");
        Err(StreamingError::Unreachable(Unreachable::new(&none)))
    }
}

// --- answering ----------------------------------------------------------------------------------

pub async fn answer_calls(server: Server, socket: TcpStream) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let answer = match receive(&mut socket).await? {
            Call::Append(request) => {
                Answer::Append(server.append_entries(request).await.map_err(io::Error::other)?)
            }
            Call::Vote(request) => {
                Answer::Vote(server.vote(request).await.map_err(io::Error::other)?)
            }
        };
        send(&mut socket, &answer).await?;
    }
}

pub async fn answer_appends(server: Server, socket: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = socket.into_split();
    let requests =
        stream::unfold(BufReader::with_capacity(256 * 1024, reader), |mut reader| async {
            let request = receive(&mut reader).await.ok()?;
            Some((request, reader))
        });
    let mut answers = Box::pin(server.stream_append(requests));
    while let Some(answer) = answers.next().await {
        send(&mut writer, &answer.map_err(io::Error::other)?).await?;
    }
    Ok(())
}
