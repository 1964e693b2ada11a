/* SPDX-License-Identifier: Apache-2.0 */
/* What each packet costs: two additions to its flow, two to its pod's totals, and TCP's own figures. */
#ifndef FAIRWAY_ACCOUNT_H
#define FAIRWAY_ACCOUNT_H

/* A flow spills when so much moved since it last did; a large one, which would for every few bytes of it, when that is
 * a part of all it moved. */
#define SPILL_BYTES (12 << 10)
#define SPILL_PART 256
#define SPILL_MOST (1 << 20)

/* Segments of a GSO packet each carry the headers again on the wire. */
static __always_inline __u32 segments_of(struct __sk_buff *skb, const struct packet *p)
{
	__u32 segments = skb->gso_segs;

	if (!skb->gso_size)
		return 1;
	if (!segments)
		segments = (skb->len - p->network - p->headers + skb->gso_size - 1) / skb->gso_size;
	return segments ? segments : 1;
}

static __always_inline __u32 clock_us(void)
{
	return bpf_ktime_get_ns() / 1000;
}

/* Once a tick is often enough, and at the ends: what a socket has counted stays until it is looked at. */
static __always_inline bool worth_a_look(const struct packet *p, const struct flow *flow, __u64 now)
{
	return p->key.protocol == IPPROTO_TCP && (flow->sampled != (__u16)now || !flow->tx_packets ||
						  (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)));
}

/* The pod's socket as it is when it sends: the kernel has counted by then what it sends again. */
static __always_inline void sample_tcp(struct __sk_buff *skb, const struct packet *p, struct flow *flow)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;
	__u8 timeouts;

	/* What answers for a socket that is gone has figures of nobody's, and other ports. */
	if (!sk || sk->src_port != p->key.local_port)
		return;
	tcp = bpf_tcp_sock(sk);
	if (!tcp)
		return;
	flow->srtt_us = tcp->srtt_us >> 3; /* the kernel keeps eight times the value */
	timeouts = tcp->icsk_retransmits;
	if (!flow->tx_packets && !((flow->tcp_flags | p->tcp_flags) & TCP_SYN)) {
		flow->retransmitted_unseen = tcp->total_retrans;
		flow->timeouts_running = timeouts;
	}
	flow->retransmitted = tcp->total_retrans - flow->retransmitted_unseen;
	if (timeouts != flow->timeouts_running) {
		if (timeouts > flow->timeouts_running) {
			flow->timeouts += timeouts - flow->timeouts_running;
			if (p->tcp_flags & TCP_SYN)
				flow->handshake_timeouts += timeouts - flow->timeouts_running;
		}
		flow->timeouts_running = timeouts;
	}
}

/* SYN, SYN-ACK and RST: where a connection begins, is answered and ends before its time. RFC 9293 section 3.5. */
static __noinline void turn(const struct packet *p, struct flow *flow, int direction)
{
	__u8 seen = flow->tcp_flags;

	if (p->tcp_flags & TCP_RST) {
		if (seen & TCP_RST)
			return;
		if (seen & TCP_ACK)
			flow->resets++;
		else if (seen & TCP_SYN)
			flow->failed++;
	} else if (!(p->tcp_flags & TCP_ACK)) {
		if (!seen)
			flow->opened_us = clock_us();
		else if (direction == EGRESS)
			flow->handshake_retransmitted++;
	} else if (!(seen & TCP_ACK)) {
		if (!(seen & TCP_SYN))
			return;
		flow->established++;
		flow->connect_us += clock_us() - flow->opened_us;
	} else if (direction == EGRESS) {
		/* A socket that has not accepted yet is none to ask: its own figures come later. */
		flow->handshake_retransmitted++;
		flow->retransmitted++;
		flow->handshake_timeouts++;
		flow->timeouts++;
	}
}

/* A function of its own, for BTF tells only the structs that are passed between functions. */
static __noinline void fill(struct spill *record, const struct packet *p, const struct flow *flow)
{
	record->key = p->key;
	record->flow = *flow;
}

static __noinline void spill(const struct packet *p, const struct flow *flow)
{
	struct spill *record = bpf_ringbuf_reserve(&spills, sizeof(*record), 0);

	if (!record) {
		count(SPILLS_LOST);
		return;
	}
	fill(record, p, flow);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void add_totals(__u32 index, int direction, __u64 packets, __u64 bytes)
{
	struct totals *all = bpf_map_lookup_elem(&totals, &index);

	if (!all)
		return;
	if (direction == EGRESS) {
		__sync_fetch_and_add(&all->tx_packets, packets);
		__sync_fetch_and_add(&all->tx_bytes, bytes);
	} else {
		__sync_fetch_and_add(&all->rx_packets, packets);
		__sync_fetch_and_add(&all->rx_bytes, bytes);
	}
}

static __always_inline int account(struct __sk_buff *skb, const struct packet *p, struct flow *flow, int direction)
{
	__u64 now = bpf_jiffies64(), packets = segments_of(skb, p);
	__u64 bytes = skb->len - p->network + (packets - 1) * p->headers, all;
	__u32 moved;

	if (direction == EGRESS) {
		if (worth_a_look(p, flow, now)) {
			flow->sampled = now;
			sample_tcp(skb, p, flow);
		}
		__sync_fetch_and_add(&flow->tx_packets, packets);
		__sync_fetch_and_add(&flow->tx_bytes, bytes);
	} else {
		__sync_fetch_and_add(&flow->rx_packets, packets);
		__sync_fetch_and_add(&flow->rx_bytes, bytes);
	}
	if (p->tcp_flags & (TCP_SYN | TCP_RST))
		turn(p, flow, direction);
	if ((flow->tcp_flags | p->tcp_flags) != flow->tcp_flags)
		flow->tcp_flags |= p->tcp_flags;
	flow->last = now;
	all = flow->tx_bytes + flow->rx_bytes;
	moved = (__u32)all - flow->spilled;
	if (moved >= SPILL_BYTES && (moved >= all / SPILL_PART || moved >= SPILL_MOST)) {
		flow->spilled += moved;
		spill(p, flow);
	}
	add_totals(flow->totals, direction, packets, bytes);
	return PASS;
}

#endif
