/*
 * kvm/qmp.h - the machine for QMP's clients and the people's monitor: what the files of it share.
 *
 * [engine's thread] The commands run there. What needs a machine that stands says so where it runs,
 * or holds it for as long as it takes (kvm/operate.h).
 */
#ifndef VMGDB_KVM_QMP_H
#define VMGDB_KVM_QMP_H

#include "kvm/internal.h"
#include "kvm/operate.h"
#include "qmp/qmp.h"

/*
 * The machine, held for a command if that is needed and possible. hold_wait: READY: it stands.
 * WAIT: not yet; QMP_LATER. REFUSED with @error: it runs, and a client of the stub has it.
 */
typedef struct Hold {
	KvmGdb *gdb;
	bool held;
} Hold;
typedef enum HoldState { HOLD_READY, HOLD_WAIT, HOLD_REFUSED } HoldState;
HoldState hold_wait(Hold *hold, GError **error);
void hold_end(Hold *hold);

/* qmp_take_cpu: the argument cpu-index; 0 without. FALSE with @error: there is no such CPU. */
bool qmp_take_cpu(KvmGdb *gdb, QmpCall *call, unsigned *ret, GError **error);

/* qmp-save.c: memsave, pmemsave, dump-guest-memory; the target of all is the KvmGdb. */
QmpStep qmp_memsave(void *target, QmpCall *call);
QmpStep qmp_pmemsave(void *target, QmpCall *call);
QmpStep qmp_dump(void *target, QmpCall *call);
/* qmp-human.c */
QmpStep qmp_human(void *target, QmpCall *call);

#endif
