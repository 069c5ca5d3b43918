import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExpected } from './expect.ts';
import { renderPlaced } from './render.ts';

const SNAPSHOT = [
  'Index:4 Term:1 ConfState:Voters:[1] VotersOutgoing:[]',
  'Learners:[] LearnersNext:[] AutoLeave:false',
].join(' ');

const JOINT_SNAPSHOT = [
  'Index:4 Term:1 ConfState:Voters:[1 2] VotersOutgoing:[1]',
  'Learners:[] LearnersNext:[3] AutoLeave:true',
].join(' ');

/** One line of each kind, and messages in every form. All of it reads back to itself. */
const EVERY_KIND = String.raw`
> 12 handling Ready
  Ready MustSync=true:
  Lead:0 State:StatePreCandidate
  HardState Term:3 Commit:0
  HardState Term:3 Vote:2 Commit:7
  ReadStates [{5 [99]}]
  Entries:
  3/8 EntryNormal ""
  3/9 EntryNormal "a \"quoted\" ] Responses:[ \\"
  3/10 EntryConfChange v2
  3/11 EntryConfChangeV2 v2 l3 r4 u5
  3/12 EntryConfChangeV2
  Snapshot ${JOINT_SNAPSHOT}
  CommittedEntries:
  Messages:
  a->1f MsgAppResp Term:8 Log:6/20 Rejected (Hint: 18)
  1->AppendThread MsgStorageAppend Term:1 Log:0/0 Entries:[1/15 EntryNormal "x"] Responses:[
    1->1 MsgAppResp Term:1 Log:0/15
    AppendThread->1 MsgStorageAppendResp Term:1 Log:1/15 Entries:[
      1/15 EntryNormal "x"
      1/16 EntryNormal "y"
    ]
  ]
  1->AppendThread MsgStorageAppend Term:1 Log:0/0 Commit:13 Vote:1 Entries:[
    1/15 EntryNormal "x"
    1/16 EntryConfChangeV2
  ] Responses:[
    1->1 MsgAppResp Term:1 Log:0/16
  ]
  1->AppendThread MsgStorageAppend Term:1 Log:0/0
    Snapshot: ${SNAPSHOT} Responses:[
    AppendThread->1 MsgStorageAppendResp Term:1 Log:0/0
      Snapshot: ${SNAPSHOT}
  ]
> 1 receiving messages
  dropped: ApplyThread->None MsgProp Term:0 Log:0/0
  raft: cannot step as peer not found
> 1 processing append thread
  Processing:
  Responses:
> 1 processing apply thread
  <empty Ready>
1: StateLeader (Voter) Term:1 Lead:1
12: StateCandidate (Non-Voter) Term:1 Lead:0
3: StateSnapshot match=0 next=12 learner paused pendingSnap=11 inactive inflight=3[full]
2: StateReplicate match=11 next=12 inflight=3
log is empty: first index=11, last index=10
no messages
no append work to perform
raft proposal dropped
unknown transition sideways
INFO 1 switched to configuration voters=(1 2)&&(1 3) learners=(4) learners_next=(3) autoleave
INFO 1 ignoring conf change at config voters=(1): not in joint state; refusing empty conf change
WARN a is unpromotable and can not campaign`.slice(1);

test('a line of every kind is read and renders to itself', () => {
  const { events, unreadable, logLines } = parseExpected(EVERY_KIND, 1);
  assert.deepEqual(unreadable, []);
  assert.equal(logLines, 0);
  assert.equal(events.flatMap(renderPlaced).join('\n'), EVERY_KIND);
});

test('every event knows its line in the file', () => {
  const { events } = parseExpected(EVERY_KIND, 101);
  const lines = EVERY_KIND.split('\n');
  for (const placed of events) {
    assert.equal(lines[placed.line - 101], renderPlaced(placed)[0]);
  }
});

test('ok says nothing, and log text is counted but not read', () => {
  const text = 'ok\nDEBUG 1 whatever happens\nINFO 2 [commit: 4] restored a thing';
  assert.deepEqual(parseExpected(text, 1), { events: [], logLines: 2, unreadable: [] });
});

const UNREADABLE: readonly string[] = [
  'something else',
  '> 1 doing nothing',
  'Ready MustSync=maybe:',
  'HardState Term:1 Commit:2 Lead:3',
  'Lead:1 State:StateBoss',
  '1->2 MsgUnheard Term:1 Log:0/0',
  '1->2 MsgApp Term:1 Log:0/0 Commit:1 Surprise:2',
  '1->2 MsgApp Term:1 Log:0/0 Entries:[1/2 EntryNormal]',
  '1->2 MsgApp Term:1 Log:0/0 Entries:[\n  1/2 EntryNormal "x"',
  '1->2 MsgApp Term:1 Log:0/0 Responses:[\n  1->2 MsgApp',
  '1->2 MsgSnap Term:1 Log:0/0\n  Snapshot: Index:4',
  '1/2 EntryConfChange v2 and more',
  '1/2 EntryNormal "x" y',
  '3: StateProbe match=0 next=1 happy',
  '3: StateProbe match=00 next=1',
  'INFO 1 ignoring conf change at config voters=(1): for no reason',
];

for (const text of UNREADABLE) {
  test(`not skipped but reported: ${text.replaceAll('\n', ' / ')}`, () => {
    assert.notDeepEqual(parseExpected(text, 1).unreadable, []);
  });
}
