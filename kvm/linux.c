/*
 * kvm/linux.c - where in the guest to look for a Linux kernel.
 */
#include "kvm/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "guest/vmlinux.h"
#include "kvm/kaslr.h"
#include "kvm/linux-modules.h"

/* An image has its code before the entries of the kernel, and its data behind them. */
#define BEFORE (64ull << 20)
#define BEHIND (128ull << 20)
#define REGIONS_MAX 5000u

/*
 * @now: around the CPU's anchor that is looked at; NULL: none is yet, or it is over. @moved: now is
 * where the image that was known should be.
 */
typedef struct Search {
	LinuxSearch *now;
	bool moved;
	unsigned next_cpu; /* whose anchor comes next */
	GArray *anchors;   /* of uint64_t: those that were looked at */
	uint64_t left;	   /* that may still be looked through */
	GError *failure; /* why it is over without a kernel, or what the last one lacked; or NULL */
} Search;

struct KvmLinux {
	Search search;
	LinuxKernel *kernel; /* or NULL */
	unsigned cpu;	     /* through whose page tables it was found */
	LinuxTasks *tasks;   /* its, or NULL */
	char *name;	     /* of the file for gdb */
	LinuxMaker *maker;   /* makes that; or NULL */
	int program;	     /* that file, or -1 */
	GString *notes;	     /* what is not in it */
};

static struct KvmLinux *state(KvmGdb *gdb)
{
	if (!gdb->guest_linux) {
		gdb->guest_linux = g_new0(struct KvmLinux, 1);
		gdb->guest_linux->program = -1;
		gdb->guest_linux->search.anchors = g_array_new(FALSE, FALSE, sizeof(uint64_t));
		gdb->guest_linux->search.left = LINUX_LOOK_MAX;
		gdb->guest_linux->notes = g_string_new(NULL);
	}
	return gdb->guest_linux;
}

/*
 * Where everything of a kernel was. The same one is found by that after a reset, wherever it is
 * then: also when it has not yet taken from the pages of its image what it need not do with them,
 * by which an unknown one is found, and with no more work than reading its banner.
 */
struct KvmLinuxImage {
	char *banner;
	uint64_t banner_addr, anchor; /* the latter: what the first of arch_info.anchors would be */
	GArray *ranges;		      /* of LinuxRange */
	uint64_t begun;		      /* the anchor that was told since a reset; 0: none */
};

static void image_free(struct KvmLinuxImage *image)
{
	if (!image)
		return;
	g_free(image->banner);
	g_array_unref(image->ranges);
	g_free(image);
}

/* NULL: nobody could say how far it is moved the next time. */
static struct KvmLinuxImage *image_new(const LinuxKernel *kernel)
{
	const ArchAnchor *anchor = arch_info.anchors;
	struct KvmLinuxImage *image;
	uint64_t addr;

	if (!linux_symbols_find(kernel->symbols, anchor->symbol, &addr))
		return NULL;
	image = g_new0(struct KvmLinuxImage, 1);
	image->banner = g_strdup(kernel->banner);
	image->banner_addr = kernel->banner_addr;
	image->anchor = addr + anchor->offset;
	image->ranges = g_array_new(FALSE, FALSE, sizeof(LinuxRange));
	g_array_append_vals(image->ranges, kernel->ranges, kernel->n_ranges);
	return image;
}

void linux_forget(KvmGdb *gdb)
{
	struct KvmLinux *found = g_steal_pointer(&gdb->guest_linux);

	modules_forget(gdb);
	gdb->comm_offset = 0;
	if (!found)
		return;
	linux_search_free(found->search.now);
	g_clear_error(&found->search.failure);
	g_array_unref(found->search.anchors);
	linux_maker_free(found->maker);
	linux_tasks_free(found->tasks);
	g_clear_pointer(&found->kernel, linux_kernel_free);
	if (found->program >= 0)
		close(found->program);
	g_string_free(found->notes, TRUE);
	g_free(found->name);
	g_free(found);
}

void linux_let_run(KvmGdb *gdb)
{
	struct KvmLinux *found = gdb->guest_linux;

	modules_let_run(gdb);
	if (!found)
		return;
	if (!found->kernel) {
		linux_forget(gdb);
	} else if (found->maker) {
		g_clear_pointer(&found->maker, linux_maker_free);
		g_string_truncate(found->notes, 0);
	}
}

void linux_reset(KvmGdb *gdb)
{
	linux_forget(gdb);
	g_clear_pointer(&gdb->last_kernel, g_free);
	gdb->awaits_kernel = gdb->expects_kernel;
	if (gdb->image)
		gdb->image->begun = 0;
}

void linux_free(KvmGdb *gdb)
{
	linux_reset(gdb);
	g_clear_pointer(&gdb->image, image_free);
}

