//! A peer that runs chitchat 0.10.1. Everything but the version's own part is shared.

#[path = "../../common/mod.rs"]
mod common;
mod version;

fn main() -> anyhow::Result<()> {
    common::run()
}
