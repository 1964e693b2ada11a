/* SPDX-License-Identifier: Apache-2.0 */
/* Rules with domain names. What a pod asks its resolver is looked at on the way out; if a rule speaks of the name,
 * the addresses in the answer are known before the answer reaches the pod, and so before its first SYN. The answer
 * is believed for the whole chain of aliases in it. RFC 1035 section 4. With or without such rules, what a resolver
 * answers is reported: by what name an address outside was looked up, and what became of each pod's questions. */
#ifndef FAIRWAY_NAMES_H
#define FAIRWAY_NAMES_H

#include "asked.h"

#define DNS_PORT 53
#define MAX_LABELS 12
#define MAX_RECORDS 32
#define SECOND 1000000000ull
#define TOLD_AGAIN (600 * SECOND) /* the same name of an address is reported again; another one after a second */
#define NAME_GRACE 2 /* seconds past its time to live, in which a client that just asked may connect */

struct dns_header {
	__be16 id;
	__u8 flags[2]; /* answer 0x80, truncated 0x02; the response code is the low half of the second */
	__be16 questions;
	__be16 answers;
	__be16 rest[2];
};

struct dns_record {
	__be16 type;
	__be16 class;
	__be16 ttl[2];
	__be16 length;
};

/* Lower case, and zeros behind the name's end. False if it has none within NAME_BYTES. What the loop remembers is
 * in memory: in registers, the verifier of 5.10 would follow every place where a label might end. */
static __noinline bool normalise(struct name_scratch *name)
{
	volatile __u32 *next = &name->next, *ended = &name->ended;

	*next = *ended = 0;
	for (__u32 i = 0; i < NAME_BYTES; i++) {
		__u8 c = name->wire[i];

		if (*ended) {
			name->wire[i] = 0;
		} else if (i == *next) {
			*ended = !c;
			*next = i + c + 1;
		} else if (c >= 'A' && c <= 'Z') {
			name->wire[i] = c + 32;
		}
	}
	return *ended;
}

static __always_inline void found_name(struct name_scratch *name, __u32 number)
{
	__u32 at = name->count;

	if (!number || at >= NAMES_PER_ADDRESS)
		return;
	name->found.name[at & (NAMES_PER_ADDRESS - 1)] = number;
	name->count = at + 1;
}

/* The name itself, and the wildcards above it. */
static __noinline void match_name(struct name_scratch *name)
{
	__u32 at = 0;

	name->count = 0;
	__builtin_memset(&name->found, 0, sizeof(name->found));
	for (int label = 0; label < MAX_LABELS; label++) {
		struct name_numbers *numbers;
		__u8 length;

		at &= NAME_BYTES - 1;
		length = name->wire[at];
		if (!length)
			return;
		numbers = bpf_map_lookup_elem(&names, &name->wire[at]);
		if (numbers)
			found_name(name, label ? numbers->below : numbers->exact);
		at += length + 1;
	}
}

/* The name at an offset, in lower case. False if it is longer than is looked at. */
static __noinline bool read_name(struct __sk_buff *skb, __u32 offset, struct name_scratch *name)
{
	__u32 room;

	if (skb->len <= offset)
		return false;
	room = skb->len - offset - 1;
	if (room >= NAME_BYTES)
		room = NAME_BYTES - 1;
	__builtin_memset(name->wire, 0, NAME_BYTES);
	/* Bounds that the verifier of 5.10 sees: 1 to NAME_BYTES. */
	asm volatile("%0 &= %1" : "+r"(room) : "i"(NAME_BYTES - 1));
	return !bpf_skb_load_bytes(skb, offset, name->wire, room + 1) && normalise(name);
}

/* A question to any server: whether it is a resolver matters when it answers, and for what is told. `offset` is that
 * of the payload. Global, as all here that loops: verified once, not once per way to it. */