void linux_expect_none(KvmGdb *gdb)
{
	gdb->expects_kernel = gdb->awaits_kernel = false;
}

bool linux_has_file(const KvmGdb *gdb)
{
	return gdb->guest_linux && gdb->guest_linux->program >= 0;
}

static KvmGdbVcpu *reader(KvmGdb *gdb)
{
	KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, state(gdb)->cpu);

	return vcpu ? vcpu : kvm_vcpu_at(gdb, 0);
}

static size_t read_kernel(void *gdb, uint64_t addr, void *buf, size_t len)
{
	KvmGdbVcpu *vcpu = reader(gdb);

	return vcpu ? virtual_read_ram(vcpu, addr, buf, len) : 0;
}

static size_t look_kernel(void *gdb, uint64_t addr, void *buf, size_t len)
{
	KvmGdbVcpu *vcpu = reader(gdb);

	return vcpu ? virtual_look_ram(vcpu, addr, buf, len) : 0;
}

static LinuxMemory memory_of(KvmGdb *gdb)
{
	return (LinuxMemory){.read = read_kernel, .opaque = gdb, .look = look_kernel};
}

/* ---- Where its image is ---- */

static void add_range(GArray *ranges, const GdbRegion *region)
{
	LinuxRange range = {region->start, region->last + 1, region->write, false};
	LinuxRange *last = ranges->len ? &g_array_index(ranges, LinuxRange, ranges->len - 1) : NULL;

	if (last && last->end == range.start && last->writable == range.writable)
		last->end = range.end;
	else
		g_array_append_val(ranges, range);
}

/* What is mapped around @anchor and is not only code: an x86 kernel that boots may execute all of
 * it. */
static GArray *image_ranges(KvmGdbVcpu *vcpu, uint64_t anchor)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(LinuxRange));
	uint64_t at = (anchor - BEFORE) & ~(uint64_t)0xfff, last = MAX(at, anchor + BEHIND);
	const Space space = space_of(vcpu);
	GdbRegion region;

	for (unsigned n = 0; n < REGIONS_MAX && at <= last; n++) {
		if (!translate_region(&space, at, &region, NULL) || region.last < at)
			break;
		region.start = at;
		region.last = MIN(region.last, last);
		if (region.mapped && (!region.execute || region.write))
			add_range(ranges, &region);
		if (region.last == UINT64_MAX)
			break;
		at = region.last + 1;
	}
	return ranges;
}

/* ---- The kernel ---- */

/* An address in its image; FALSE when the CPU has none to tell. */
static bool find_anchor(KvmGdbVcpu *vcpu, uint64_t *ret)
{
	ArchRoot root;

	return kaslr_read_register(vcpu, arch_info.anchors->reg, ret) && *ret &&
	       arch_get_root(vcpu->arch, &root, NULL) && arch_is_kernel_address(&root, *ret);
}

/* The image that was known, where it is if its anchor is at @anchor now; NULL: it is not there. */
static GArray *moved_ranges(KvmGdb *gdb, uint64_t anchor)
{
	const struct KvmLinuxImage *image = gdb->image;
	const LinuxMemory memory = memory_of(gdb);
	uint64_t slide = image ? anchor - image->anchor : 0;
	size_t len = image ? strlen(image->banner) : 0;
	g_autofree char *banner = g_malloc0(len + 1);
	GArray *ranges;

	if (!image || !linux_read(&memory, image->banner_addr + slide, banner, len) ||
	    memcmp(banner, image->banner, len))
		return NULL;
	ranges = g_array_copy(image->ranges);
	for (unsigned i = 0; i < ranges->len; i++) {
		LinuxRange *range = &g_array_index(ranges, LinuxRange, i);

		range->start += slide;
		range->end += slide;
	}
	return ranges;
}

bool linux_begins(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;
	g_autoptr(GArray) ranges = NULL;
	uint64_t anchor;

	if (!gdb->image || !find_anchor(vcpu, &anchor) || anchor == gdb->image->begun)
		return false;
	state(gdb)->cpu = vcpu->index;
	ranges = moved_ranges(gdb, anchor);
	if (ranges)
		gdb->image->begun = anchor;
	return ranges;
}

static bool can_look(KvmGdb *gdb, GError **error)
{
	if (gdb->world != WORLD_STOPPED) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "the machine is running");
		return false;
	}
	if (!kaslr_is_native(gdb)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT,
			    "kernels of 32-bit machines are not looked into");
		return false;
	}
	return true;
}

/* One that was out of sight for a moment is still the same. */
static void note_kernel(KvmGdb *gdb, const LinuxKernel *kernel)
{
	g_autofree char *now =
		g_strdup_printf("%" PRIx64 " %s", kernel->banner_addr, kernel->banner);

	gdb->awaits_kernel = false;
	if (g_strcmp0(now, gdb->last_kernel) == 0)
		return;
	g_free(gdb->last_kernel);
	gdb->last_kernel = g_steal_pointer(&now);
	gdb->generation++;
	image_free(gdb->image);
	gdb->image = image_new(kernel);
}

