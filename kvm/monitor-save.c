/*
 * kvm/monitor-save.c - guest memory to a file: memsave, pmemsave, dump-guest-memory.
 *
 * Gigabytes take seconds, so a command only makes a MonitorSave, and the server's loop does a
 * piece of it at a time (GdbMonitorWorkOps). The files hold the guest's own bytes, never a
 * breakpoint of ours. Runs of zeros become holes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/vmcore.h"
#include "kvm/internal.h"
#include "kvm/monitor.h"
#include "kvm/operate.h"

#define CHUNK (1024 * 1024)
#define CHUNKS_PER_CALL 8
#define PROGRESS_US G_USEC_PER_SEC

typedef enum SaveKind { SAVE_VIRTUAL, SAVE_PHYSICAL, SAVE_CORE } SaveKind;

/* A core looks for VMCOREINFO before anything is written. */
typedef enum SavePhase { SAVE_MEMORY, SAVE_SCAN, SAVE_FRONT } SavePhase;

struct MonitorSave {
	SaveKind kind;
	char *path;
	int fd;
	GdbPlace place;
	GArray *ranges; /* of VmcoreRange; addresses of @kind */
	SavePhase phase;
	VmcoreRange only; /* a core: nothing but these addresses, unless it is empty */
	GByteArray *info; /* the note; or NULL */
	unsigned range;	  /* which one it is at, */
	uint64_t at;	  /* and how far in it */
	uint64_t done, total;
	uint64_t missing; /* of a core: bytes that cannot be read, left as zeros */
	int64_t shown;	  /* when progress was last shown */
	uint8_t *buf;	  /* CHUNK bytes */
};

void monitor_save_free(void *target G_GNUC_UNUSED, void *work)
{
	MonitorSave *save = work;

	if (!save)
		return;
	if (save->fd >= 0)
		close(save->fd);
	g_array_unref(save->ranges);
	g_clear_pointer(&save->info, g_byte_array_unref);
	g_free(save->path);
	g_free(save->buf);
	g_free(save);
}

void *monitor_save_take(void *target)
{
	KvmGdb *gdb = target;

	return g_steal_pointer(&gdb->save);
}

/* What a command has set up is for the one who ran it to take. */
static void put(KvmGdb *gdb, MonitorSave *save)
{
	monitor_save_free(gdb, gdb->save);
	gdb->save = save;
}

static bool fail_io(const MonitorSave *save, const char *what, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "%s %s: %s", what, save->path,
		    g_strerror(errno));
	return false;
}

/* O_NONBLOCK: a FIFO of that name must not hold us up. */
static bool open_file(MonitorSave *save, const MonitorFile *file, GError **error)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat status;

	if (file->is_new)
		flags |= O_EXCL;
	save->fd = file->path ? open(file->path, flags, 0600) : file->fd;
	if (save->fd < 0 || fstat(save->fd, &status) < 0)
		return fail_io(save, "cannot create", error);
	if (!S_ISREG(status.st_mode)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "%s: not a file", save->path);
		return false;
	}
	/* Every piece would land at its end. */
	if (fcntl(save->fd, F_GETFL) & O_APPEND) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "%s: opened for appending (O_APPEND)", save->path);
		return false;
	}
	return ftruncate(save->fd, 0) == 0 || fail_io(save, "cannot empty", error);
}

static MonitorSave *save_new(SaveKind kind, const MonitorFile *file, GError **error)
{
	MonitorSave *save = g_new0(MonitorSave, 1);

	save->kind = kind;
	save->path = g_strdup(file->path ? file->path : "the descriptor");
	save->ranges = g_array_new(FALSE, TRUE, sizeof(VmcoreRange));
	save->buf = g_malloc(CHUNK);
	save->shown = g_get_monotonic_time();
	if (open_file(save, file, error))
		return save;
	monitor_save_free(NULL, save);
	return NULL;
}

static void add_range(MonitorSave *save, uint64_t addr, uint64_t size, uint64_t offset)
{
	VmcoreRange range = {addr, size, offset};

	g_array_append_val(save->ranges, range);
	save->total += size;
}

/* ---- A piece of it ---- */

