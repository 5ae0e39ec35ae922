/*
 * gdbstub/vcont.h - the vCont packet: text to one action per CPU. Pure.
 */
#ifndef VMGDB_GDBSTUB_VCONT_H
#define VMGDB_GDBSTUB_VCONT_H

#include "gdbstub/target.h"
#include "gdbstub/text.h"

/* What vCont? answers: the actions that gdb_vcont_parse() knows. */
#define GDB_VCONT_ACTIONS "vCont;c;C;s;S;t;r"

/*
 * gdb_vcont_parse: read what follows "vCont;" (gdb manual, "Packets", vCont): actions separated by
 * semicolons, each with an optional :THREAD.
 *   c, Csig  continue      s, Ssig  step      t  stay stopped
 *   rSTART,END  step while pc is in [START, END); START = END is one step
 * Signals are not delivered: a machine has none.
 * For each CPU the leftmost action that names it (or all threads, or no thread) counts; a CPU that
 * none names stays stopped. Thread 0 means @current.
 * @actions: room for @n_cpus.
 * @ret_focus: the CPU of the first action that names one, else @current: the one the user looks at.
 * @error: INVAL for bad text, an unknown action, END below START, or when nothing would run;
 *   NOENT for a thread or process that does not exist. @actions has then no meaning.
 */
bool gdb_vcont_parse(GdbText text, unsigned n_cpus, unsigned current, GdbAction *actions,
		     unsigned *ret_focus, GError **error);

/*
 * gdb_vcont_parse_non_stop: the same in non-stop mode: a CPU that none names gets GDB_ACTION_KEEP,
 * t stops one that runs, and none need run.
 */
bool gdb_vcont_parse_non_stop(GdbText text, unsigned n_cpus, unsigned current, GdbAction *actions,
			      unsigned *ret_focus, GError **error);

#endif
