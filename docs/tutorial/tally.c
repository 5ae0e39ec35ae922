/*
 * tally.c - a module with a mistake, for docs/tutorial.md. Two kernel threads, one on each CPU,
 * count in tally.total. Each also counts for itself in tally.part, so that /proc/tally can show how
 * many counts were lost.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static struct {
	spinlock_t lock;
	long total;
	long part[2];
} tally = {.lock = __SPIN_LOCK_UNLOCKED(tally.lock)};

static struct task_struct *threads[2];

/* The caller holds tally.lock. */
static noinline void tally_add(int who)
{
	long old = READ_ONCE(tally.total);

	udelay(100); /* a calculation that takes its time */
	WRITE_ONCE(tally.total, old + 1);
	tally.part[who]++;
}

static int adder(void *unused)
{
	while (!kthread_should_stop()) {
		spin_lock(&tally.lock);
		tally_add(0);
		spin_unlock(&tally.lock);
		usleep_range(1000, 2000);
	}
	return 0;
}

static int ticker(void *unused)
{
	while (!kthread_should_stop()) {
		tally_add(1);
		usleep_range(1000, 2000);
	}
	return 0;
}

static int tally_show(struct seq_file *file, void *unused)
{
	long total, parts;

	spin_lock(&tally.lock);
	total = tally.total;
	parts = tally.part[0] + tally.part[1];
	spin_unlock(&tally.lock);
	seq_printf(file, "total %ld parts %ld\n", total, parts);
	return 0;
}

static int __init tally_init(void)
{
	threads[0] = kthread_create(adder, NULL, "adder");
	threads[1] = kthread_create(ticker, NULL, "ticker");
	if (IS_ERR(threads[0]) || IS_ERR(threads[1]) ||
	    !proc_create_single("tally", 0, NULL, tally_show))
		return -ENOMEM;
	for (int cpu = 0; cpu < 2; cpu++) {
		kthread_bind(threads[cpu], cpu);
		wake_up_process(threads[cpu]);
		msleep(20); /* adder begins first, also where this thread is on its CPU */
	}
	return 0;
}

module_init(tally_init);
MODULE_LICENSE("GPL");
