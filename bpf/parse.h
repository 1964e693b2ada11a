/* SPDX-License-Identifier: Apache-2.0 */
/* A frame becomes a packet seen from the pod: the flow's key and what accounting and judging need. */
#ifndef FAIRWAY_PARSE_H
#define FAIRWAY_PARSE_H

#define ETHERNET 14
#define VLAN_TAG 4
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define MAX_EXTENSION_HEADERS 4

enum parsed {
	PARSED,
	PASS_ALWAYS, /* ARP and IPv6 neighbour discovery */
	NOT_IP,
	MALFORMED, /* or more extension headers than are walked */
	SHORT, /* the headers are not in the linear part yet */
};

enum icmp { ICMP_NONE, ICMP_REQUEST, ICMP_REPLY, ICMP_ERROR, ICMP_NEIGHBOUR };

struct packet {
	struct flow_key key;
	__u32 fragment_id;
	__u16 network; /* offset of the IP header from the frame's start */
	__u16 transport; /* offset of the transport header from the frame's start */
	__u16 headers; /* bytes from the IP header to the payload: repeated in each segment of a GSO packet */
	__u8 tcp_flags;
	__u8 icmp;
	__u8 first_fragment; /* more follow, and this one has the ports */
	__u8 later_fragment; /* has no transport header */
};

struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u16 id;
	__u16 sequence;
};

static __always_inline void map_ipv4(__u8 *to, __be32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

static __always_inline bool same_address(const __u8 *one, const __u8 *other)
{
	__u8 difference = 0;

	for (int i = 0; i < 16; i++)
		difference |= one[i] ^ other[i];
	return !difference;
}

static __always_inline void set_ports(struct packet *p, int direction, __be16 source, __be16 destination)
{
	p->key.local_port = bpf_ntohs(direction == EGRESS ? source : destination);
	p->key.remote_port = bpf_ntohs(direction == EGRESS ? destination : source);
}

/* RFC 4861: never routed, so its hop limit proves that a neighbour sent it. That a neighbour gets it, only a
 * link-local or multicast address proves: else a pod could send anything anywhere under this name. */
static __always_inline bool neighbour_discovery(const struct packet *p, __u8 type, __u8 hop_limit, int direction)
{
	const __u8 *remote = p->key.remote;
	bool on_link = remote[0] == 0xff || (remote[0] == 0xfe && (remote[1] & 0xc0) == 0x80);

	return p->key.family == 6 && p->key.protocol == IPPROTO_ICMPV6 && type >= 133 && type <= 137 &&
	       hop_limit == 255 && (direction == INGRESS || on_link);
}

static __always_inline int parse_icmp(struct packet *p, const struct icmp_header *icmp, __u8 hop_limit, int direction)
{
	bool v6 = p->key.family == 6;

	/* A neighbour's question for the pod's hardware address, and the pod's answer. */
	if (v6 && hop_limit == 255 && icmp->type == (direction == INGRESS ? 135 : 136))
		p->icmp = ICMP_NEIGHBOUR;
	if (neighbour_discovery(p, icmp->type, hop_limit, direction))
		return PASS_ALWAYS;
	if (icmp->type == (v6 ? 128 : 8))
		p->icmp = ICMP_REQUEST;
	else if (icmp->type == (v6 ? 129 : 0))
		p->icmp = ICMP_REPLY;
	else if (v6 ? icmp->type >= 1 && icmp->type <= 4 : icmp->type == 3 || icmp->type == 11 || icmp->type == 12)
		p->icmp = ICMP_ERROR;
	if (p->icmp == ICMP_REQUEST || p->icmp == ICMP_REPLY)
		p->key.local_port = bpf_ntohs(icmp->id);
	return PARSED;
}

static __always_inline int parse_transport(struct packet *p, int direction, void *data, void *end, __u8 hop_limit)
{
	void *header = data + (p->transport & 0x3ff);

	switch (p->key.protocol) {
	case IPPROTO_TCP: {
		struct tcphdr *tcp = header;

		if ((void *)(tcp + 1) > end)
			return SHORT;
		set_ports(p, direction, tcp->source, tcp->dest);
		p->tcp_flags = ((__u8 *)tcp)[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
		p->headers += tcp->doff * 4;
		return PARSED;
	}
	case IPPROTO_UDP:
	case IPPROTO_SCTP: {
		struct udphdr *udp = header;

		if ((void *)(udp + 1) > end)
			return SHORT;
		set_ports(p, direction, udp->source, udp->dest);
		p->headers += sizeof(*udp);
		return PARSED;
	}
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: {
		struct icmp_header *icmp = header;

		if ((void *)(icmp + 1) > end)
			return SHORT;
		p->headers += sizeof(*icmp);
		return parse_icmp(p, icmp, hop_limit, direction);
	}
	default:
		return PARSED;
	}
}

/* Steps over hop-by-hop, routing, destination, authentication and fragment headers. Bounded: a packet with
 * more of them is malformed to us, and fails closed. */
static __noinline int walk_extensions(struct __sk_buff *skb, struct packet *p)
{
	__u32 offset = p->network + sizeof(struct ipv6hdr);
	__u8 next = p->key.protocol;

	/* Unrolled: kernels before 6.7 take no loop whose end falls through to its head ("back-edge"). */
#pragma unroll
	for (int step = 0; step <= MAX_EXTENSION_HEADERS; step++) {
		struct { __u8 next; __u8 length; __be16 fragment; __be32 id; } header;

		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60) {
			p->key.protocol = next;
			p->transport = offset;
			p->headers = offset - p->network;
			return next == 59 ? MALFORMED : PARSED;
		}
		if (step == MAX_EXTENSION_HEADERS || offset > 0x300 ||
		    bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
			return MALFORMED;
		if (next == 44) {
			p->fragment_id = header.id;
			p->later_fragment = (bpf_ntohs(header.fragment) & 0xfff8) != 0;
			p->first_fragment = !p->later_fragment && (bpf_ntohs(header.fragment) & 1);
			offset += 8;
		} else {
			offset += next == 51 ? (header.length + 2) * 4 : (header.length + 1) * 8;
		}
		next = header.next;
		if (p->later_fragment) {
			/* What follows is payload, whatever the header calls it. */
			p->key.protocol = next;
			p->headers = offset - p->network;
			return PARSED;
		}
	}
	return MALFORMED;
}

static __always_inline int parse_ipv4(struct packet *p, int direction, void *data, void *end)
{
	struct iphdr *ip = data + (p->network & 0x3f);
	__u16 fragment, length;

	if ((void *)(ip + 1) > end)
		return SHORT;
	length = ip->ihl * 4;
	if (ip->version != 4 || length < sizeof(*ip))
		return MALFORMED;
	p->key.family = 4;
	p->key.protocol = ip->protocol;
	map_ipv4(p->key.remote, direction == EGRESS ? ip->daddr : ip->saddr);
	p->transport = p->network + length;
	p->headers = length;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & 0x3fff) {
		p->fragment_id = ip->id;
		p->later_fragment = (fragment & 0x1fff) != 0;
		p->first_fragment = !p->later_fragment;
		if (p->later_fragment)
			return PARSED;
	}
	return parse_transport(p, direction, data, end, 0);
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct packet *p, int direction, void *data, void *end)
{
	struct ipv6hdr *ip = data + (p->network & 0x3f);
	__u8 hop_limit;
	int result;

	if ((void *)(ip + 1) > end)
		return SHORT;
	if (ip->version != 6)
		return MALFORMED;
	hop_limit = ip->hop_limit;
	p->key.family = 6;
	p->key.protocol = ip->nexthdr;
	__builtin_memcpy(p->key.remote, direction == EGRESS ? &ip->daddr : &ip->saddr, 16);
	p->transport = p->network + sizeof(*ip);
	p->headers = sizeof(*ip);
	switch (ip->nexthdr) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_ICMPV6:
		break;
	default:
		result = walk_extensions(skb, p);
		if (result != PARSED || p->later_fragment)
			return result;
	}
	return parse_transport(p, direction, data, end, hop_limit);
}

