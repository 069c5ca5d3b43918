//! The command line of a peer: `--name value` pairs, `--seed` may repeat.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chitchat::{CatchupCallback, ChitchatId, FailureDetectorConfig};

pub struct Settings {
    pub listen: SocketAddr,
    pub advertise: SocketAddr,
    pub node_id: String,
    pub generation: u64,
    pub cluster_id: String,
    pub seeds: Vec<String>,
    pub interval: Duration,
    pub key_grace: Duration,
    pub failure_detector: FailureDetectorConfig,
    pub protocol_version: u8,
    pub on_catchup: CatchupCallback,
}

impl Settings {
    pub fn parse(
        arguments: impl Iterator<Item = String>,
        on_catchup: CatchupCallback,
    ) -> Result<Settings> {
        let mut flags = Flags::collect(arguments)?;
        let listen: SocketAddr = flags.required("listen")?;
        let settings = Settings {
            listen,
            advertise: flags.optional("advertise", listen)?,
            node_id: flags.required("node-id")?,
            generation: flags.optional("generation", 1)?,
            cluster_id: flags.optional("cluster-id", "testing".to_string())?,
            seeds: std::mem::take(&mut flags.seeds),
            interval: flags.millis("interval-ms", 500)?,
            key_grace: flags.millis("key-grace-ms", 60_000)?,
            failure_detector: FailureDetectorConfig::new(
                flags.optional("phi-threshold", 8.0)?,
                flags.optional("sampling-window", 1_000)?,
                flags.millis("max-interval-ms", 10_000)?,
                flags.millis("initial-interval-ms", 5_000)?,
                flags.millis("dead-grace-ms", 10_000)?,
            ),
            protocol_version: flags.optional("protocol-version", 0)?,
            on_catchup,
        };
        flags.refuse_leftovers()?;
        Ok(settings)
    }

    pub fn chitchat_id(&self) -> ChitchatId {
        ChitchatId::new(self.node_id.clone(), self.generation, self.advertise)
    }
}

struct Flags {
    values: HashMap<String, String>,
    seeds: Vec<String>,
}

impl Flags {
    fn collect(mut arguments: impl Iterator<Item = String>) -> Result<Flags> {
        let mut flags = Flags { values: HashMap::new(), seeds: Vec::new() };
        while let Some(argument) = arguments.next() {
            let name = argument
                .strip_prefix("--")
                .with_context(|| format!("`{argument}` is not a flag"))?
                .to_string();
            let value = arguments.next().with_context(|| format!("--{name} needs a value"))?;
            if name == "seed" {
                flags.seeds.push(value);
            } else if flags.values.insert(name.clone(), value).is_some() {
                bail!("--{name} is given twice");
            }
        }
        Ok(flags)
    }

    fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.values.remove(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => bail!("--{name} cannot be `{text}`"),
        }
    }

    fn required<T: FromStr>(&mut self, name: &str) -> Result<T> {
        self.take(name)?.with_context(|| format!("--{name} is missing"))
    }

    fn optional<T: FromStr>(&mut self, name: &str, default: T) -> Result<T> {
        Ok(self.take(name)?.unwrap_or(default))
    }

    fn millis(&mut self, name: &str, default: u64) -> Result<Duration> {
        Ok(Duration::from_millis(self.optional(name, default)?))
    }

    fn refuse_leftovers(self) -> Result<()> {
        match self.values.into_keys().next() {
            Some(name) => bail!("--{name} is not a flag of this peer"),
            None => Ok(()),
        }
    }
}