static bool write_all(MonitorSave *save, const void *data, size_t len, uint64_t offset,
		      GError **error)
{
	for (size_t done = 0; done < len;) {
		ssize_t n =
			pwrite(save->fd, (const uint8_t *)data + done, len - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_io(save, "cannot write to", error);
		done += n;
	}
	return true;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return len && !data[0] && memcmp(data, data + 1, len - 1) == 0;
}

static size_t read_piece(KvmGdb *gdb, const MonitorSave *save, uint64_t addr, size_t len,
			 GError **error)
{
	if (save->kind == SAVE_VIRTUAL)
		return kvm_target_ops.memory->read(gdb, save->place, addr, save->buf, len, error);
	return kvm_target_ops.physical->read(gdb, addr, save->buf, len, error);
}

/*
 * A slot may lie in memory that cannot be read, or on a device. A core has zeros for that page and
 * all that is behind it; a command for one stretch of memory fails.
 */
static size_t pass_unreadable(MonitorSave *save, size_t len, GError **error)
{
	uint64_t page = MIN(len, VMCORE_PAGE - save->at % VMCORE_PAGE);

	if (save->kind != SAVE_CORE)
		return 0;
	g_clear_error(error);
	memset(save->buf, 0, page);
	save->missing += page;
	return page;
}

/* The next piece of the file. FALSE with @error, or without at the end. */
static bool save_piece(KvmGdb *gdb, MonitorSave *save, GError **error)
{
	const VmcoreRange *range;
	size_t len, got;

	if (save->range == save->ranges->len) {
		/* Zeros at the end were not written. */
		if (save->kind != SAVE_CORE && ftruncate(save->fd, save->done) < 0)
			fail_io(save, "cannot write to", error);
		return false;
	}
	range = &g_array_index(save->ranges, VmcoreRange, save->range);
	len = MIN(CHUNK, range->size - save->at);
	got = read_piece(gdb, save, range->gpa + save->at, len, error);
	if (!got)
		got = pass_unreadable(save, len, error);
	if (!got)
		return false;
	if (!is_zero(save->buf, got) &&
	    !write_all(save, save->buf, got, range->offset + save->at, error))
		return false;
	save->at += got;
	save->done += got;
	if (save->at == range->size) {
		save->range++;
		save->at = 0;
	}
	return true;
}

/* ---- dump-guest-memory ---- */

static bool take_info(KvmGdb *gdb, MonitorSave *save, uint64_t gpa)
{
	uint8_t note[2 * VMCORE_PAGE];
	size_t got = kvm_target_ops.physical->read(gdb, gpa, note, sizeof(note), NULL);
	size_t size = vmcore_info_size(note, got);

	if (!size || size > got)
		return false;
	save->info = g_byte_array_append(g_byte_array_new(), note, size);
	return true;
}

/* Looks at one piece of memory for the note. FALSE: found, or all has been looked at. */
static bool scan_piece(KvmGdb *gdb, MonitorSave *save)
{
	const VmcoreRange *range = &g_array_index(save->ranges, VmcoreRange, save->range);
	size_t len = MIN(CHUNK, range->size - save->at);
	size_t got = read_piece(gdb, save, range->gpa + save->at, len, NULL);

	for (size_t from = 0; from < got;) {
		int64_t at = vmcore_find_info(save->buf + from, got - from);

		if (at < 0)
			break;
		if (take_info(gdb, save, range->gpa + save->at + from + at))
			return false;
		from += at + VMCORE_PAGE;
	}
	/* Behind what cannot be read it goes on with the next page. */
	save->at += got ? got : MIN(len, VMCORE_PAGE);
	if (save->at < range->size)
		return true;
	save->at = 0;
	return ++save->range < save->ranges->len;
}

/* The registers of a CPU that runs are not known. */
static bool add_cpu_notes(KvmGdb *gdb, GByteArray *notes, GString *out, GError **error)
{
	unsigned n = kvm_target_ops.cpus->count(gdb);

	if (operate_state(gdb) != OPERATE_STOPPED) {
		g_string_append(out, "the machine runs: the core has no registers\n");
		return true;
	}
	for (unsigned cpu = 0; cpu < n; cpu++) {
		ArchMonitor monitor;
		bool ok;

		if (!kvm_target_ops.cpus->present(gdb, cpu))
			continue;
		if (!monitor_enter(gdb, cpu, &monitor, error))
			return false;
		ok = arch_core_notes(monitor.vcpu, cpu, notes, error);
		monitor_leave(gdb);
		if (!ok)
			return false;
	}
	return true;
}

#define IMAGE_ROOM (128ull << 20) /* what a kernel has for its image, or more */
#define IMAGE_MAX 64		  /* stretches of it */

static void add_image(GArray *images, uint64_t addr, uint64_t gpa, uint64_t size)
{
	VmcoreImage *last =
		images->len ? &g_array_index(images, VmcoreImage, images->len - 1) : NULL;
	VmcoreImage image = {addr, gpa, size};

	if (last && addr == last->addr + last->size && gpa == last->gpa + last->size)
		last->size += size;
	else if (images->len < IMAGE_MAX)
		g_array_append_val(images, image);
}

/*
 * Where the guest's kernel has mapped itself. drgn reads its page tables at their virtual address,
 * which is in there, and gdb finds the kernel's variables. As the CPU sees it that the user chose.
 */
static GArray *find_images(KvmGdb *gdb, const MonitorSave *save)
{
	GArray *images = g_array_new(FALSE, FALSE, sizeof(VmcoreImage));
	uint64_t start, addr;
	ArchMonitor monitor;

	if (!save->info || !vmcore_info_symbol(save->info, "_stext", &start) ||
	    start > UINT64_MAX - IMAGE_ROOM || !monitor_enter(gdb, save->place.cpu, &monitor, NULL))
		return images;
	start -= start % VMCORE_PAGE;
	for (addr = start; addr < start + IMAGE_ROOM;) {
		uint64_t part = VMCORE_PAGE;
		ArchMapping mapping;

		if (translate(kvm_vcpu_at(gdb, save->place.cpu), addr, &mapping, NULL)) {
			part = MIN(mapping.left, start + IMAGE_ROOM - addr);
			add_image(images, addr, mapping.gpa, part);
		}
		addr += part;
	}
	monitor_leave(gdb);
	return images;
}

/* The note may lie anywhere, so all of memory was looked at before. */
static void keep_only(MonitorSave *save)
{
	g_autoptr(GArray) all = g_steal_pointer(&save->ranges);
	const VmcoreRange *only = &save->only;

	save->ranges = g_array_new(FALSE, TRUE, sizeof(VmcoreRange));
	save->total = 0;
	for (unsigned i = 0; i < all->len; i++) {
		const VmcoreRange *range = &g_array_index(all, VmcoreRange, i);
		uint64_t first = only->size ? MAX(range->gpa, only->gpa) : range->gpa;
		uint64_t last = range->gpa + (range->size - 1);

		if (only->size)
			last = MIN(last, only->gpa + (only->size - 1));
		if (first <= last)
			add_range(save, first, last - first + 1, 0);
	}
}

static bool write_front(KvmGdb *gdb, MonitorSave *save, GString *out, GError **error)
{
	g_autoptr(GByteArray) notes = g_byte_array_new();
	g_autoptr(GByteArray) front = NULL;
	g_autoptr(GArray) images = NULL;
	VmcoreRange *last;

	keep_only(save);
	if (!add_cpu_notes(gdb, notes, out, error))
		return false;
	if (save->info)
		g_byte_array_append(notes, save->info->data, save->info->len);
	g_string_append(out, save->info ? "VMCOREINFO found\n"
					: "no VMCOREINFO in the guest's memory: crash and drgn "
					  "need it for a kernel with KASLR\n");
	images = find_images(gdb, save);
	front = vmcore_front(arch_info.elf_machine, save->ranges, images, notes);
	last = &g_array_index(save->ranges, VmcoreRange, save->ranges->len - 1);
	if (ftruncate(save->fd, last->offset + last->size) < 0)
		return fail_io(save, "cannot write to", error);
	return write_all(save, front->data, front->len, 0, error);
}

/* TRUE: there is more to do. */
static bool dump_piece(KvmGdb *gdb, MonitorSave *save, GString *out, GError **error)
{
	switch (save->phase) {
	case SAVE_SCAN:
		if (!scan_piece(gdb, save))
			save->phase = SAVE_FRONT;
		return true;
	case SAVE_FRONT:
		save->phase = SAVE_MEMORY;
		save->range = 0;
		save->at = 0;
		return write_front(gdb, save, out, error);
	case SAVE_MEMORY:
		break;
	}
	return save_piece(gdb, save, error);
}

/* ---- All of them ---- */

static void show_progress(MonitorSave *save, GString *out)
{
	int64_t now = g_get_monotonic_time();

	if (now - save->shown < PROGRESS_US)
		return;
	save->shown = now;
	if (save->phase == SAVE_SCAN)
		g_string_append(out, "looking for VMCOREINFO\n");
	else
		g_string_append_printf(out, "%" PRIu64 " of %" PRIu64 " MiB\n", save->done >> 20,
				       save->total >> 20);
}

bool monitor_save_more(void *target, void *work, GString *out, GError **error)
{
	KvmGdb *gdb = target;
	MonitorSave *save = work;
	GError *failed = NULL;

	for (unsigned i = 0; i < CHUNKS_PER_CALL; i++) {
		bool scans = save->phase == SAVE_SCAN;

		/* Between the two the caller may stop the machine. */
		if (dump_piece(gdb, save, out, &failed)) {
			if (scans && save->phase != SAVE_SCAN)
				break;
			continue;
		}
		if (failed)
			g_propagate_error(error, failed);
		else if (save->missing)
			g_string_append_printf(out,
					       "%" PRIu64 " KiB of guest memory cannot be read in "
					       "this process and are zeros in %s\n",
					       (save->missing + 1023) >> 10, save->path);
		return false;
	}
	show_progress(save, out);
	return true;
}

static bool is_range(uint64_t addr, uint64_t size, GError **error)
{
	if (size && size - 1 <= UINT64_MAX - addr && size <= INT64_MAX)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "the size must be at least 1 and end before the last address");
	return false;
}

