/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides obey. User space reads these layouts from the object's BTF and never writes them twice;
 * the enumerations are those of src/fairway/wire/words.py, and a test compares them. */
#ifndef FAIRWAY_H
#define FAIRWAY_H

enum direction { INGRESS = 0, EGRESS = 1 };
enum slot { ACTIVE = 0, STAGED = 1 };
enum mode { MODE_OFF = 0, MODE_AUDIT = 1, MODE_ENFORCE = 2 };
enum verdict { UNJUDGED = 0, ALLOW = 1, DENY = 2 };
enum reason { NONE = 0, NO_RULE = 1, POSTURE = 2, UNKNOWN_POD = 3, FRAGMENT = 4, UNPARSED = 5 };
enum initiator { UNKNOWN = 0, POD = 1, REMOTE = 2 };

/* Policy numbers below the first real one; identities with a meaning of their own. */
enum policy { POLICY_UNUSED = 0, POLICY_OPEN = 1, POLICY_CLOSED = 2 };
#define IDENTITY_WORLD 0
#define IDENTITY_ANY 0xffffffff

/* A connection from the pod's view. Ports are in host order; an ICMP echo has its id as local port. IPv4
 * addresses are mapped into ::ffff:0:0/96. */
struct flow_key {
	__u32 ifindex; /* the pod's veth on the host: which pod */
	__u16 local_port;
	__u16 remote_port;
	__u8 family; /* 4 or 6 */
	__u8 protocol;
	__u16 zero;
	__u8 remote[16];
};

/* Flow counter, connection tracker and verdict cache in one. tx leaves the pod. Bytes are IP bytes as on the
 * wire, times are jiffies. A verdict holds as long as `epoch` is the current one; a denial is never kept. */
struct flow {
	/* What every packet touches, together: a packet pays for each cache line. */
	__u64 tx_packets;
	__u64 rx_packets;
	__u64 tx_bytes;
	__u64 rx_bytes;
	__u64 last;
	__u32 epoch;
	__u32 spilled; /* bytes both ways up to the last spill, low bits */
	__u16 totals; /* index into the table of exact totals */
	__u16 sampled; /* when the pod's socket was looked at, low bits */
	__u8 tcp_flags; /* all seen on the connection now open */
	__u8 timeouts_running; /* in a row, at the last look */
	__u8 behind; /* judged behind a Service's address, counted under that address */
	__u8 initiator;
	__u32 srtt_us; /* of the pod's socket, as are the next: at the last look */
	__u32 retransmitted; /* segments, by the pod, on the connection now open */
	__u32 retransmitted_unseen; /* by a connection found in mid-stream, before it was found */
	__u32 retransmitted_before; /* on earlier connections of the same tuple */
	/* These wrap: what counts is how far they went since the last look. */
	__u16 established; /* SYN-ACKs that answered a SYN */
	__u16 failed; /* connections refused or given up before that */
	__u16 resets; /* connections that a RST ended */
	__u16 severed; /* connections given up for want of any answer */
	__u16 timeouts; /* expiries of the pod's retransmission timer */
	__u16 handshake_timeouts;
	__u16 handshake_retransmitted; /* SYNs and SYN-ACKs of the pod, part of all retransmitted */
	__u16 generation; /* of the rules that `rule` counts, its low bits */
	__u32 connections;
	__u32 opened_us; /* the clock at the first SYN, low bits */
	__u32 connect_us; /* from SYN to SYN-ACK, added up over `established` */
	__u32 rule[2];
	__u8 verdict[2];
	__u8 reason[2];
	__u64 first;
};

/* A flow as it was when it had moved much since the last such record: should it be evicted, this is known of it. */
struct spill {
	struct flow_key key;
	struct flow flow;
};

/* Attempts that were dropped, apart from the flows: a scan must not push live connections out. */
struct denial {
	__u64 packets;
	__u64 first;
	__u64 last;
	__u32 epoch; /* of the event that told it */
	__u8 verdict[2];
	__u8 reason[2];
	__u8 initiator;
	__u8 zero[7];
};

/* First sight of a connection or of its denial. */
struct event {
	struct flow_key key;
	__u8 verdict[2];
	__u8 reason[2];
	__u8 initiator;
	__u8 zero[7];
	__u64 at;
};

struct pod {
	__u32 totals;
	__u32 generation; /* of the identities that its policies speak of */
	__u32 policy[2][2]; /* by slot and direction */
	__u8 mode[2]; /* by direction; the active slot's */
	__u16 zero;
};

struct totals {
	__u64 tx_packets;
	__u64 rx_packets;
	__u64 tx_bytes;
	__u64 rx_bytes;
	__u64 tx_dropped;
	__u64 rx_dropped;
};

struct address {
	__u32 generation;
	__u32 family;
	__u8 bytes[16];
};

