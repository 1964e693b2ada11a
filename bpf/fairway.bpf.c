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

#define PASS TC_ACT_UNSPEC /* on to the next program: others' work on this interface goes on */
#define DROP TC_ACT_SHOT

#include "fairway.h"
#include "maps.h"
#include "parse.h"
#include "judge.h"
#include "verdict.h"
#include "account.h"
#include "related.h"
#include "names.h"
#include "sockets.h"
#include "behind.h"

static __noinline int slow_path(struct __sk_buff *skb, struct packet *p, struct flow *flow,
				const struct config *config, int direction)
{
	/* Read before the rules are: a verdict by older rules is then kept under the older epoch. */
	__u32 epoch = *(volatile const __u32 *)&config->epoch;
	struct judgement j = {};
	bool fresh = !flow, told;

	if (!judge(p, flow, initiator_of(p, direction, flow), &j) || j.drop)
		return deny(p, &j, epoch);
	if (direction == INGRESS && config->behind && j.initiator != POD &&
	    judge_sender(skb, p, epoch, j.initiator == REMOTE) == DROP)
		return DROP;
	if (fresh) {
		flow = new_flow(p, &j, epoch);
		if (!flow) {
			count(FLOWS_FULL);
			add_totals(j.totals, direction, 1, skb->len - p->network);
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
			flow->timeouts_running = 0;
		}
		keep_verdict(flow, &j, epoch);
	}
	if (told) {
		note_would_deny(&j);
		tell(p, &j);
	}
	return account(skb, p, flow, direction);
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
	__u32 zero = 0;
	int parsed;

	config = bpf_map_lookup_elem(&settings, &zero);
	if (!config)
		return PASS;
	parsed = parse_once(skb, &p, direction);
	if (parsed == SHORT)
		parsed = parse_pulled(skb, &p, direction);
	if (parsed == PASS_ALWAYS) {
		if (p.icmp == ICMP_NEIGHBOUR)
			note_asker(&p);
		return PASS;
	}
	if (parsed != PARSED)
		return unjudgeable(skb, &p, config, parsed);
	if (p.first_fragment || p.later_fragment)
		match_fragment(&p, direction);
	if (p.key.remote_port == DNS_PORT && p.key.protocol == IPPROTO_UDP && config->names)
		follow_names(skb, &p, direction, config->names);
	flow = bpf_map_lookup_elem(&flows, &p.key);
	if (flow && flow->epoch == config->epoch && (p.tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return account(skb, &p, flow, direction);
	if (p.icmp == ICMP_ERROR && error_of_known_flow(skb, &p, direction))
		return PASS;
	if (p.icmp == ICMP_NEIGHBOUR && was_asked(skb, &p))
		return PASS;
	return slow_path(skb, &p, flow, config, direction);
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

/* On the node's other interfaces, where packets leave it: those of its pods that a Service's address hid. */
SEC("tc")
int fairway_to_node(struct __sk_buff *skb)
{
	struct packet p = {};
	struct config *config;
	struct holder sender = {};
	__u32 zero = 0, *interface, epoch;
	int parsed;

	config = bpf_map_lookup_elem(&settings, &zero);
	if (!config || !config->behind)
		return PASS;
	epoch = config->epoch;
	parsed = parse_once(skb, &p, EGRESS);
	if (parsed == SHORT)
		parsed = parse_pulled(skb, &p, EGRESS);
	if (parsed != PARSED)
		return PASS; /* a pod's own interface has dropped it, if it had to */
	sender.family = p.key.family;
	if (!load_address(skb, &p, EGRESS, sender.bytes))
		return PASS;
	interface = bpf_map_lookup_elem(&holders, &sender);
	if (!interface)
		return PASS;
	p.key.ifindex = *interface;
	if (p.first_fragment || p.later_fragment)
		match_fragment(&p, EGRESS);
	if (p.icmp == ICMP_ERROR)
		return PASS;
	return judge_behind(&p, epoch, false);
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
