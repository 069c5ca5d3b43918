//! The state: a map. A command is a key of sixteen bytes and its value.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::storage::{EntryResponder, RaftStateMachine, Snapshot};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder, SnapshotMeta};

use crate::Types;

pub const KEY_BYTES: usize = 16;

#[derive(Default)]
pub struct State {
    map: HashMap<Bytes, Bytes>,
    applied: Option<LogIdOf<Types>>,
    membership: StoredMembershipOf<Types>,
}

impl RaftStateMachine<Types> for State {
    type SnapshotData = ();
    type SnapshotBuilder = Cut;

    async fn applied_state(
        &mut self,
    ) -> io::Result<(Option<LogIdOf<Types>>, StoredMembershipOf<Types>)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            self.applied = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(put) => {
                    let key = put.0.slice(..KEY_BYTES);
                    self.map.insert(key, put.0.slice(KEY_BYTES..));
                }
                EntryPayload::Membership(members) => {
                    self.membership = StoredMembershipOf::<Types>::new(self.applied, members);
                }
            }
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Cut {
        Cut(SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() })
    }

    async fn install_snapshot(&mut self, _: &SnapshotMetaOf<Types>, _: ()) -> io::Result<()> {
        Err(io::Error::other("a snapshot holds nothing here"))
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Types, ()>>> {
        Ok(None)
    }
}

/// A snapshot without content, as the trait wants one; none is ever asked for.
pub struct Cut(SnapshotMetaOf<Types>);

impl RaftSnapshotBuilder<Types> for Cut {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, ()>> {
        Ok(Snapshot { meta: self.0.clone(), snapshot: () })
    }
}