MonitorSave *monitor_save_memory_new(bool physical, GdbPlace place, uint64_t addr, uint64_t size,
				     const MonitorFile *file, GError **error)
{
	MonitorSave *save;

	if (!is_range(addr, size, error))
		return NULL;
	save = save_new(physical ? SAVE_PHYSICAL : SAVE_VIRTUAL, file, error);
	if (!save)
		return NULL;
	save->place = place;
	add_range(save, addr, size, 0);
	return save;
}

static bool save_memory(KvmGdb *gdb, bool physical, GdbPlace place, const char *args,
			GError **error)
{
	uint64_t addr, size;
	MonitorSave *save;
	g_autofree char *path = NULL;

	if (!monitor_take_number(gdb, place, &args, "an address", &addr, error) ||
	    !monitor_take_number(gdb, place, &args, "a size", &size, error) ||
	    !is_range(addr, size, error))
		return false;
	path = monitor_take_word(&args);
	if (!path) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "expected a file name");
		return false;
	}
	save = monitor_save_memory_new(physical, place, addr, size, &(MonitorFile){.path = path},
				       error);
	if (save)
		put(gdb, save);
	return save != NULL;
}

static bool memsave(void *target, GdbPlace place, const char *args, GString *out G_GNUC_UNUSED,
		    GError **error)
{
	return save_memory(target, false, place, args, error);
}

