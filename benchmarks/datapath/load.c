/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a conversation in one thread: each packet's way through the node is paid for in the system call that
 * sends it, so the process's CPU time is all there is to it, and nothing is scheduled in between.
 * load CLIENT_NS SERVER_NS ADDRESS PORT WORKLOAD OPERATIONS prints nanoseconds of CPU time per operation. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LIVE = 5000, CHUNK = 65536, MEGABYTE = 1 << 20 };

static int client_ns, server_ns, listener;
static struct sockaddr_in server = {.sin_family = AF_INET};
static char buffer[MEGABYTE];

static long check(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static int socket_in(int ns, int type)
{
	int one = 1, made;

	check(setns(ns, CLONE_NEWNET), "setns");
	made = check(socket(AF_INET, type, 0), "socket");
	if (type == SOCK_STREAM)
		check(setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "nodelay");
	return made;
}

static void transfer(int from, int to, size_t size)
{
	check(send(from, buffer, size, 0), "send");
	for (size_t got = 0; got < size;)
		got += check(recv(to, buffer, sizeof(buffer), 0), "recv");
}

struct pair {
	int client, server;
};

static struct pair open_pair(void)
{
	struct pair made = {.client = socket_in(client_ns, SOCK_STREAM)};

	check(connect(made.client, (struct sockaddr *)&server, sizeof(server)), "connect");
	made.server = check(accept(listener, NULL, NULL), "accept");
	return made;
}

static void request(struct pair pair)
{
	transfer(pair.client, pair.server, 100);
	transfer(pair.server, pair.client, 100);
}

static void close_pair(struct pair pair)
{
	close(pair.client);
	close(pair.server);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static double connections(long operations)
{
	double began = now();

	for (long i = 0; i < operations; i++) {
		struct pair pair = open_pair();

		request(pair);
		close_pair(pair);
	}
	return now() - began;
}

static double requests(long operations, int live)
{
	struct pair *pairs = calloc(live, sizeof(*pairs));
	double began, spent;

	for (int i = 0; i < live; i++) {
		pairs[i] = open_pair();
		request(pairs[i]);
	}
	began = now();
	for (long i = 0; i < operations; i++)
		request(pairs[live == 1 ? 0 : random() % live]);
	spent = now() - began;
	for (int i = 0; i < live; i++)
		close_pair(pairs[i]);
	free(pairs);
	return spent;
}

static double datagrams(long operations)
{
	struct pair pair = {.client = socket_in(client_ns, SOCK_DGRAM), .server = socket_in(server_ns, SOCK_DGRAM)};
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	double began;

	check(bind(pair.server, (struct sockaddr *)&server, sizeof(server)), "bind");
	check(connect(pair.client, (struct sockaddr *)&server, sizeof(server)), "connect");
	check(send(pair.client, "", 1, 0), "send");
	check(recvfrom(pair.server, buffer, 1, 0, (struct sockaddr *)&peer, &size), "recv");
	check(connect(pair.server, (struct sockaddr *)&peer, size), "connect");
	began = now();
	for (long i = 0; i < operations; i++)
		request(pair);
	return now() - began;
}

static double stream(long megabytes)
{
	struct pair pair = open_pair();
	double began = now();

	for (long i = 0; i < megabytes * (MEGABYTE / CHUNK); i++)
		transfer(pair.client, pair.server, CHUNK);
	return now() - began;
}

int main(int count, char **words)
{
	struct rlimit many = {4 * LIVE, 4 * LIVE};
	long operations;
	double spent;

	if (count != 7)
		return 2;
	client_ns = check(open(words[1], O_RDONLY), words[1]);
	server_ns = check(open(words[2], O_RDONLY), words[2]);
	inet_pton(AF_INET, words[3], &server.sin_addr);
	server.sin_port = htons(atoi(words[4]));
	operations = atol(words[6]);
	check(setrlimit(RLIMIT_NOFILE, &many), "setrlimit");
	listener = socket_in(server_ns, SOCK_STREAM);
	check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), "reuse");
	check(bind(listener, (struct sockaddr *)&server, sizeof(server)), "bind");
	check(listen(listener, 16), "listen");
	if (!strcmp(words[5], "connections"))
		spent = connections(operations);
	else if (!strcmp(words[5], "tcp"))
		spent = requests(operations, 1);
	else if (!strcmp(words[5], "tcp-5000"))
		spent = requests(operations, LIVE);
	else if (!strcmp(words[5], "udp"))
		spent = datagrams(operations);
	else
		spent = stream(operations);
	printf("%.1f\n", spent / operations);
	return 0;
}
