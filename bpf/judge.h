/* SPDX-License-Identifier: Apache-2.0 */
/* The slow path: once per connection and epoch. Who opened it, who is the peer, what do both slots say. */
#ifndef FAIRWAY_JUDGE_H
#define FAIRWAY_JUDGE_H

struct judgement {
	__u32 rule[2];
	__u8 verdict[2];
	__u8 reason[2];
	__u8 initiator;
	__u8 drop;
	__u16 generation;
};

static __always_inline __u8 initiator_of(const struct packet *p, int direction, const struct flow *known)
{
	__u8 sender = direction == EGRESS ? POD : REMOTE, receiver = direction == EGRESS ? REMOTE : POD;

	if (p->key.protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return sender;
	if (known && known->initiator != UNKNOWN)
		return known->initiator;
	if (p->key.protocol == IPPROTO_TCP)
		return p->tcp_flags & TCP_SYN ? receiver : UNKNOWN;
	if (p->icmp == ICMP_REPLY)
		return receiver;
	return p->icmp == ICMP_ERROR ? UNKNOWN : sender;
}

static __always_inline struct identity identify(const struct flow_key *key, __u32 generation)
{
	struct identity world = {.number = IDENTITY_WORLD}, *found;
	struct network network = {.prefix = 64 + 128};

	network.address.generation = generation;
	network.address.family = key->family;
	__builtin_memcpy(network.address.bytes, key->remote, 16);
	found = bpf_map_lookup_elem(&addresses, &network.address);
	if (!found)
		found = bpf_map_lookup_elem(&networks, &network);
	return found ? *found : world;
}

static __always_inline __u32 *find_rule(__u32 policy, __u32 identity, int direction, const struct flow_key *key)
{
	struct rule_key rule = {.prefix = 96, .policy = policy, .direction = direction, .protocol = key->protocol};
	__u32 *found;

	rule.port = bpf_htons(direction == INGRESS ? key->local_port : key->remote_port);
	if (key->protocol == IPPROTO_ICMP || key->protocol == IPPROTO_ICMPV6)
		rule.port = 0;
	rule.identity = identity;
	found = bpf_map_lookup_elem(&rules, &rule);
	if (found)
		return found;
	rule.identity = IDENTITY_ANY;
	return bpf_map_lookup_elem(&rules, &rule);
}

/* One slot, one direction: the verdict, and why. */
static __always_inline __u8 judge_direction(const struct pod *pod, int slot, int direction, struct identity peer,
					    const struct flow_key *key, __u32 *rule, __u8 *reason)
{
	__u32 policy = pod->policy[slot][direction], *found;

	if (policy == POLICY_UNUSED || (slot == ACTIVE && pod->mode[direction] == MODE_OFF))
		return UNJUDGED;
	if (policy == POLICY_OPEN || (direction == INGRESS && peer.local))
		return ALLOW;
	if (policy == POLICY_CLOSED) {
		*reason = POSTURE;
		return DENY;
	}
	found = find_rule(policy, peer.number, direction, key);
	if (found) {
		*rule = *found;
		return ALLOW;
	}
	*reason = NO_RULE;
	return DENY;
}

/* A connection found in mid-stream has no known initiator: it may be either side's, so it passes if either
 * direction allows it. Never for one whose initiator is known, or a change to deny would not cut it. */
static __always_inline void judge_slot(const struct pod *pod, int slot, struct identity peer,
				       const struct flow_key *key, struct judgement *j)
{
	int first = j->initiator == POD ? EGRESS : INGRESS;

	j->verdict[slot] = judge_direction(pod, slot, first, peer, key, &j->rule[slot], &j->reason[slot]);
	if (j->verdict[slot] != DENY || j->initiator != UNKNOWN)
		return;
	if (judge_direction(pod, slot, EGRESS, peer, key, &j->rule[slot], &j->reason[slot]) == DENY)
		return;
	j->verdict[slot] = ALLOW;
	j->reason[slot] = NONE;
}

static __always_inline bool enforced(const struct pod *pod, __u8 initiator)
{
	if (initiator == UNKNOWN)
		return pod->mode[INGRESS] == MODE_ENFORCE || pod->mode[EGRESS] == MODE_ENFORCE;
	return pod->mode[initiator == POD ? EGRESS : INGRESS] == MODE_ENFORCE;
}

/* What cannot be judged by its ports: dropped where anything is enforced, or where the pod is not known and
 * the posture denies. */
static __always_inline bool drop_unjudgeable(const struct pod *pod, const struct config *config)
{
	return pod ? enforced(pod, UNKNOWN) : config->deny_unknown;
}

static __noinline int judge(const struct packet *p, const struct config *config, const struct flow *known,
			    int direction, struct judgement *j)
{
	struct pod *pod = bpf_map_lookup_elem(&pods, &p->key.ifindex);
	struct identity peer;

	count(JUDGED);
	j->initiator = initiator_of(p, direction, known);
	if (!pod) {
		j->drop = config->deny_unknown;
		j->verdict[ACTIVE] = j->drop ? DENY : UNJUDGED;
		j->reason[ACTIVE] = j->drop ? UNKNOWN_POD : NONE;
		return 0;
	}
	if (p->later_fragment && enforced(pod, UNKNOWN)) {
		j->drop = true;
		j->verdict[ACTIVE] = DENY;
		j->reason[ACTIVE] = FRAGMENT;
		return pod->totals;
	}
	j->generation = pod->generation;
	peer = identify(&p->key, pod->generation);
	judge_slot(pod, ACTIVE, peer, &p->key, j);
	judge_slot(pod, STAGED, peer, &p->key, j);
	j->drop = j->verdict[ACTIVE] == DENY && enforced(pod, j->initiator);
	return pod->totals;
}

#endif
