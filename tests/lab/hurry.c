/*
 * hurry.c - a library in front of libc, for bochs: its terminal display sleeps a while in select()
 * whenever the guest has nothing to do. The guest's clock counts what bochs does, so it nearly
 * stands still then: a sleep of 0.3 s takes a guest 20 s. Here nobody types, so there is nothing to
 * wait for.
 */
#include <sys/select.h>

int select(int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict other,
	   struct timeval *restrict timeout)
{
	const struct timespec time = {timeout ? timeout->tv_sec : 0,
				      timeout ? timeout->tv_usec * 1000 : 0};

	if (n == 1 && timeout && !timeout->tv_sec)
		return 0;
	return pselect(n, in, out, other, timeout ? &time : 0, 0);
}
