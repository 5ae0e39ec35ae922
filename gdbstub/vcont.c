/*
 * gdbstub/vcont.c - the vCont packet: text to one action per CPU.
 */
#include "gdbstub/vcont.h"

#include <string.h>

/* HOLD is also an action that can be asked for, so "not named yet" needs its own mark. */
#define UNNAMED ((GdbActionKind)-1)

typedef struct VCont {
	unsigned n_cpus, current;
	GdbAction *actions;
	unsigned focus;
	bool has_focus;
} VCont;

static bool bad(GError **error, const char *what)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "vCont: %s; expected ACTION[:THREAD][;...] with the actions c C s S t r", what);
	return false;
}

static bool parse_range(GdbText *text, GdbAction *action, GError **error)
{
	if (!gdb_text_number(text, &action->start) || !gdb_text_char(text, ',') ||
	    !gdb_text_number(text, &action->end))
		return bad(error, "r without START,END");
	if (action->end < action->start)
		return bad(error, "the range ends before it starts");
	action->kind = action->start == action->end ? GDB_ACTION_STEP : GDB_ACTION_RANGE;
	return true;
}

/* The letter of an action and what follows it, up to the thread. */
static bool parse_action(GdbText *text, GdbAction *action, GError **error)
{
	static const struct {
		char letter;
		bool signal;
		GdbActionKind kind;
	} letters[] = {
		{'c', false, GDB_ACTION_CONTINUE}, {'C', true, GDB_ACTION_CONTINUE},
		{'s', false, GDB_ACTION_STEP},	   {'S', true, GDB_ACTION_STEP},
		{'t', false, GDB_ACTION_HOLD},
	};
	uint64_t signal;

	memset(action, 0, sizeof(*action));
	if (gdb_text_char(text, 'r'))
		return parse_range(text, action, error);
	for (unsigned n = 0; n < G_N_ELEMENTS(letters); n++) {
		if (!gdb_text_char(text, letters[n].letter))
			continue;
		if (letters[n].signal && !gdb_text_number(text, &signal))
			return bad(error, "C or S without a signal number");
		action->kind = letters[n].kind;
		return true;
	}
	return bad(error, "unknown action");
}

static void apply_to(VCont *vcont, unsigned cpu, const GdbAction *action)
{
	if (vcont->actions[cpu].kind == UNNAMED)
		vcont->actions[cpu] = *action;
}

static void apply_to_all(VCont *vcont, const GdbAction *action)
{
	for (unsigned cpu = 0; cpu < vcont->n_cpus; cpu++)
		apply_to(vcont, cpu, action);
}

static bool parse_one(VCont *vcont, GdbText text, GError **error)
{
	GdbThread thread = {GDB_THREAD_ANY, GDB_THREAD_ALL};
	GdbAction action;
	unsigned cpu;

	if (!parse_action(&text, &action, error))
		return false;
	if (gdb_text_char(&text, ':') && !gdb_text_thread(&text, &thread))
		return bad(error, "malformed thread");
	if (gdb_text_left(&text))
		return bad(error, "text after the action");
	if (!gdb_thread_to_cpu(&thread, vcont->n_cpus, vcont->current, &cpu, error))
		return false;
	if (thread.thread == GDB_THREAD_ALL) {
		apply_to_all(vcont, &action);
		return true;
	}
	apply_to(vcont, cpu, &action);
	if (!vcont->has_focus && action.kind != GDB_ACTION_HOLD) {
		vcont->has_focus = true;
		vcont->focus = cpu;
	}
	return true;
}

static bool parse(GdbText text, unsigned n_cpus, unsigned current, GdbActionKind unnamed,
		  GdbAction *actions, unsigned *ret_focus, GError **error)
{
	VCont vcont = {.n_cpus = n_cpus, .current = current, .actions = actions};

	vcont.focus = current;
	for (unsigned cpu = 0; cpu < n_cpus; cpu++)
		actions[cpu] = (GdbAction){.kind = UNNAMED};
	do {
		if (!parse_one(&vcont, gdb_text_until(&text, ';'), error))
			return false;
	} while (gdb_text_char(&text, ';'));
	for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
		if (actions[cpu].kind == UNNAMED)
			actions[cpu].kind = unnamed;
	}
	*ret_focus = vcont.focus;
	return true;
}

/* At least one must run, or no stop would ever answer. */
bool gdb_vcont_parse(GdbText text, unsigned n_cpus, unsigned current, GdbAction *actions,
		     unsigned *ret_focus, GError **error)
{
	bool runs = false;

	if (!parse(text, n_cpus, current, GDB_ACTION_HOLD, actions, ret_focus, error))
		return false;
	for (unsigned cpu = 0; cpu < n_cpus; cpu++)
		runs |= actions[cpu].kind != GDB_ACTION_HOLD;
	return runs || bad(error, "no thread would run");
}

bool gdb_vcont_parse_non_stop(GdbText text, unsigned n_cpus, unsigned current, GdbAction *actions,
			      unsigned *ret_focus, GError **error)
{
	return parse(text, n_cpus, current, GDB_ACTION_KEEP, actions, ret_focus, error);
}
