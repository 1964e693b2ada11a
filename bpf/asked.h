/* SPDX-License-Identifier: Apache-2.0 */
/* What pods ask resolvers for and what comes of it, counted by name and response code until the agent takes it away. */
#ifndef FAIRWAY_ASKED_H
#define FAIRWAY_ASKED_H

static __always_inline void copy_name(__u8 *to, const struct name_scratch *name)
{
	const __u64 *words = (const __u64 *)name->wire;
	__u64 *copy = (__u64 *)to;

#pragma unroll
	for (int i = 0; i < NAME_BYTES / 8; i++)
		copy[i] = words[i];
}

static __always_inline void prepare_asked(struct name_scratch *name, __u32 ifindex, bool readable)
{
	name->asked.ifindex = ifindex;
	if (readable)
		copy_name(name->asked.name, name);
	else
		__builtin_memset(name->asked.name, 0, NAME_BYTES);
}

/* A question for the name, or an answer so long after it. */
static __noinline void note_asked(struct name_scratch *name, __u32 code, __u64 now, __u64 waited)
{
	struct asked fresh = {}, *known;

	name->asked.code = code;
	known = bpf_map_lookup_elem(&asked, &name->asked);
	if (!known) {
		bpf_map_update_elem(&asked, &name->asked, &fresh, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&asked, &name->asked);
		if (!known) {
			count(ASKED_LOST);
			return;
		}
	}
	waited /= 1000;
	__sync_fetch_and_add(&known->count, 1);
	__sync_fetch_and_add(&known->waited_us, waited);
	if (known->longest_us < waited)
		known->longest_us = waited;
	known->last = now;
}

/* An answer to a question that was noted, once. */
static __noinline void note_heard(struct name_scratch *name, const struct question_key *key, __u32 code)
{
	__u64 now = bpf_ktime_get_ns(), *at = bpf_map_lookup_elem(&asked_at, key);

	if (!at)
		return;
	note_asked(name, code, now, now - *at);
	bpf_map_delete_elem(&asked_at, key);
}

#endif
