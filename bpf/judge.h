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
	__u32 totals; /* the pod's index */
};

/* What is judged: the packet's key and what is known of its flow. */
struct matter {
	struct flow_key key;
	__u8 initiator;
	__u8 open; /* of a connection that passed before, with this verdict and reason */
	__u8 verdict;
	__u8 reason;
	__u8 later_fragment;
	__u8 names; /* rules with domain names exist */
};

struct hearing {
	struct matter matter;
	struct holder address;
	struct judgement judgement;
};

/* Judging is a global function, verified once; such a one takes numbers only, so both ends leave theirs here. */
MAP(hearings, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct hearing, 1, 0);

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

/* The rule, counted from 1, that allows the address now judged for a name it was resolved from; 0 for none. A name
 * that is no longer current still serves connections that are open. Global: verified once. */
__noinline int named_rule(__u32 policy, __u32 generation, __u32 open)
{
	__u32 zero = 0;
	struct hearing *hearing = bpf_map_lookup_elem(&hearings, &zero);
	struct flow_key *key;
	struct learned *found;
	__u64 now;

	if (!hearing)
		return 0;
	key = &hearing->matter.key;
	hearing->address.family = key->family;
	__builtin_memcpy(hearing->address.bytes, key->remote, 16);
	found = bpf_map_lookup_elem(&learned, &hearing->address);
	if (!found)
		return 0;
	now = bpf_ktime_get_ns();
#pragma unroll
	for (int i = 0; i < NAMES_PER_ADDRESS; i++) {
		struct named_key name = {.generation = generation, .name = found->name[i]};
		__u32 *identity, *rule;

		if (!name.name || (!open && found->expires[i] <= now))
			continue;
		identity = bpf_map_lookup_elem(&named, &name);
		rule = identity ? find_rule(policy, *identity, EGRESS, key) : 0;
		if (rule)
			return *rule + 1;
	}
	return 0;
}

/* One slot, one direction: the verdict, and why. */
static __always_inline __u8 judge_direction(const struct pod *pod, int slot, int direction, struct identity peer,
					    const struct matter *m, struct judgement *j)
{
	__u32 *rule = &j->rule[slot];
	__u8 *reason = &j->reason[slot];
	__u32 policy = pod->policy[slot][direction], *found;

	if (policy == POLICY_UNUSED || (slot == ACTIVE && pod->mode[direction] == MODE_OFF))
		return UNJUDGED;
	if (policy == POLICY_OPEN || (direction == INGRESS && (peer.flags & ADDRESS_LOCAL)))
		return ALLOW;
	if (policy == POLICY_CLOSED) {
		*reason = POSTURE;
		return DENY;
	}
	found = find_rule(policy, peer.number, direction, &m->key);
	if (found) {
		*rule = *found;
		return ALLOW;
	}
	if (direction == EGRESS && m->names) {
		int named = named_rule(policy, pod->generation, m->open);

		if (named) {
			*rule = named - 1;
			return ALLOW;
		}
	}
	*reason = NO_RULE;
	return DENY;
}

/* A connection found in mid-stream has no known initiator: it may be either side's, so it passes if either
 * direction allows it. Never for one whose initiator is known, or a change to deny would not cut it. */
static __always_inline void judge_slot(const struct pod *pod, int slot, struct identity peer,
				       const struct matter *m, struct judgement *j)
{
	int first = j->initiator == POD ? EGRESS : INGRESS;

	j->verdict[slot] = judge_direction(pod, slot, first, peer, m, j);
	if (j->verdict[slot] != DENY || j->initiator != UNKNOWN)
		return;
	if (judge_direction(pod, slot, EGRESS, peer, m, j) == DENY)
		return;
	j->verdict[slot] = ALLOW;
	j->reason[slot] = NONE;
}

/* A trial mostly changes what other pods may do: then both slots say the same, and one look tells it. */
static __always_inline bool slots_agree(const struct pod *pod, __u8 initiator)
{
	int direction = initiator == POD ? EGRESS : INGRESS;

	return initiator != UNKNOWN && pod->mode[direction] != MODE_OFF &&
	       pod->policy[ACTIVE][direction] == pod->policy[STAGED][direction];
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

/* Judges the matter that `judge` left, and leaves the judgement. */
__noinline int hear(__u32 unused)
{
	__u32 zero = 0;
	struct hearing *hearing = bpf_map_lookup_elem(&hearings, &zero);
	struct config *config = bpf_map_lookup_elem(&settings, &zero);
	struct judgement *j;
	struct matter *m;
	struct identity peer;
	struct pod *pod;

	if (!hearing || !config)
		return 0;
	m = &hearing->matter;
	j = &hearing->judgement;
	pod = bpf_map_lookup_elem(&pods, &m->key.ifindex);
	count(JUDGED);
	__builtin_memset(j, 0, sizeof(*j));
	j->initiator = m->initiator;
	if (!pod) {
		j->drop = config->deny_unknown;
		j->verdict[ACTIVE] = j->drop ? DENY : UNJUDGED;
		j->reason[ACTIVE] = j->drop ? UNKNOWN_POD : NONE;
		return 0;
	}
	j->totals = pod->totals;
	if (m->later_fragment && enforced(pod, UNKNOWN)) {
		j->drop = true;
		j->verdict[ACTIVE] = DENY;
		j->reason[ACTIVE] = FRAGMENT;
		return 0;
	}
	j->generation = pod->generation;
	m->names = (config->names & NAMES_JUDGED) != 0;
	peer = identify(&m->key, pod->generation);
	judge_slot(pod, ACTIVE, peer, m, j);
	if (slots_agree(pod, j->initiator)) {
		j->verdict[STAGED] = j->verdict[ACTIVE];
		j->reason[STAGED] = j->reason[ACTIVE];
		j->rule[STAGED] = j->rule[ACTIVE];
	} else {
		judge_slot(pod, STAGED, peer, m, j);
	}
	if (config->keep_open && m->open && j->verdict[ACTIVE] == DENY) {
		j->verdict[ACTIVE] = m->verdict;
		j->reason[ACTIVE] = m->reason;
		return 0;
	}
	j->drop = j->verdict[ACTIVE] == DENY && enforced(pod, j->initiator);
	return 0;
}

/* Both slots on one packet. False only if the kernel lacks its own tables. */
static __noinline bool judge(const struct packet *p, const struct flow *known, __u8 initiator, struct judgement *j)
{
	__u32 zero = 0;
	struct hearing *hearing = bpf_map_lookup_elem(&hearings, &zero);
	struct matter *m;

	if (!hearing)
		return false;
	m = &hearing->matter;
	m->key = p->key;
	m->initiator = initiator;
	m->open = known && !(p->key.protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN);
	m->verdict = known ? known->verdict[ACTIVE] : UNJUDGED;
	m->reason = known ? known->reason[ACTIVE] : NONE;
	m->later_fragment = p->later_fragment;
	hear(0);
	*j = hearing->judgement;
	return true;
}

#endif
