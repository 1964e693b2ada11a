/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAIRWAY_MAPS_H
#define FAIRWAY_MAPS_H

#define MAP(map_name, map_type, key_type, value_type, entries, flags)     \
	struct {                                                          \
		__uint(type, map_type);                                   \
		__type(key, key_type);                                    \
		__type(value, value_type);                                \
		__uint(max_entries, entries);                             \
		__uint(map_flags, flags);                                 \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                      \
	} map_name SEC(".maps")

MAP(flows, BPF_MAP_TYPE_LRU_HASH, struct flow_key, struct flow, 65536, 0);
MAP(denials, BPF_MAP_TYPE_LRU_HASH, struct flow_key, struct denial, 16384, 0);
MAP(fragments, BPF_MAP_TYPE_LRU_HASH, struct fragment_key, struct ports, 4096, 0);
MAP(pods, BPF_MAP_TYPE_HASH, __u32, struct pod, 4096, BPF_F_NO_PREALLOC);
MAP(totals, BPF_MAP_TYPE_ARRAY, __u32, struct totals, 4096, 0);
/* How much of the totals was reported: kept here for the next agent, the programs do not look at it. */
MAP(told, BPF_MAP_TYPE_ARRAY, __u32, struct totals, 4096, 0);
MAP(addresses, BPF_MAP_TYPE_HASH, struct address, struct identity, 262144, BPF_F_NO_PREALLOC);
MAP(networks, BPF_MAP_TYPE_LPM_TRIE, struct network, struct identity, 262144, BPF_F_NO_PREALLOC);
MAP(rules, BPF_MAP_TYPE_LPM_TRIE, struct rule_key, __u32, 1048576, BPF_F_NO_PREALLOC);
MAP(settings, BPF_MAP_TYPE_ARRAY, __u32, struct config, 1, 0);
MAP(clock, BPF_MAP_TYPE_ARRAY, __u32, struct clock, 1, 0);
MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, COUNTERS, 0);

MAP(holders, BPF_MAP_TYPE_HASH, struct holder, __u32, 8192, BPF_F_NO_PREALLOC);
MAP(names, BPF_MAP_TYPE_HASH, struct name, struct name_numbers, 16384, BPF_F_NO_PREALLOC);
MAP(named, BPF_MAP_TYPE_HASH, struct named_key, __u32, 65536, BPF_F_NO_PREALLOC);
MAP(learned, BPF_MAP_TYPE_LRU_HASH, struct holder, struct learned, 16384, 0);
MAP(answered, BPF_MAP_TYPE_LRU_HASH, struct holder, struct answered, 8192, 0);
MAP(askers, BPF_MAP_TYPE_LRU_HASH, struct flow_key, __u64, 4096, 0); /* neighbours of pods, and when */
MAP(questions, BPF_MAP_TYPE_LRU_HASH, struct question_key, struct question, 4096, 0);
MAP(asked_at, BPF_MAP_TYPE_LRU_HASH, struct question_key, __u64, 4096, 0);
/* What was asked since the agent last took it away. */
MAP(asked, BPF_MAP_TYPE_HASH, struct asked_key, struct asked, 8192, BPF_F_NO_PREALLOC);
MAP(name_scratch, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct name_scratch, 1, 0);

/* Apart from the events: no first sight is lost for them. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} spills SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} events SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		*value += 1;
}

#endif
