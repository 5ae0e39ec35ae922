/*
 * plugin/child.c - sockets by their address.
 */
#include "plugin/child.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "plugin/real.h"

typedef union Name {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
} Name;

static bool is_all_hosts(const char *address)
{
	return !strncmp(address, "0.0.0.0:", 8) || !strncmp(address, "[::]:", 5);
}

/* "HOST:PORT" or "[HOST]:PORT"; of a server on all hosts a connection has one of them. */
static bool is_named_tcp(const Name *name, const char *address)
{
	const char *port = strrchr(address, ':');
	char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
	bool v6 = name->any.sa_family == AF_INET6;
	unsigned number = ntohs(v6 ? name->in6.sin6_port : name->in.sin_port);

	if (!port || number != strtoul(port + 1, NULL, 10))
		return false;
	if (is_all_hosts(address))
		return true;
	inet_ntop(name->any.sa_family, v6 ? (void *)&name->in6.sin6_addr : &name->in.sin_addr, host,
		  sizeof(host));
	snprintf(text, sizeof(text), v6 ? "[%s]:%u" : "%s:%u", host, number);
	return !strcmp(text, address);
}

static bool is_servers(int fd, const char *address)
{
	Name name = {0};
	socklen_t len = sizeof(name) - 1, type_len = sizeof(int);
	int type = 0;

	if (getsockname(fd, &name.any, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 || type != SOCK_STREAM)
		return false;
	switch (name.any.sa_family) {
	case AF_INET:
	case AF_INET6:
		return is_named_tcp(&name, address);
	case AF_UNIX:
		return len > sizeof(sa_family_t) && !strcmp(name.un.sun_path, address);
	default:
		return false;
	}
}

void child_close_sockets(const char *address)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(dir) && is_servers(fd, address))
			real()->close(fd);
	}
	if (dir)
		closedir(dir);
}
