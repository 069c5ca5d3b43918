//! What differs in chitchat 0.10: no choice of protocol version.

use anyhow::{Result, bail};
use chitchat::ChitchatConfig;

use crate::common::settings::Settings;

pub fn config(settings: Settings) -> Result<ChitchatConfig> {
    if settings.protocol_version != 0 {
        bail!("chitchat 0.10 speaks protocol version 0 only");
    }
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
    })
}
