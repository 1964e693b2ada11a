/* SPDX-License-Identifier: Apache-2.0 */
/* A Service's address says nothing of the backend. Where its backends differ, the pod's own interface lets the
 * packet pass, and the pod's egress is judged where the real backend is seen: at the backend's interface on the
 * same node, or where the packet leaves the node. */
#ifndef FAIRWAY_BEHIND_H
#define FAIRWAY_BEHIND_H

static __always_inline bool load_address(struct __sk_buff *skb, const struct packet *p, int direction, __u8 *to)
{
	bool source = direction == EGRESS;

	if (p->key.family == 4) {
		__be32 address;

		if (bpf_skb_load_bytes(skb, p->network + (source ? 12 : 16), &address, sizeof(address)))
			return false;
		map_ipv4(to, address);
		return true;
	}
	return !bpf_skb_load_bytes(skb, p->network + (source ? 8 : 24), to, 16);
}

/* `q` is the packet as the sending pod would see it, were there no Service. `opened`: the receiver knows that this
 * pod opened the connection. */
static __noinline int judge_behind(const struct packet *q, __u32 epoch, bool opened)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &q->key);
	bool opens = (q->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN, fresh = !flow;
	struct judgement j = {};

	/* Its own interface saw it under this very address, and judged it. */
	if (flow && !flow->behind)
		return PASS;
	if (flow && flow->epoch == epoch && !opens) {
		flow->last = bpf_jiffies64();
		return PASS;
	}
	if (!judge(q, flow, opened ? POD : initiator_of(q, EGRESS, flow), &j) || j.drop)
		return deny(q, &j, epoch);
	if (fresh) {
		flow = new_flow(q, &j, epoch);
		if (!flow)
			return PASS; /* judged at each packet then */
		flow->behind = 1;
		flow->connections = 0; /* counted under the Service's address */
	}
	keep_verdict(flow, &j, epoch);
	flow->last = bpf_jiffies64();
	if (j.verdict[STAGED] == DENY || j.verdict[ACTIVE] == DENY) {
		/* But a policy on trial is told by the connections it would have denied. */
		if (opens || fresh)
			flow->connections++;
		note_would_deny(&j);
		tell(q, &j);
	}
	return PASS;
}

/* A packet that reaches a pod of this node: its sender may be another one. The key becomes the sender's for the
 * while: a copy of it would not fit on the verifier's stack. */
static __noinline int judge_sender(struct __sk_buff *skb, struct packet *p, __u32 epoch, bool opened)
{
	__u32 receiver = p->key.ifindex, *interface;
	__u16 local_port = p->key.local_port, remote_port = p->key.remote_port;
	struct holder sender = {};
	int result;

	sender.family = p->key.family;
	__builtin_memcpy(sender.bytes, p->key.remote, 16);
	interface = bpf_map_lookup_elem(&holders, &sender);
	if (!interface)
		return PASS;
	if (!load_address(skb, p, INGRESS, p->key.remote)) {
		__builtin_memcpy(p->key.remote, sender.bytes, 16);
		return DROP;
	}
	p->key.ifindex = *interface;
	if (p->icmp != ICMP_REQUEST && p->icmp != ICMP_REPLY) {
		p->key.local_port = remote_port;
		p->key.remote_port = local_port;
	}
	result = judge_behind(p, epoch, opened);
	p->key.ifindex = receiver;
	p->key.local_port = local_port;
	p->key.remote_port = remote_port;
	__builtin_memcpy(p->key.remote, sender.bytes, 16);
	return result;
}

#endif
