//! What differs in chitchat 0.13: a choice of protocol version.

use anyhow::{Result, bail};
use chitchat::{ChitchatConfig, ProtocolVersion};

use crate::common::settings::Settings;

pub fn config(settings: Settings) -> Result<ChitchatConfig> {
    let protocol_version = match settings.protocol_version {
        0 => ProtocolVersion::V0,
        1 => ProtocolVersion::V1,
        other => bail!("chitchat 0.13 knows no protocol version {other}"),
    };
    Ok(ChitchatConfig {
        chitchat_id: settings.chitchat_id(),
        cluster_id: settings.cluster_id,
        gossip_interval: settings.interval,
        listen_addr: settings.listen,
        seed_nodes: settings.seeds,
        failure_detector_config: settings.failure_detector,
        marked_for_deletion_grace_period: settings.key_grace,
        catchup_callback: Some(settings.on_catchup),
        extra_liveness_predicate: None,
        protocol_version,
    })
}