struct network {
	__u32 prefix; /* bits of what follows: 64 for generation and family, then the address's */
	struct address address;
};

#define ADDRESS_LOCAL 1 /* the node's own: the kubelet */
#define ADDRESS_RESOLVER 2 /* its DNS answers are believed */

struct identity {
	__u32 number;
	__u32 flags;
};

/* A pod's address, by which packets are known that left its own interface behind. */
struct holder {
	__u32 family;
	__u8 bytes[16];
};

/* A domain name as DNS writes it, lower case and padded with zeros; RFC 1035 section 3.1. Longer ones are not learned. */
#define NAME_BYTES 128

struct name {
	__u8 wire[NAME_BYTES];
};

/* The number of a name itself and of the wildcard below it, each 0 for none. Numbers are never used twice. */
struct name_numbers {
	__u32 exact;
	__u32 below;
};

struct named_key {
	__u32 generation;
	__u32 name;
};

#define NAMES_PER_ADDRESS 4

/* What an address was resolved from, each until a monotonic time. */
struct learned {
	__u64 expires[NAMES_PER_ADDRESS];
	__u32 name[NAMES_PER_ADDRESS];
};

/* A DNS question of a pod that may make an address known. */
struct question_key {
	__u32 ifindex;
	__u16 local_port;
	__u16 id;
};

struct question {
	__u32 name[NAMES_PER_ADDRESS];
};

/* A resolver answered a pod with an address, and what the pod had asked for: to be reported. */
struct answer {
	__u64 at; /* monotonic, nanoseconds */
	__u32 ttl; /* seconds */
	__u32 family;
	__u8 address[16];
	__u8 name[NAME_BYTES];
};

/* What a pod asked resolvers for, and what became of it: the question itself, or an answer by its response code, RFC
 * 1035 section 4.1.1. A name longer than is looked at is all zeros. */
#define ASKED 16

struct asked_key {
	__u32 ifindex;
	__u32 code;
	__u8 name[NAME_BYTES];
};

struct asked {
	__u64 count;
	__u64 last; /* monotonic, nanoseconds */
	__u64 waited_us; /* from question to answer, added up */
	__u64 longest_us;
};

/* When an address was last reported, and by what name: it is again when that is news. */
struct answered {
	__u64 at;
	__u64 hash;
};

/* Where a DNS name is taken apart: twice its length, so that each suffix is a whole key. */
struct name_scratch {
	__u8 wire[2 * NAME_BYTES];
	struct answer answer;
	struct asked_key asked;
	__u64 hash;
	struct question found;
	__u32 count;
	__u32 next;
	__u32 ended;
	__u32 told; /* the answer is reported */
};

struct rule_key {
	__u32 prefix; /* 72 bits: every protocol; 80: every port of one; up to 96: a port prefix */
	__u32 policy;
	__u32 identity;
	__u8 direction;
	__u8 protocol;
	__u16 port; /* network order, so that a prefix of bits is a range of ports */
};

struct fragment_key {
	__u32 ifindex;
	__u32 id;
	__u8 direction;
	__u8 protocol;
	__u16 zero;
	__u8 remote[16];
};

struct ports {
	__u16 local;
	__u16 remote;
};

#define NAMES_JUDGED 1 /* rules with domain names exist */
#define NAMES_TOLD 2 /* there are resolvers: what they answer is reported */

struct config {
	__u32 epoch; /* bumped after each change of rules: cached verdicts are void */
	__u32 deny_unknown; /* posture for interfaces without a pod entry */
	__u32 keep_open; /* what passed goes on after a change of rules, until its next connection */
	__u32 behind; /* Services exist whose backends are judged one by one */
	__u32 names; /* what DNS answers are read for */
};

struct clock {
	__u64 jiffies;
	__u64 monotonic_ns;
};

enum counter {
	JUDGED, /* slow-path decisions */
	DENIED, /* packets dropped */
	WOULD_DENY, /* connections the staged slot or an audited active one would have dropped */
	EVENTS_LOST, /* the ring was full */
	FLOWS_FULL, /* a flow could not be kept; its packets were judged one by one */
	FRAGMENTS_UNMATCHED,
	PACKETS_UNPARSED,
	PACKETS_NOT_IP,
	SPILLS_LOST, /* the ring was full */
	ANSWERS_UNREAD, /* DNS answers that named an address in a way that is not followed */
	ANSWERS_LOST, /* the ring was full: an address goes without a name */
	DNS_NOERROR, /* resolvers' answers by response code, RFC 1035 section 4.1.1 */
	DNS_SERVFAIL,
	DNS_NXDOMAIN,
	DNS_REFUSED,
	DNS_OTHER,
	ASKED_LOST, /* the table of names asked for was full: a question or an answer is not told */
	COUNTERS
};

#endif
