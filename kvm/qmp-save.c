/*
 * kvm/qmp-save.c - QMP's commands that write guest memory to a file.
 */
#include <inttypes.h>
#include <string.h>

#include "kvm/monitor.h"
#include "kvm/qmp.h"

/* One of them. */
typedef struct Save {
	Hold hold;
	MonitorSave *file;
} Save;

static void save_free(void *data)
{
	Save *save = data;

	monitor_save_free(save->hold.gdb, save->file);
	hold_end(&save->hold);
	g_free(save);
}

static QmpStep begin(QmpCall *call, KvmGdb *gdb, MonitorSave *file, GError *error)
{
	Save *save;

	if (!file)
		return qmp_call_fail(call, error);
	save = g_new0(Save, 1);
	save->hold.gdb = gdb;
	save->file = file;
	qmp_call_set_state(call, save, save_free);
	return QMP_AGAIN;
}

static QmpStep work(Save *save, QmpCall *call)
{
	g_autoptr(GString) text = g_string_new(NULL);
	GError *error = NULL;

	if (monitor_save_more(save->hold.gdb, save->file, text, &error))
		return QMP_AGAIN;
	return error ? qmp_call_fail(call, error) : QMP_DONE;
}

/* ---- memsave, pmemsave ---- */

static QmpStep save_memory(KvmGdb *gdb, QmpCall *call, bool physical)
{
	MonitorFile file = {.path = qmp_call_string(call, "filename")};
	uint64_t addr = 0, size = 0;
	unsigned cpu;
	Save *save = qmp_call_state(call);
	MonitorSave *made;
	GError *error = NULL;

	if (save)
		return work(save, call);
	qmp_call_integer(call, "val", &addr);
	qmp_call_integer(call, "size", &size);
	if (!qmp_take_cpu(gdb, call, &cpu, &error))
		return qmp_call_fail(call, error);
	made = monitor_save_memory_new(physical, gdb_place_cpu(cpu), addr, size, &file, &error);
	return begin(call, gdb, made, error);
}

/* Where a virtual address is only a CPU that stands can say. */
QmpStep qmp_memsave(void *target, QmpCall *call)
{
	GError *error = NULL;

	return operate_stands(target, "memsave", &error) ? save_memory(target, call, false)
							 : qmp_call_fail(call, error);
}

QmpStep qmp_pmemsave(void *target, QmpCall *call)
{
	return save_memory(target, call, true);
}

/* ---- dump-guest-memory ---- */

/* What we do not have must not be done in another way in silence. */
static bool check_options(const QmpCall *call, GError **error)
{
	const char *format = qmp_call_string(call, "format");
	const char *lacks = qmp_call_boolean(call, "paging")   ? "paging=true"
			    : qmp_call_boolean(call, "detach") ? "detach=true"
			    : format && strcmp(format, "elf")  ? "a format other than elf"
							       : NULL;

	if (!lacks)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED, "dump-guest-memory: there is no %s",
		    lacks);
	return false;
}

/* As QEMU: a part of memory is named by both or not at all. */
static bool take_part(const QmpCall *call, VmcoreRange *ret, GError **error)
{
	uint64_t size = 0;
	bool has_begin = qmp_call_integer(call, "begin", &ret->gpa);
	bool has_length = qmp_call_integer(call, "length", &size);

	ret->size = size;
	if (has_begin == has_length &&
	    (!has_begin || (size && size <= INT64_MAX && ret->gpa <= INT64_MAX)))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "dump-guest-memory: begin and length name a part of memory together, and it "
		    "has a byte at least");
	return false;
}

static bool take_file(QmpCall *call, MonitorFile *ret, GError **error)
{
	const char *protocol = qmp_call_string(call, "protocol");

	*ret = (MonitorFile){.fd = -1};
	if (g_str_has_prefix(protocol, "file:")) {
		ret->path = protocol + strlen("file:");
		return true;
	}
	if (g_str_has_prefix(protocol, "fd:")) {
		ret->fd = qmp_call_take_fd(call, protocol + strlen("fd:"), error);
		return ret->fd >= 0;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "Parameter 'protocol' expects file:PATH or fd:NAME");
	return false;
}

static bool touches_memory(KvmGdb *gdb, const VmcoreRange *part, GError **error)
{
	KvmSpan span;

	for (unsigned i = 0; kvm_memory_get_span(gdb->memory, i, &span); i++) {
		if (!part->size || (part->gpa <= span.gpa + (span.size - 1) &&
				    span.gpa <= part->gpa + (part->size - 1)))
			return true;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT, "there is no memory from 0x%" PRIx64 " on",
		    part->gpa);
	return false;
}

static QmpStep begin_dump(KvmGdb *gdb, QmpCall *call)
{
	VmcoreRange part = {0};
	MonitorFile file;
	MonitorSave *made = NULL;
	GError *error = NULL;

	if (check_options(call, &error) && take_part(call, &part, &error) &&
	    touches_memory(gdb, &part, &error) && take_file(call, &file, &error))
		made = monitor_save_core_new(gdb, 0, &file, &part, &error);
	return begin(call, gdb, made, error);
}

/*
 * As in QEMU the machine stands while the file is written, but not while its VMCOREINFO is looked
 * for. Under a client that lets it run it goes on: then the core has no registers.
 */
QmpStep qmp_dump(void *target, QmpCall *call)
{
	Save *save = qmp_call_state(call);
	g_autoptr(GError) refused = NULL;

	if (!save)
		return begin_dump(target, call);
	if (!monitor_save_scans(save->file) && hold_wait(&save->hold, &refused) == HOLD_WAIT)
		return QMP_LATER;
	return work(save, call);
}
