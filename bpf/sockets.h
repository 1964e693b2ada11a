/* SPDX-License-Identifier: Apache-2.0 */
/* What no packet tells: a socket that gave up. On the cgroup of the whole node, for the sockets of its pods. */
#ifndef FAIRWAY_SOCKETS_H
#define FAIRWAY_SOCKETS_H

static __always_inline bool flow_of_socket(struct bpf_sock_ops *ops, struct flow_key *key)
{
	struct holder holder = {};
	__u32 *interface;

	/* Set here: a constant one would lie in .rodata, whose BTF 5.10 refuses. */
	holder.family = 4;
	if (ops->family == 2) {
		map_ipv4(holder.bytes, ops->local_ip4);
		map_ipv4(key->remote, ops->remote_ip4);
	} else {
		__u32 *local = (__u32 *)holder.bytes, *remote = (__u32 *)key->remote;

		local[0] = ops->local_ip6[0];
		local[1] = ops->local_ip6[1];
		local[2] = ops->local_ip6[2];
		local[3] = ops->local_ip6[3];
		remote[0] = ops->remote_ip6[0];
		remote[1] = ops->remote_ip6[1];
		remote[2] = ops->remote_ip6[2];
		remote[3] = ops->remote_ip6[3];
		if (local[0] || local[1] || local[2] != bpf_htonl(0xffff))
			holder.family = 6;
	}
	interface = bpf_map_lookup_elem(&holders, &holder);
	if (!interface)
		return false;
	key->ifindex = *interface;
	key->family = holder.family;
	key->protocol = IPPROTO_TCP;
	key->local_port = ops->local_port;
	key->remote_port = bpf_ntohl(ops->remote_port);
	return true;
}

/* What was sent again since the last look: where the peer ends the connection, no packet of the pod's follows. */
static __always_inline void look_again(struct bpf_sock_ops *ops, struct flow *flow)
{
	if (flow->tx_packets && ops->is_fullsock)
		flow->retransmitted = ops->total_retrans - flow->retransmitted_unseen;
}

/* Counted as ended, so that what follows on the wire is not counted again. */
static __always_inline void note_end(struct bpf_sock_ops *ops, struct flow *flow, __u32 state)
{
	struct bpf_sock *sk = ops->sk;
	struct bpf_tcp_sock *tcp = sk ? bpf_tcp_sock(sk) : 0;

	if (flow->tcp_flags & TCP_RST)
		return;
	if (state == BPF_TCP_SYN_SENT)
		flow->failed++;
	else if (tcp && tcp->icsk_retransmits)
		flow->severed++;
	else
		return;
	flow->tcp_flags |= TCP_RST;
}

/* Healthy connections cost no more than being looked at when they open: while one is being opened its end is of
 * interest, later only once it has sent something again. */
static __always_inline void listen_for(struct bpf_sock_ops *ops, int added, int removed)
{
	bpf_sock_ops_cb_flags_set(ops, (ops->bpf_sock_ops_cb_flags | added) & ~removed);
}

SEC("sockops")
int fairway_sockets(struct bpf_sock_ops *ops)
{
	struct flow_key key = {};
	struct flow *flow;

	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_RTO_CB:
	case BPF_SOCK_OPS_RETRANS_CB:
		listen_for(ops, BPF_SOCK_OPS_STATE_CB_FLAG, BPF_SOCK_OPS_RTO_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		listen_for(ops, BPF_SOCK_OPS_RTO_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG, BPF_SOCK_OPS_STATE_CB_FLAG);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ops->args[1] != BPF_TCP_CLOSE || !flow_of_socket(ops, &key))
			break;
		flow = bpf_map_lookup_elem(&flows, &key);
		if (flow) {
			look_again(ops, flow);
			note_end(ops, flow, ops->args[0]);
		}
	}
	return 1;
}

#endif
