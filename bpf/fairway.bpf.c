/* SPDX-License-Identifier: Apache-2.0 */
/* Two programs per pod, on the host side of its veth. What the pod sends enters the host there (tc ingress),
 * what it receives leaves the host there (tc egress); both are told in the pod's words: egress and ingress. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fairway.h"
#include "maps.h"
#include "parse.h"
#include "judge.h"

#define PASS TC_ACT_UNSPEC /* on to the next program: others' work on this interface goes on */
#define DROP TC_ACT_SHOT

/* Segments of a GSO packet each carry the headers again on the wire. */
static __always_inline __u32 segments_of(struct __sk_buff *skb, const struct packet *p)
{
	__u32 segments = skb->gso_segs;

	if (!skb->gso_size)
		return 1;
	if (!segments)
		segments = (skb->len - ETHERNET - p->headers + skb->gso_size - 1) / skb->gso_size;
	return segments ? segments : 1;
}

static __always_inline void sample_tcp(struct __sk_buff *skb, const struct packet *p, struct flow *flow)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;

	if (!sk)
		return;
	tcp = bpf_tcp_sock(sk);
	if (!tcp)
		return;
	flow->srtt_us = tcp->srtt_us >> 3; /* the kernel keeps eight times the value */
	if (!flow->tx_packets && !((flow->tcp_flags | p->tcp_flags) & TCP_SYN))
		flow->retransmitted_unseen = tcp->total_retrans;
	flow->retransmitted = tcp->total_retrans - flow->retransmitted_unseen;
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
	__u64 packets = segments_of(skb, p);
	__u64 bytes = skb->len - ETHERNET + (packets - 1) * p->headers;

	if (direction == EGRESS) {
		if (p->key.protocol == IPPROTO_TCP)
			sample_tcp(skb, p, flow);
		__sync_fetch_and_add(&flow->tx_packets, packets);
		__sync_fetch_and_add(&flow->tx_bytes, bytes);
	} else {
		__sync_fetch_and_add(&flow->rx_packets, packets);
		__sync_fetch_and_add(&flow->rx_bytes, bytes);
	}
	if ((flow->tcp_flags | p->tcp_flags) != flow->tcp_flags)
		flow->tcp_flags |= p->tcp_flags;
	flow->last = bpf_jiffies64();
	add_totals(flow->totals, direction, packets, bytes);
	return PASS;
}

static __noinline void tell(const struct packet *p, const struct judgement *j)
{
	__u32 zero = 0;
	struct event *event = bpf_map_lookup_elem(&scratch, &zero);

	if (!event)
		return;
	event->key = p->key;
	event->verdict[ACTIVE] = j->verdict[ACTIVE];
	event->verdict[STAGED] = j->verdict[STAGED];
	event->reason[ACTIVE] = j->reason[ACTIVE];
	event->reason[STAGED] = j->reason[STAGED];
	event->initiator = j->initiator;
	event->at = bpf_jiffies64();
	/* The agent comes by the clock; waking it for each connection would cost more than the connection. */
	if (bpf_ringbuf_output(&events, event, sizeof(*event), BPF_RB_NO_WAKEUP))
		count(EVENTS_LOST);
}

static __noinline int deny(struct __sk_buff *skb, const struct packet *p, const struct judgement *j, __u32 epoch,
			   int direction)
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

static __always_inline void keep_verdict(struct flow *flow, const struct judgement *j, __u32 epoch, __u32 totals_index)
{
	flow->rule[ACTIVE] = j->rule[ACTIVE];
	flow->rule[STAGED] = j->rule[STAGED];
	flow->verdict[ACTIVE] = j->verdict[ACTIVE];
	flow->verdict[STAGED] = j->verdict[STAGED];
	flow->reason[ACTIVE] = j->reason[ACTIVE];
	flow->reason[STAGED] = j->reason[STAGED];
	flow->initiator = j->initiator;
	flow->generation = j->generation;
	flow->totals = totals_index;
	flow->epoch = epoch;
}

static __noinline struct flow *new_flow(const struct packet *p, const struct judgement *j, __u32 epoch,
					__u32 totals_index)
{
	struct flow fresh = {};

	keep_verdict(&fresh, j, epoch, totals_index);
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

static __noinline int slow_path(struct __sk_buff *skb, const struct packet *p, const struct config *config,
				__u32 epoch, int direction)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &p->key);
	struct judgement j = {};
	__u32 index = judge(p, config, flow, direction, &j);
	bool fresh = !flow, told;

	if (j.drop)
		return deny(skb, p, &j, epoch, direction);
	if (fresh) {
		flow = new_flow(p, &j, epoch, index);
		if (!flow) {
			count(FLOWS_FULL);
			add_totals(index, direction, 1, skb->len - ETHERNET);
			return PASS;
		}
		told = true;
	} else {
		told = flow->initiator != j.initiator || flow->verdict[STAGED] != j.verdict[STAGED] ||
		       flow->verdict[ACTIVE] != j.verdict[ACTIVE];
		if (opens_connection(p, flow)) {
			flow->connections++;
			flow->tcp_flags = 0;
			flow->retransmitted_before += flow->retransmitted;
			flow->retransmitted = flow->retransmitted_unseen = 0;
		}
		keep_verdict(flow, &j, epoch, index);
	}
	if (told) {
		note_would_deny(&j);
		tell(p, &j);
	}
	return account(skb, p, flow, direction);
}

