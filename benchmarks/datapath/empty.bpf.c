/* SPDX-License-Identifier: Apache-2.0 */
/* The product's programs, and one that does nothing: what being there at all costs. */
#include "fairway.bpf.c"

SEC("tc")
int empty(struct __sk_buff *skb)
{
	return PASS;
}
