// Which cluster a member belongs to: a name for people, which gossip carries, and a uuid for
// machines, which greetings and data directories carry. Two clusters of one name are a mistake of
// people; two of one uuid there are not.

export interface ClusterIdentity {
  /** `cluster_id` on the command line and in gossip. */
  readonly name: string;
  /** Made when the cluster was founded, or configured. A member with replicas needs it. */
  readonly uuid?: string;
}
