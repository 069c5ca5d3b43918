//! What a peer can be asked to do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use chitchat::{Chitchat, ChitchatHandle, NodeState};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
pub struct Request {
    pub id: u64,
    #[serde(flatten)]
    pub command: Command,
}

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    Set {
        entries: Vec<(String, String)>,
    },
    SetWithTtl {
        entries: Vec<(String, String)>,
    },
    Delete {
        keys: Vec<String>,
    },
    DeleteAfterTtl {
        keys: Vec<String>,
    },
    /// Everything the node knows, in the shape of chitchat's own demo program.
    State,
    /// How often the node learned that it missed a purge and was given a state from its start.
    Catchups,
    /// Sends a SYN to this address now.
    Gossip {
        to: SocketAddr,
    },
    Quit,
}

pub enum Answer {
    Value(Value),
    Quit,
}

impl Command {
    pub async fn carry_out(self, handle: &ChitchatHandle, catchups: &AtomicU64) -> Result<Answer> {
        let value = match self {
            Command::Quit => return Ok(Answer::Quit),
            Command::State => handle.with_chitchat(|node| state(node)).await?,
            Command::Catchups => json!(catchups.load(Ordering::Relaxed)),
            Command::Gossip { to } => {
                handle.gossip(to)?;
                Value::Null
            }
            write => handle.with_chitchat(|node| write.write(node.self_node_state())).await,
        };
        Ok(Answer::Value(value))
    }

    fn write(&self, own: &mut NodeState) -> Value {
        match self {
            Command::Set { entries } => entries.iter().for_each(|(key, value)| own.set(key, value)),
            Command::SetWithTtl { entries } => {
                entries.iter().for_each(|(key, value)| own.set_with_ttl(key, value))
            }
            Command::Delete { keys } => keys.iter().for_each(|key| own.delete(key)),
            Command::DeleteAfterTtl { keys } => {
                keys.iter().for_each(|key| own.delete_after_ttl(key))
            }
            _ => unreachable!("only writes come here"),
        }
        json!(own.max_version())
    }
}

fn state(node: &Chitchat) -> Result<Value> {
    Ok(json!({
        "cluster_id": node.cluster_id(),
        "cluster_state": serde_json::to_value(node.state_snapshot())?,
        "live_nodes": node.live_nodes().collect::<Vec<_>>(),
        "dead_nodes": node.dead_nodes().collect::<Vec<_>>(),
    }))
}
