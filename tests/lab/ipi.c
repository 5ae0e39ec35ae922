/*
 * ipi - two processes of the debugged Linux, one on each CPU, that ask the other CPU for something
 * by an interrupt all the time and wait until it has answered, linked statically. Every 300 ms or
 * so it prints "guest: ipi N M": how often CPU 1 has asked CPU 0, which mostly sleeps, and CPU 0
 * CPU 1.
 *
 * The kernel reads a counter of another CPU by smp_call_function_single(), and waits for it with
 * the CPU that asks: one interrupt that gets lost, and that counter stands still.
 */
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_counter(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);
}

/* Asks @other until that fails, @pause_us between two times. */
static void ask(int cpu, int other, unsigned pause_us, uint64_t *count)
{
	cpu_set_t set;
	uint64_t value;
	int fd;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	fd = sched_setaffinity(0, sizeof(set), &set) ? -1 : open_counter(other);
	while (fd >= 0 && read(fd, &value, sizeof(value)) == sizeof(value)) {
		__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
		if (pause_us)
			usleep(pause_us);
	}
	perror("guest: ipi");
	_exit(1);
}

int main(void)
{
	uint64_t *counts =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (counts == MAP_FAILED)
		return 1;
	if (fork() == 0)
		ask(1, 0, 0, &counts[0]);
	if (fork() == 0)
		ask(0, 1, 3000, &counts[1]);
	while (waitpid(-1, NULL, WNOHANG) == 0) {
		printf("guest: ipi %llu %llu\n",
		       (unsigned long long)__atomic_load_n(&counts[0], __ATOMIC_SEQ_CST),
		       (unsigned long long)__atomic_load_n(&counts[1], __ATOMIC_SEQ_CST));
		fflush(stdout);
		usleep(300000);
	}
	return 1;
}
