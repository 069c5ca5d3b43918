//! The log: entries in memory for readers, and in one file that a thread of its own appends to. What
//! arrives while it writes and syncs is the next batch.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftLogReader};
use serde::Serialize;

use crate::Types;

#[derive(Serialize)]
enum Record<'a> {
    Entry(&'a EntryOf<Types>),
    Vote(&'a VoteOf<Types>),
    TruncateAfter(Option<LogIdOf<Types>>),
}

struct Batch {
    bytes: Vec<u8>,
    done: IOFlushed<Types>,
}

#[derive(Default)]
struct Memory {
    entries: VecDeque<EntryOf<Types>>,
    purged: Option<LogIdOf<Types>>,
    vote: Option<VoteOf<Types>>,
}

impl Memory {
    /// Index of the first entry that is kept.
    fn first(&self) -> u64 {
        self.purged.map_or(0, |id| id.index + 1)
    }
}

#[derive(Clone)]
pub struct Log {
    memory: Arc<Mutex<Memory>>,
    writer: Sender<Batch>,
}

impl Log {
    pub fn create(path: &Path) -> io::Result<Log> {
        let file = File::create(path)?;
        let (writer, writes) = channel();
        std::thread::spawn(move || commit(file, writes));
        Ok(Log { memory: Arc::default(), writer })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("nobody panics with the lock")
    }

    fn write(&self, bytes: Vec<u8>, done: IOFlushed<Types>) -> io::Result<()> {
        self.writer.send(Batch { bytes, done }).map_err(|_| io::Error::other("the log has stopped"))
    }

    async fn write_durably(&self, record: Record<'_>) -> io::Result<()> {
        let (tell, told) = Types::oneshot();
        self.write(encoded(&record), IOFlushed::signal(tell))?;
        told.await.map_err(io::Error::other)?
    }
}

/// One write and one fdatasync for all that gathered.
fn commit(mut file: File, writes: Receiver<Batch>) {
    while let Ok(first) = writes.recv() {
        let mut bytes = first.bytes;
        let mut waiting = vec![first.done];
        while let Ok(more) = writes.try_recv() {
            bytes.extend_from_slice(&more.bytes);
            waiting.push(more.done);
        }
        let outcome = file.write_all(&bytes).and_then(|()| file.sync_data());
        for done in waiting {
            done.io_completed(outcome.as_ref().map(|_| ()).map_err(|e| io::Error::from(e.kind())));
        }
    }
}

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_record(&mut bytes, record);
    bytes
}

/// Length, then the record.
fn append_record(bytes: &mut Vec<u8>, record: &Record) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    bincode::serialize_into(&mut *bytes, record).expect("records are plain");
    let length = (bytes.len() - start - 4) as u32;
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<EntryOf<Types>>> {
        let memory = self.memory();
        let first = memory.first();
        let from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(index) => index + 1,
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        let length = memory.entries.len();
        let place = |index: u64| (index.saturating_sub(first) as usize).min(length);
        Ok(memory.entries.range(place(from)..place(end).max(place(from))).cloned().collect())
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<Types>>> {
        Ok(self.memory().vote)
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Log;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let memory = self.memory();
        let last_purged_log_id = memory.purged;
        let last_log_id = memory.entries.back().map(|entry| entry.log_id).or(memory.purged);
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Log {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> io::Result<()> {
        self.write_durably(Record::Vote(vote)).await?;
        self.memory().vote = Some(*vote);
        Ok(())
    }

    async fn append<I>(&mut self, entries: I, done: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = EntryOf<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut bytes = Vec::new();
        {
            let mut memory = self.memory();
            for entry in entries {
                append_record(&mut bytes, &Record::Entry(&entry));
                memory.entries.push_back(entry);
            }
        }
        self.write(bytes, done)
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<Types>>) -> io::Result<()> {
        {
            let mut memory = self.memory();
            let end = last.map_or(0, |id| id.index + 1).saturating_sub(memory.first());
            memory.entries.truncate(end as usize);
        }
        self.write_durably(Record::TruncateAfter(last)).await
    }

    async fn purge(&mut self, up_to: LogIdOf<Types>) -> io::Result<()> {
        let mut memory = self.memory();
        let count = (up_to.index + 1).saturating_sub(memory.first()) as usize;
        let count = count.min(memory.entries.len());
        memory.entries.drain(..count);
        memory.purged = Some(up_to);
        Ok(())
    }
}
