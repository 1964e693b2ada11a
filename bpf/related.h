/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that belong to others: an ICMP error to the flow it speaks of, a later fragment to its first one. */
#ifndef FAIRWAY_RELATED_H
#define FAIRWAY_RELATED_H

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

/* A neighbour that asks from a global address, as a bridge or the node behind it does, is answered at that address. Such
 * an answer looks like any packet to anywhere, so it passes only soon after the question, and only as short as RFC 4861
 * section 4.4 has it with the one option there is. */
#define ASKED_SECONDS 5
#define ADVERTISEMENT_BYTES (sizeof(struct ipv6hdr) + 32)

static __noinline void note_asker(const struct packet *p)
{
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&askers, &p->key, &now, BPF_ANY);
}

static __noinline bool was_asked(struct __sk_buff *skb, const struct packet *p)
{
	__u64 *asked = bpf_map_lookup_elem(&askers, &p->key);

	return asked && bpf_ktime_get_ns() - *asked < ASKED_SECONDS * 1000000000ULL &&
	       skb->len - p->network <= ADVERTISEMENT_BYTES;
}

#endif