/* ---- The search ---- */

static bool was_looked_at(const Search *search, uint64_t anchor)
{
	for (unsigned i = 0; i < search->anchors->len; i++) {
		if (g_array_index(search->anchors, uint64_t, i) == anchor)
			return true;
	}
	return false;
}

/* The next CPU, in *@at, that has an anchor which was not looked at. NULL: there is none. */
static KvmGdbVcpu *next_anchor(KvmGdb *gdb, unsigned *at, uint64_t *ret)
{
	for (; *at < gdb->vcpus->len; ++*at) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, *at);

		if (vcpu && find_anchor(vcpu, ret) && !was_looked_at(&state(gdb)->search, *ret))
			return vcpu;
	}
	return NULL;
}

/* @ranges: handed over. */
static void look_around(KvmGdb *gdb, uint64_t anchor, GArray *ranges)
{
	Search *search = &state(gdb)->search;
	const LinuxMemory memory = memory_of(gdb);

	search->now = linux_search_new(&memory, arch_info.elf_machine,
				       (const LinuxRange *)(const void *)ranges->data, ranges->len,
				       anchor, &search->left);
	g_array_unref(ranges);
}

/* FALSE: no other CPU has an anchor. */
static bool begin_next(KvmGdb *gdb)
{
	struct KvmLinux *found = state(gdb);
	uint64_t anchor;
	KvmGdbVcpu *vcpu = next_anchor(gdb, &found->search.next_cpu, &anchor);
	GArray *ranges;

	if (!vcpu)
		return false;
	found->cpu = vcpu->index;
	g_array_append_val(found->search.anchors, anchor);
	ranges = moved_ranges(gdb, anchor);
	found->search.moved = ranges;
	look_around(gdb, anchor, ranges ? ranges : image_ranges(vcpu, anchor));
	return true;
}

static void found_kernel(KvmGdb *gdb, LinuxKernel *kernel)
{
	struct KvmLinux *found = state(gdb);

	found->kernel = kernel;
	note_kernel(gdb, kernel);
	found->name = g_strdup_printf("/vmgdb/vmlinux-%s", kernel->release);
}

/* TRUE: a kernel is found. */
static bool end_now(KvmGdb *gdb)
{
	Search *search = &state(gdb)->search;
	const GArray *anchors = search->anchors;
	KvmGdbVcpu *vcpu = reader(gdb);
	LinuxKernel *kernel;

	g_clear_error(&search->failure);
	kernel = linux_search_end(g_steal_pointer(&search->now), &search->failure);
	if (kernel) {
		found_kernel(gdb, kernel);
		return true;
	}
	if (search->moved && vcpu) {
		uint64_t anchor = g_array_index(anchors, uint64_t, anchors->len - 1);

		search->moved = false;
		look_around(gdb, anchor, image_ranges(vcpu, anchor));
	}
	return false;
}

static void end_without(Search *search)
{
	GError *failure = g_error_new(GDB_ERROR, GDB_ERROR_NOENT, "no Linux kernel is found: %s",
				      search->failure ? search->failure->message
						      : "it has not come far enough yet");

	g_clear_error(&search->failure);
	search->failure = failure;
}

/* Nothing that was looked at has changed since it was over without a kernel. */
static bool is_absent(KvmGdb *gdb)
{
	const Search *search = &state(gdb)->search;
	unsigned at = 0;
	uint64_t anchor;

	return !search->now && search->failure && search->failure->domain == GDB_ERROR &&
	       !next_anchor(gdb, &at, &anchor);
}

static bool do_piece(KvmGdb *gdb)
{
	struct KvmLinux *found = gdb->guest_linux;

	if (linux_known(gdb) || is_absent(gdb))
		return true;
	if (found && (found->kernel ||
		      (found->search.failure && found->search.failure->domain == GDB_ERROR)))
		linux_forget(gdb);
	found = state(gdb);
	if (found->search.now)
		return linux_search_step(found->search.now) && end_now(gdb);
	if (begin_next(gdb))
		return false;
	end_without(&found->search);
	return true;
}

/* Does a piece of it. TRUE: it is over. */
static bool search_step(KvmGdb *gdb)
{
	bool over;

	physical_keep(gdb);
	over = do_piece(gdb);
	physical_forget(gdb);
	return over;
}

bool linux_prepare(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	return !can_look(gdb, NULL) || search_step(gdb);
}

/* ---- What is known ---- */

const LinuxKernel *linux_known(KvmGdb *gdb)
{
	const LinuxKernel *kernel = gdb->guest_linux ? gdb->guest_linux->kernel : NULL;

	return kernel && linux_kernel_is_there(kernel) ? kernel : NULL;
}

