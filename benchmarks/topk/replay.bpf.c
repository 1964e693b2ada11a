/* SPDX-License-Identifier: Apache-2.0 */
/* The product's own programs and tables behind a trace: each run takes the next flow's number and makes the packet. */
#include "fairway.bpf.c"

#define PACKETS (8 << 20)
#define DESTINATION (ETHERNET + 16)
#define SOURCE_PORT (ETHERNET + 20)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PACKETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} trace SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} place SEC(".maps");

static __always_inline int next_packet(struct __sk_buff *skb)
{
	__u32 zero = 0, *at = bpf_map_lookup_elem(&place, &zero), index;
	__u64 *flow;
	__be32 destination;
	__be16 port;

	if (!at)
		return -1;
	index = (*at)++;
	flow = bpf_map_lookup_elem(&trace, &index);
	if (!flow)
		return -1;
	destination = bpf_htonl(0x0b000000 | (__u32)*flow);
	port = bpf_htons(1024 + (*flow & 0x3fff));
	bpf_skb_store_bytes(skb, DESTINATION, &destination, sizeof(destination), 0);
	return bpf_skb_store_bytes(skb, SOURCE_PORT, &port, sizeof(port), 0);
}

SEC("tc")
int replay(struct __sk_buff *skb)
{
	return next_packet(skb) ? DROP : see(skb, EGRESS);
}

/* What the trace itself costs. */
SEC("tc")
int replay_nothing(struct __sk_buff *skb)
{
	return next_packet(skb) ? DROP : PASS;
}