static bool pmemsave(void *target, GdbPlace place, const char *args, GString *out G_GNUC_UNUSED,
		     GError **error)
{
	return save_memory(target, true, place, args, error);
}

MonitorSave *monitor_save_core_new(KvmGdb *gdb, unsigned cpu, const MonitorFile *file,
				   const VmcoreRange *only, GError **error)
{
	MonitorSave *save = save_new(SAVE_CORE, file, error);
	KvmSpan span;

	if (!save)
		return NULL;
	save->place = gdb_place_cpu(cpu);
	if (only)
		save->only = *only;
	for (unsigned i = 0; kvm_memory_get_span(gdb->memory, i, &span); i++)
		add_range(save, span.gpa, span.size, 0);
	save->phase = save->ranges->len ? SAVE_SCAN : SAVE_MEMORY;
	return save;
}

bool monitor_save_scans(const MonitorSave *save)
{
	return save->phase == SAVE_SCAN;
}

static bool dump_guest_memory(void *target, GdbPlace place, const char *args,
			      GString *out G_GNUC_UNUSED, GError **error)
{
	g_autofree char *path = monitor_take_word(&args);
	MonitorSave *save;

	if (!path || *path == '-') {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "expected a file name and no options: ELF is the only format");
		return false;
	}
	if (!monitor_take_end(args, error))
		return false;
	save = monitor_save_core_new(target, place.cpu, &(MonitorFile){.path = path}, NULL, error);
	if (save)
		put(target, save);
	return save != NULL;
}

const GdbMonitorCommand monitor_save_commands[] = {
	{"memsave", "ADDR SIZE FILE", "save virtual memory to a file", memsave,
	 GDB_MONITOR_STOPPED},
	{"pmemsave", "ADDR SIZE FILE", "save guest-physical memory to a file", pmemsave,
	 GDB_MONITOR_ALWAYS},
	{"dump-guest-memory", "FILE", "save the machine as an ELF core for crash, drgn and gdb",
	 dump_guest_memory, GDB_MONITOR_PAUSED},
	{0},
};
