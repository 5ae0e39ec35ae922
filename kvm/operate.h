/*
 * kvm/operate.h - what somebody beside gdb does to the machine: stop it, let it go on, hold it for
 * a moment. This works only while gdb does not control the machine: what a client of the stub's has
 * stopped stays stopped.
 *
 * [engine's thread] Each function takes the engine's lock.
 */
#ifndef VMGDB_KVM_OPERATE_H
#define VMGDB_KVM_OPERATE_H

#include "kvm/kvm-gdb.h"

typedef enum OperateState {
	OPERATE_RUNS,
	OPERATE_STOPPING, /* not for long */
	OPERATE_STOPPED,
} OperateState;
OperateState operate_state(KvmGdb *gdb);

/* operate_stands: is it stopped, which @what needs? Else FALSE with @error. */
bool operate_stands(KvmGdb *gdb, const char *what, struct _GError **error);

/* operate_has_client: does a client of the stub's have the machine? */
bool operate_has_client(KvmGdb *gdb);

/*
 * operate_stop: begins to stop the machine. A client for which it runs gets its stop.
 * operate_stops: how often it has been stopped so far; by whomever.
 * operate_cont: it runs again, when nobody holds it any more. FALSE with @error: a client has it
 * stopped.
 */
void operate_stop(KvmGdb *gdb);
unsigned operate_stops(KvmGdb *gdb);
bool operate_cont(KvmGdb *gdb, struct _GError **error);

/*
 * operate_hold: begins to stop the machine, unless a client has it; and when that client goes, it
 * stands. It goes on after the last operate_release(), unless somebody has stopped it.
 */
void operate_hold(KvmGdb *gdb);
void operate_release(KvmGdb *gdb);

/* operate_powerdown: presses the power button. FALSE with @error: the VMM has none. */
bool operate_powerdown(KvmGdb *gdb, struct _GError **error);

/*
 * operate_quit: stops the machine, and when it stands the loop asks the VMM to end it, which then
 * may end the engine. FALSE with @error: it cannot. operate_forget_quit: it is not asked any more.
 */
bool operate_quit(KvmGdb *gdb, struct _GError **error);
/*
 * operate_kill: likewise, with a VMM that can and the engine's lock held; it is asked soon, whether
 * the machine stands or not.
 */
void operate_kill(KvmGdb *gdb);
void operate_forget_quit(KvmGdb *gdb);

#endif
