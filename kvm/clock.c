/*
 * kvm/clock.c - see clock.h.
 *
 * The clocks are read HOLD_US after the stop and not at once, so that a loop of steps makes no
 * ioctl for them. The timer is not taken back at a resume: it looks whether it is still wanted.
 */
#include "kvm/clock.h"

#define HOLD_US (20 * 1000)
/* Stops too short to be held add up; after so much of them KVM_KVMCLOCK_CTRL tells the guest. */
#define EXCUSE_US (500 * 1000)

struct KvmClock {
	KvmGdb *gdb;
	GdbAlarm *timer;
	bool stop; /* the user wants them held */
	bool armed;
	bool held; /* @saved is of this stop */
	int64_t stopped_at;
	int64_t unexcused; /* how long it was stopped since the last KVM_KVMCLOCK_CTRL */
	ArchClock saved;
};

static void arm_timer(KvmClock *clock)
{
	clock->armed = true;
	engine_set_alarm(clock->gdb, clock->timer, clock->stopped_at + HOLD_US);
}

static void on_timer(void *data)
{
	KvmClock *clock = data;
	KvmGdb *gdb = clock->gdb;

	engine_lock(gdb);
	clock->armed = false;
	if (gdb->world == WORLD_STOPPED && clock->stop && gdb->vcpus->len) {
		if (g_get_monotonic_time() - clock->stopped_at < HOLD_US)
			arm_timer(clock); /* another stop than the one it was set for */
		else
			clock->held = arch_clock_save(gdb->vm_fd, kvm_vcpu_at(gdb, 0)->arch,
						      &clock->saved);
	}
	engine_unlock(gdb);
}

KvmClock *kvm_clock_new(KvmGdb *gdb)
{
	KvmClock *clock = g_new0(KvmClock, 1);

	clock->gdb = gdb;
	clock->stop = true;
	clock->timer = gdb_alarm_new(gdb->context, "vmgdb guest clock", on_timer, clock);
	return clock;
}

void kvm_clock_free(KvmClock *clock)
{
	gdb_alarm_free(clock->timer);
	g_free(clock);
}

void kvm_clock_set_stop(KvmClock *clock, bool stop)
{
	clock->stop = stop;
}

void kvm_clock_stopped(KvmClock *clock)
{
	clock->stopped_at = g_get_monotonic_time();
	clock->held = false;
	if (!clock->armed && clock->stop && clock->gdb->vcpus->len)
		arm_timer(clock);
}

static void restore(KvmClock *clock)
{
	KvmGdb *gdb = clock->gdb;
	uint64_t held_ns = 0;

	clock->held = false;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, i);

		if (vcpu)
			arch_clock_restore(gdb->vm_fd, vcpu->arch, i == 0, &clock->saved, &held_ns);
	}
	__atomic_add_fetch(&gdb->held_ns, held_ns, __ATOMIC_SEQ_CST);
}

void kvm_clock_resuming(KvmClock *clock)
{
	KvmGdb *gdb = clock->gdb;

	clock->unexcused += g_get_monotonic_time() - clock->stopped_at;
	if (clock->held)
		restore(clock);
	if (clock->unexcused < EXCUSE_US)
		return;
	clock->unexcused = 0;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, i);

		if (vcpu)
			arch_clock_excuse(vcpu->arch);
	}
}