/* An ICMP error speaks of a packet that the receiver sent: it passes if that one's flow is known. Any router on
 * the way may send one to a pod; a pod's own go to the other end of the flow. RFC 792 and RFC 4443 have the
 * original IP header and at least eight bytes more inside. */
static __noinline bool error_of_known_flow(struct __sk_buff *skb, const struct packet *p, int direction)
{
	__u32 inner = p->transport + sizeof(struct icmp_header);
	struct flow_key key = {.ifindex = p->key.ifindex, .family = p->key.family};
	struct { __be16 source, destination; } ports;

	if (p->key.family == 4) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, inner, &ip, sizeof(ip)))
			return false;
		key.protocol = ip.protocol;
		map_ipv4(key.remote, direction == INGRESS ? ip.daddr : ip.saddr);
		inner += (ip.ihl & 0xf) * 4;
	} else {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, inner, &ip, sizeof(ip)))
			return false;
		key.protocol = ip.nexthdr;
		__builtin_memcpy(key.remote, direction == INGRESS ? &ip.daddr : &ip.saddr, 16);
		inner += sizeof(ip);
	}
	if (direction == EGRESS && !same_address(key.remote, p->key.remote))
		return false;
	if (key.protocol == IPPROTO_ICMP || key.protocol == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, inner + 4, &ports.source, 2))
			return false;
		key.local_port = bpf_ntohs(ports.source);
	} else {
		if (bpf_skb_load_bytes(skb, inner, &ports, sizeof(ports)))
			return false;
		key.local_port = bpf_ntohs(direction == INGRESS ? ports.source : ports.destination);
		key.remote_port = bpf_ntohs(direction == INGRESS ? ports.destination : ports.source);
	}
	return bpf_map_lookup_elem(&flows, &key);
}

/* Later fragments carry no ports: they go with their first one. */
static __noinline void match_fragment(struct packet *p, int direction)
{
	struct fragment_key key = {.ifindex = p->key.ifindex, .id = p->fragment_id, .direction = direction,
				   .protocol = p->key.protocol};
	struct ports ports = {.local = p->key.local_port, .remote = p->key.remote_port}, *found;

	__builtin_memcpy(key.remote, p->key.remote, 16);
	if (p->first_fragment) {
		bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
		return;
	}
	found = bpf_map_lookup_elem(&fragments, &key);
	if (!found) {
		count(FRAGMENTS_UNMATCHED);
		return;
	}
	p->key.local_port = found->local;
	p->key.remote_port = found->remote;
	p->later_fragment = 0;
}

static __noinline int unjudgeable(struct __sk_buff *skb, struct packet *p, const struct config *config, int parsed)
{
	struct pod *pod = bpf_map_lookup_elem(&pods, &p->key.ifindex);

	count(parsed == NOT_IP ? PACKETS_NOT_IP : PACKETS_UNPARSED);
	if (drop_unjudgeable(pod, config)) {
		count(DENIED);
		return DROP;
	}
	return PASS;
}

static __always_inline int see(struct __sk_buff *skb, int direction)
{
	struct packet p = {.key.ifindex = skb->ifindex};
	struct config *config;
	struct flow *flow;
	__u32 zero = 0, epoch;
	int parsed;

	config = bpf_map_lookup_elem(&settings, &zero);
	if (!config)
		return PASS;
	/* Read before the rules are: a verdict by older rules is then kept under the older epoch. */
	epoch = config->epoch;
	parsed = parse_once(skb, &p, direction);
	if (parsed == SHORT)
		parsed = parse_pulled(skb, &p, direction);
	if (parsed == PASS_ALWAYS)
		return PASS;
	if (parsed != PARSED)
		return unjudgeable(skb, &p, config, parsed);
	if (p.first_fragment || p.later_fragment)
		match_fragment(&p, direction);
	flow = bpf_map_lookup_elem(&flows, &p.key);
	if (flow && flow->epoch == epoch && (p.tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return account(skb, &p, flow, direction);
	if (p.icmp == ICMP_ERROR && error_of_known_flow(skb, &p, direction))
		return PASS;
	return slow_path(skb, &p, config, epoch, direction);
}

SEC("tc")
int fairway_from_pod(struct __sk_buff *skb)
{
	return see(skb, EGRESS);
}

SEC("tc")
int fairway_to_pod(struct __sk_buff *skb)
{
	return see(skb, INGRESS);
}

/* Run by the agent through BPF_PROG_TEST_RUN: what a jiffy is worth, and when it was. */
SEC("tc")
int fairway_clock(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct clock *clock_now = bpf_map_lookup_elem(&clock, &zero);

	if (clock_now) {
		clock_now->jiffies = bpf_jiffies64();
		clock_now->monotonic_ns = bpf_ktime_get_ns();
	}
	return PASS;
}

char LICENSE[] SEC("license") = "Apache-2.0";