__noinline int note_question(struct __sk_buff *skb, __u32 offset, __u16 local_port, __u32 names_for)
{
	__u32 zero = 0;
	struct question_key key = {.ifindex = skb->ifindex, .local_port = local_port};
	struct name_scratch *name = bpf_map_lookup_elem(&name_scratch, &zero);
	__u64 now = bpf_ktime_get_ns();
	struct dns_header header;
	bool readable;

	if (!name || offset > 0xffff || bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
		return 0;
	if ((header.flags[0] & 0xf8) || header.questions != bpf_htons(1))
		return 0;
	key.id = header.id;
	readable = read_name(skb, offset + sizeof(header), name);
	if (names_for & NAMES_TOLD) {
		prepare_asked(name, key.ifindex, readable);
		note_asked(name, ASKED, now, 0);
		bpf_map_update_elem(&asked_at, &key, &now, BPF_ANY);
	}
	if (!readable || !(names_for & NAMES_JUDGED))
		return 0;
	match_name(name);
	if (name->count)
		bpf_map_update_elem(&questions, &key, &name->found, BPF_ANY);
	return 0;
}

/* The offset behind a name, 0 if there is none. */
__noinline int skip_name(struct __sk_buff *skb, __u32 offset)
{
	for (int label = 0; label < MAX_LABELS + 4; label++) {
		__u8 length;

		if (offset > 0xffff || bpf_skb_load_bytes(skb, offset, &length, 1))
			return 0;
		if (length >= 0xc0)
			return offset + 2;
		offset += length + 1;
		if (!length)
			return offset;
	}
	return 0;
}

/* `name` was just answered with the address. */
static __always_inline void learn_name(struct learned *learned, __u32 name, __u64 now, __u64 expires)
{
	__u32 place = 0;
	bool known = false;

#pragma unroll
	for (int i = 0; i < NAMES_PER_ADDRESS; i++) {
		if (learned->name[i] == name) {
			place = i;
			known = true;
		}
	}
#pragma unroll
	for (int i = 0; i < NAMES_PER_ADDRESS; i++)
		if (!known && learned->expires[i] < learned->expires[place & (NAMES_PER_ADDRESS - 1)])
			place = i;
	place &= NAMES_PER_ADDRESS - 1;
	if (!known && learned->expires[place] > now)
		count(ANSWERS_UNREAD); /* more names for one address than are kept */
	learned->name[place] = name;
	learned->expires[place] = expires;
}

static __noinline void learn_address(const struct holder *address, const struct question *asked, __u32 ttl)
{
	struct learned fresh = {}, *known = bpf_map_lookup_elem(&learned, address);
	__u64 now = bpf_ktime_get_ns(), expires = now + (ttl + NAME_GRACE) * SECOND;

	if (!known) {
		bpf_map_update_elem(&learned, address, &fresh, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&learned, address);
		if (!known)
			return;
	}
	for (int i = 0; i < NAMES_PER_ADDRESS; i++)
		if (asked->name[i])
			learn_name(known, asked->name[i], now, expires);
}

/* The name that was asked for, ready to be reported with each address of the answer. */
static __noinline void prepare_answer(struct name_scratch *name)
{
	__u64 *words = (__u64 *)name->wire;

	copy_name(name->answer.name, name);
	name->hash = 0;
#pragma unroll
	for (int i = 0; i < NAME_BYTES / 8; i++)
		name->hash = name->hash * 0x9e3779b97f4a7c15ull + words[i];
}

static __noinline void tell_answer(const struct holder *address, struct name_scratch *name, __u32 ttl)
{
	struct answered *known = bpf_map_lookup_elem(&answered, address);
	struct answered fresh = {.at = bpf_ktime_get_ns(), .hash = name->hash};

	if (known && fresh.at - known->at < (known->hash == name->hash ? TOLD_AGAIN : SECOND))
		return;
	name->answer.at = fresh.at;
	name->answer.ttl = ttl;
	name->answer.family = address->family;
	__builtin_memcpy(name->answer.address, address->bytes, 16);
	if (bpf_ringbuf_output(&answers, &name->answer, sizeof(name->answer), BPF_RB_NO_WAKEUP))
		count(ANSWERS_LOST);
	else
		bpf_map_update_elem(&answered, address, &fresh, BPF_ANY);
}

static __always_inline void hear_address(const struct holder *address, struct name_scratch *name, __u32 ttl)
{
	if (name->found.name[0])
		learn_address(address, &name->found, ttl);
	if (name->told)
		tell_answer(address, name, ttl);
}

/* One record of the answer; the offset behind it, 0 if it cannot be read. */
__noinline int learn_record(struct __sk_buff *skb, __u32 offset)
{
	struct holder address = {};
	struct dns_record record;
	struct name_scratch *name;
	__u32 zero = 0, ttl;
	__be32 v4;

	offset = skip_name(skb, offset);
	if (!offset || offset > 0xffff || bpf_skb_load_bytes(skb, offset, &record, sizeof(record)))
		return 0;
	offset += sizeof(record);
	ttl = (__u32)bpf_ntohs(record.ttl[0]) << 16 | bpf_ntohs(record.ttl[1]);
	if (ttl > 86400)
		ttl = ttl > 0x7fffffff ? 0 : 86400; /* RFC 2181 section 8 */
	name = bpf_map_lookup_elem(&name_scratch, &zero);
	if (!name)
		return 0;
	if (record.class == bpf_htons(1) && record.type == bpf_htons(1) && record.length == bpf_htons(4)) {
		if (bpf_skb_load_bytes(skb, offset, &v4, sizeof(v4)))
			return 0;
		address.family = 4;
		map_ipv4(address.bytes, v4);
		hear_address(&address, name, ttl);
	} else if (record.class == bpf_htons(1) && record.type == bpf_htons(28) && record.length == bpf_htons(16)) {
		if (bpf_skb_load_bytes(skb, offset, address.bytes, sizeof(address.bytes)))
			return 0;
		address.family = 6;
		hear_address(&address, name, ttl);
	}
	return offset + bpf_ntohs(record.length);
}

static __always_inline void count_answer(__u8 code)
{
	count(code == 0 ? DNS_NOERROR :
	      code == 2 ? DNS_SERVFAIL :
	      code == 3 ? DNS_NXDOMAIN :
	      code == 5 ? DNS_REFUSED :
			  DNS_OTHER);
}

/* An answer from a resolver. It is learned if it is to a question that this pod asked from this port under this
 * number, and a rule speaks of the name; `tell`: it is reported. */
__noinline int learn_answer(struct __sk_buff *skb, __u32 offset, __u16 local_port, __u32 tell)
{
	struct question_key key = {.ifindex = skb->ifindex, .local_port = local_port};
	__u32 zero = 0, records;
	struct name_scratch *name = bpf_map_lookup_elem(&name_scratch, &zero);
	struct question *asked;
	struct dns_header header;
	bool learn, readable;

	if (!name || offset > 0xffff || bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
		return 0;
	if (!(header.flags[0] & 0x80))
		return 0;
	count_answer(header.flags[1] & 0x0f);
	key.id = header.id;
	asked = bpf_map_lookup_elem(&questions, &key);
	learn = asked;
	if (asked) {
		name->found = *asked;
		bpf_map_delete_elem(&questions, &key);
	} else {
		__builtin_memset(&name->found, 0, sizeof(name->found));
	}
	offset += sizeof(header);
	readable = tell && header.questions == bpf_htons(1) && read_name(skb, offset, name);
	if (tell) {
		prepare_asked(name, key.ifindex, readable);
		note_heard(name, &key, header.flags[1] & 0x0f);
	}
	if ((header.flags[1] & 0x0f) || header.questions != bpf_htons(1))
		return 0;
	name->told = readable && header.answers;
	if (name->told)
		prepare_answer(name);
	else if (!learn)
		return 0;
	records = bpf_ntohs(header.answers);
	if (learn && (header.flags[0] & 0x02 || records > MAX_RECORDS))
		count(ANSWERS_UNREAD); /* truncated: the pod will ask again by TCP */
	offset = skip_name(skb, offset);
	if (offset)
		offset += 4; /* the question's type and class */
	for (__u32 i = 0; i < MAX_RECORDS; i++) {
		if (i >= records)
			return 0;
		if (offset)
			offset = learn_record(skb, offset);
		if (!offset) {
			if (learn)
				count(ANSWERS_UNREAD);
			return 0;
		}
	}
	return 0;
}

static __noinline void follow_names(struct __sk_buff *skb, const struct packet *p, int direction, __u32 names_for)
{
	struct pod *pod = bpf_map_lookup_elem(&pods, &p->key.ifindex);
	__u32 offset = p->transport + sizeof(struct udphdr);
	bool resolver;

	if (!pod || p->later_fragment)
		return;
	resolver = identify(&p->key, pod->generation).flags & ADDRESS_RESOLVER;
	if (!resolver)
		names_for &= ~NAMES_TOLD;
	if (direction == EGRESS && names_for)
		note_question(skb, offset, p->key.local_port, names_for);
	else if (direction == INGRESS && resolver)
		learn_answer(skb, offset, p->key.local_port, names_for & NAMES_TOLD);
}

#endif
