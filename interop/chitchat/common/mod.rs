//! A chitchat node driven by lines of JSON: requests on stdin, one answer each on stdout.
//!
//! The first line out says that the node listens. The node ends on `quit` and at the end of stdin,
//! so it does not outlive the suite that started it. Warnings and panics go to stderr.

pub mod requests;
pub mod settings;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use chitchat::ChitchatHandle;
use chitchat::spawn_chitchat;
use chitchat::transport::UdpTransport;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use self::requests::{Answer, Request};
use self::settings::Settings;
use crate::version;

pub fn run() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(serve())
}

async fn serve() -> Result<()> {
    let catchups = Arc::new(AtomicU64::new(0));
    let counted = catchups.clone();
    let on_catchup = Box::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let settings = Settings::parse(std::env::args().skip(1), on_catchup)?;
    let handle = spawn_chitchat(version::config(settings)?, Vec::new(), &UdpTransport).await?;
    print_line(&json!({ "ready": handle.chitchat_id() }))?;
    answer_requests(&handle, &catchups).await?;
    handle.shutdown().await
}

async fn answer_requests(handle: &ChitchatHandle, catchups: &AtomicU64) -> Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let request: Request = match serde_json::from_str(&line) {
            Ok(request) => request,
            Err(error) => {
                print_line(&json!({ "error": error.to_string() }))?;
                continue;
            }
        };
        match request.command.carry_out(handle, catchups).await? {
            Answer::Value(value) => print_line(&json!({ "id": request.id, "value": value }))?,
            Answer::Quit => {
                print_line(&json!({ "id": request.id, "value": null }))?;
                return Ok(());
            }
        }
    }
    Ok(())
}

fn print_line(line: &Value) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, line)?;
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    Ok(())
}