const LinuxKernel *linux_known_by(KvmGdbVcpu *vcpu)
{
	if (vcpu->gdb->guest_linux)
		vcpu->gdb->guest_linux->cpu = vcpu->index;
	return linux_known(vcpu->gdb);
}

/* When the search is over. */
static const LinuxKernel *end_search(KvmGdb *gdb, GError **error)
{
	const LinuxKernel *kernel = gdb->guest_linux->kernel;

	if (!kernel && error)
		*error = g_error_copy(gdb->guest_linux->search.failure);
	return kernel;
}

const LinuxKernel *linux_kernel(KvmGdb *gdb, GError **error)
{
	if (!can_look(gdb, error))
		return NULL;
	while (!search_step(gdb))
		;
	return end_search(gdb, error);
}

/* Of the kernel that is known. */
static const LinuxTasks *tasks_of(struct KvmLinux *found, GError **error)
{
	if (!found->tasks)
		found->tasks = linux_tasks_new(found->kernel, error);
	return found->tasks;
}

const LinuxTasks *linux_tasks(KvmGdb *gdb, GError **error)
{
	return linux_kernel(gdb, error) ? tasks_of(gdb->guest_linux, error) : NULL;
}

const LinuxTasks *linux_known_tasks(KvmGdb *gdb)
{
	return linux_known(gdb) ? tasks_of(gdb->guest_linux, NULL) : NULL;
}

void linux_notes(KvmGdb *gdb, GString *out)
{
	LOCKED(gdb);
	const LinuxKernel *kernel = linux_known(gdb);

	if (!kernel)
		return;
	linux_kernel_missing(kernel, out);
	g_string_append(out, gdb->guest_linux->notes->str);
}

const char *linux_info(KvmGdb *gdb)
{
	return linux_kernel_find_info(gdb->guest_linux->kernel);
}

bool linux_vmcoreinfo(void *target, GString *text, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const char *info;

	if (!linux_kernel(gdb, error))
		return false;
	info = linux_info(gdb);
	if (info)
		g_string_append(text, info);
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT,
			    "the kernel has no VMCOREINFO, or not yet");
	return info;
}

/* ---- Its file ---- */

void kvm_gdb_offer_symbols(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->offers_symbols = true;
}

bool linux_file_prepare(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	return !gdb->offers_symbols || gdb->vmlinux || !can_look(gdb, NULL) || search_step(gdb);
}

const char *linux_file_program(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	if (!gdb->offers_symbols || gdb->vmlinux || !linux_kernel(gdb, NULL))
		return NULL;
	return gdb->guest_linux->name;
}

uint64_t linux_file_generation(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	return linux_kernel(gdb, NULL) ? gdb->generation : 0;
}

void linux_file_expect(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	/* In non-stop mode a client cannot be told of it. */
	gdb->expects_kernel = gdb->mode == MODE_ALL_STOP;
}

static void drop_program(struct KvmLinux *found)
{
	close(found->program);
	found->program = -1;
	g_string_truncate(found->notes, 0);
}

/* FALSE without @error: there is more to do. */
static bool make_program(struct KvmLinux *found, GError **error)
{
	g_autoptr(GError) reason = NULL;

	if (found->program >= 0 && linux_kernel_learn(found->kernel))
		drop_program(found);
	if (found->program >= 0)
		return true;
	if (!found->maker)
		found->maker = linux_kernel_maker(found->kernel, &arch_info.abi, found->notes);
	if (!linux_maker_step(found->maker))
		return false;
	found->program = linux_maker_end(g_steal_pointer(&found->maker), &reason);
	if (reason)
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "no file for gdb: %s", reason->message);
	return !reason;
}

static int open_program(KvmGdb *gdb, GError **error)
{
	struct KvmLinux *found = gdb->guest_linux;
	bool made;
	int fd;

	/* It reads as much as a piece of the search. */
	physical_keep(gdb);
	made = make_program(found, error);
	physical_forget(gdb);
	if (!made)
		return -1;
	fd = fcntl(found->program, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "no file for gdb: %s",
			    g_strerror(errno));
	return fd;
}

/* Where there is a vmlinux, of the host's files for a client elsewhere; nobody else asks. */
static int open_given(KvmGdb *gdb, const char *path, GError **error)
{
	if (g_str_equal(path, vmlinux_path(gdb->vmlinux)))
		return host_file_open(path, error);
	return modules_open(gdb, path, error);
}

int linux_file_open(void *target, const char *path, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	if (gdb->vmlinux)
		return open_given(gdb, path, error);
	if (!can_look(gdb, error) || !search_step(gdb) || !end_search(gdb, error))
		return -1;
	if (g_str_equal(path, gdb->guest_linux->name))
		return open_program(gdb, error);
	return modules_open(gdb, path, error);
}