static __always_inline int parse_once(struct __sk_buff *skb, struct packet *p, int direction)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__be16 *type = data + ETHERNET - sizeof(*type);

	if (data + ETHERNET > end)
		return SHORT;
	p->network = ETHERNET;
#pragma unroll
	for (int tag = 0; tag < 2; tag++) {
		/* IEEE 802.1Q and 802.1ad. The outer tag is mostly taken off the frame already, but not always. */
		if (*type != bpf_htons(ETH_P_8021Q) && *type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(type + 1) + VLAN_TAG > end)
			return SHORT;
		type = (void *)type + VLAN_TAG;
		p->network += VLAN_TAG;
	}
	switch (*type) {
	case bpf_htons(ETH_P_IP):
		return parse_ipv4(p, direction, data, end);
	case bpf_htons(ETH_P_IPV6):
		return parse_ipv6(skb, p, direction, data, end);
	case bpf_htons(ETH_P_ARP):
		return PASS_ALWAYS;
	default:
		return NOT_IP;
	}
}

/* Second try, after the headers were pulled into the linear part. Apart, for it is hardly ever needed. */
static __noinline int parse_pulled(struct __sk_buff *skb, struct packet *p, int direction)
{
	__u32 length = skb->len < 256 ? skb->len : 256;
	int result;

	if (bpf_skb_pull_data(skb, length))
		return MALFORMED;
	__builtin_memset(p, 0, sizeof(*p));
	p->key.ifindex = skb->ifindex;
	result = parse_once(skb, p, direction);
	return result == SHORT ? MALFORMED : result;
}

#endif
