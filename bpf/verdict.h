/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a judgement: it is kept with the flow, or the packet is dropped; and it is told. */
#ifndef FAIRWAY_VERDICT_H
#define FAIRWAY_VERDICT_H

/* A function of its own, for BTF tells only the structs that are passed between functions. */
static __noinline void describe(struct event *event, const struct packet *p, const struct judgement *j)
{
	event->key = p->key;
	event->verdict[ACTIVE] = j->verdict[ACTIVE];
	event->verdict[STAGED] = j->verdict[STAGED];
	event->reason[ACTIVE] = j->reason[ACTIVE];
	event->reason[STAGED] = j->reason[STAGED];
	event->initiator = j->initiator;
	__builtin_memset(event->zero, 0, sizeof(event->zero));
	event->at = bpf_jiffies64();
}

static __noinline void tell(const struct packet *p, const struct judgement *j)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		count(EVENTS_LOST);
		return;
	}
	describe(event, p, j);
	/* The agent comes by the clock; waking it for each connection would cost more than the connection. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

static __noinline int deny(const struct packet *p, const struct judgement *j, __u32 epoch)
{
	struct denial *known = bpf_map_lookup_elem(&denials, &p->key), fresh = {};
	__u64 now = bpf_jiffies64();

	count(DENIED);
	if (known) {
		__sync_fetch_and_add(&known->packets, 1);
		known->last = now;
		if (known->epoch != epoch) {
			known->epoch = epoch;
			tell(p, j);
		}
		return DROP;
	}
	fresh.packets = 1;
	fresh.first = fresh.last = now;
	fresh.epoch = epoch;
	fresh.verdict[ACTIVE] = j->verdict[ACTIVE];
	fresh.verdict[STAGED] = j->verdict[STAGED];
	fresh.reason[ACTIVE] = j->reason[ACTIVE];
	fresh.reason[STAGED] = j->reason[STAGED];
	fresh.initiator = j->initiator;
	bpf_map_update_elem(&denials, &p->key, &fresh, BPF_ANY);
	tell(p, j);
	return DROP;
}

/* A SYN that follows more than SYNs opens the next connection of the tuple; else it is the same SYN again. */
static __always_inline bool opens_connection(const struct packet *p, const struct flow *known)
{
	if (p->key.protocol != IPPROTO_TCP)
		return !known;
	if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return false;
	return !known || (known->tcp_flags & ~TCP_SYN);
}

static __always_inline void keep_verdict(struct flow *flow, const struct judgement *j, __u32 epoch)
{
	flow->rule[ACTIVE] = j->rule[ACTIVE];
	flow->rule[STAGED] = j->rule[STAGED];
	flow->verdict[ACTIVE] = j->verdict[ACTIVE];
	flow->verdict[STAGED] = j->verdict[STAGED];
	flow->reason[ACTIVE] = j->reason[ACTIVE];
	flow->reason[STAGED] = j->reason[STAGED];
	flow->initiator = j->initiator;
	flow->generation = j->generation;
	flow->totals = j->totals;
	flow->epoch = epoch;
}

static __noinline struct flow *new_flow(const struct packet *p, const struct judgement *j, __u32 epoch)
{
	struct flow fresh = {};

	keep_verdict(&fresh, j, epoch);
	fresh.first = bpf_jiffies64();
	fresh.connections = opens_connection(p, 0);
	/* Lost the race to another CPU: that entry serves. */
	bpf_map_update_elem(&flows, &p->key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, &p->key);
}

static __always_inline void note_would_deny(const struct judgement *j)
{
	if (j->verdict[STAGED] == DENY || j->verdict[ACTIVE] == DENY)
		count(WOULD_DENY);
}

#endif
