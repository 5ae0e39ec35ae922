/*
 * kvm/guest-memory.c - guest memory at the addresses of one vCPU or process: page by page, patches
 * hidden, device registers by the VMM's callback.
 *
 * A device of the VMM may call the engine (a panic device that is written), and may wait for a lock
 * that another thread holds while it calls the engine. So the engine's lock is given up while one
 * is asked. That is on the engine's thread, which alone ends a stop, and what was looked up before
 * is looked up again.
 */
#include <inttypes.h>
#include <string.h>

#include "kvm/internal.h"

/* Device registers are read one naturally aligned unit at a time. */
static size_t io_unit(uint64_t gpa, size_t len)
{
	size_t unit = 8;

	while (unit > len || gpa % unit)
		unit /= 2;
	return unit;
}

/* [engine thread, while the world is stopped] */
static bool ask_device(KvmGdb *gdb, uint64_t gpa, uint8_t *data, size_t len, bool is_write)
{
	bool answers;

	engine_unlock(gdb);
	answers = gdb->ops->mmio(gdb->opaque, gpa, data, len, is_write);
	engine_lock(gdb);
	return answers;
}

static size_t mmio(KvmGdb *gdb, uint64_t gpa, uint8_t *buf, size_t len, bool is_write)
{
	size_t done = 0;

	if (!gdb->ops || !gdb->ops->mmio)
		return 0;
	while (done < len) {
		size_t unit = io_unit(gpa + done, len - done);
		uint8_t data[8];

		memcpy(data, buf + done, unit);
		if (!ask_device(gdb, gpa + done, data, unit, is_write))
			break;
		if (!is_write)
			memcpy(buf + done, data, unit);
		done += unit;
	}
	return done;
}

/* ---- Page tables ---- */

#define TABLE 4096u
#define TABLES_KEPT 8u /* more than there are levels */

struct WalkCache {
	struct {
		uint64_t gpa;
		bool used;
		uint8_t bytes[TABLE];
	} table[TABLES_KEPT];
	unsigned next; /* which is replaced next */
};

void physical_keep(KvmGdb *gdb)
{
	if (!gdb->walk_cache)
		gdb->walk_cache = g_new0(struct WalkCache, 1);
}

void physical_forget(KvmGdb *gdb)
{
	g_clear_pointer(&gdb->walk_cache, g_free);
}

/* The table at @gpa. NULL: it cannot be read as a whole. */
static const uint8_t *kept_table(KvmGdb *gdb, uint64_t gpa)
{
	struct WalkCache *cache = gdb->walk_cache;
	unsigned n;

	for (n = 0; n < TABLES_KEPT; n++) {
		if (cache->table[n].used && cache->table[n].gpa == gpa)
			return cache->table[n].bytes;
	}
	n = cache->next++ % TABLES_KEPT;
	cache->table[n].gpa = gpa;
	cache->table[n].used =
		kvm_patches_read(gdb->patches, gpa, cache->table[n].bytes, TABLE) == TABLE;
	return cache->table[n].used ? cache->table[n].bytes : NULL;
}

bool physical_read_own(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	KvmGdb *gdb = opaque;
	size_t at = gpa % TABLE;
	const uint8_t *table =
		gdb->walk_cache && len <= TABLE - at ? kept_table(gdb, gpa - at) : NULL;

	if (!table)
		return kvm_patches_read(gdb->patches, gpa, buf, len) == len;
	memcpy(buf, table + at, len);
	return true;
}

static size_t read_phys_any(KvmGdb *gdb, uint64_t gpa, uint8_t *buf, size_t len)
{
	size_t done = kvm_patches_read(gdb->patches, gpa, buf, len);

	/*
	 * Memory that cannot be read is no device of the VMM's. A guest that runs uses its devices.
	 */
	if (done < len && gdb->world == WORLD_STOPPED &&
	    !kvm_memory_covers(gdb->memory, gpa + done, 1) &&
	    !kvm_memory_is_private(gdb->memory, gpa + done))
		done += mmio(gdb, gpa + done, buf + done, len - done, false);
	return done;
}

static const char *why_no_memory(KvmGdb *gdb, uint64_t gpa)
{
	return kvm_memory_is_private(gdb->memory, gpa)
		       ? "the guest's private memory (guest_memfd), which the VMM cannot read"
		       : "where there is no memory";
}

static void set_no_memory(KvmGdb *gdb, GError **error, uint64_t gpa)
{
	if (kvm_memory_is_private(gdb->memory, gpa))
		g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT, "guest-physical 0x%" PRIx64 " is %s",
			    gpa, why_no_memory(gdb, gpa));
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
			    "there is no memory at guest-physical 0x%" PRIx64, gpa);
}

size_t physical_read(KvmGdb *gdb, uint64_t gpa, uint8_t *buf, size_t len, GError **error)
{
	size_t done = read_phys_any(gdb, gpa, buf, len);

	if (!done)
		set_no_memory(gdb, error, gpa);
	return done;
}

bool physical_write(KvmGdb *gdb, uint64_t gpa, const uint8_t *buf, size_t len, GError **error)
{
	if (kvm_memory_covers(gdb->memory, gpa, len)) {
		if (kvm_patches_write(gdb->patches, gpa, buf, len))
			return true;
		set_no_memory(gdb, error, gpa);
		return false;
	}
	/* Only a device's registers can answer, and they are written in one piece or not at all. */
	if (!kvm_memory_covers(gdb->memory, gpa, 1) && len <= 8 &&
	    !kvm_memory_is_private(gdb->memory, gpa) &&
	    mmio(gdb, gpa, (uint8_t *)buf, len, true) == len)
		return true;
	set_no_memory(gdb, error, gpa);
	return false;
}

static void set_not_there(KvmGdb *gdb, GError **error, uint64_t addr, uint64_t gpa)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
		    "address 0x%" PRIx64 " is at guest-physical 0x%" PRIx64 ", %s", addr, gpa,
		    why_no_memory(gdb, gpa));
}

/* What a device did may have ended the stop, reset the machine, or taken the vCPU out. */
static bool still_stopped(KvmGdb *gdb, const KvmGdbVcpu *vcpu, unsigned index)
{
	return gdb->world == WORLD_STOPPED && kvm_vcpu_present(gdb, index) == vcpu;
}

/* How a piece of it is read; other than by read_phys_any() no device is asked. */
typedef size_t ReadPhys(KvmGdb *gdb, uint64_t gpa, uint8_t *buf, size_t len);

static size_t read_phys_ram(KvmGdb *gdb, uint64_t gpa, uint8_t *buf, size_t len)
{
	return kvm_patches_read(gdb->patches, gpa, buf, len);
}

static size_t read_pages(const Space *space, uint64_t addr, uint8_t *buf, size_t len,
			 ReadPhys *read, GError **error)
{
	KvmGdbVcpu *vcpu = space->vcpu;
	KvmGdb *gdb = vcpu->gdb;
	unsigned index = vcpu->index;
	size_t done = 0;

	while (done < len && (read != read_phys_any || still_stopped(gdb, vcpu, index))) {
		ArchMapping mapping;
		size_t part, got;

		if (!translate_in(space, addr + done, &mapping, done ? NULL : error))
			break;
		part = MIN(mapping.left, len - done);
		got = read(gdb, mapping.gpa, buf + done, part);
		if (!done && !got)
			set_not_there(gdb, error, addr, mapping.gpa);
		done += got;
		if (got < part)
			break;
	}
	return done;
}

size_t virtual_read(const Space *space, uint64_t addr, uint8_t *buf, size_t len, GError **error)
{
	return read_pages(space, addr, buf, len, read_phys_any, error);
}

size_t virtual_read_ram(KvmGdbVcpu *vcpu, uint64_t addr, uint8_t *buf, size_t len)
{
	const Space space = space_of(vcpu);

	return read_pages(&space, addr, buf, len, read_phys_ram, NULL);
}

/* How many bytes from @addr on, which is at @first, follow each other there, too; at most @len. */
static size_t contiguous(const Space *space, uint64_t addr, const ArchMapping *first, size_t len)
{
	size_t part = MIN(first->left, len);
	ArchMapping next;

	while (part < len && translate_in(space, addr + part, &next, NULL) &&
	       next.gpa == first->gpa + part)
		part += MIN(next.left, len - part);
	return part;
}

size_t virtual_look_ram(KvmGdbVcpu *vcpu, uint64_t addr, uint8_t *buf, size_t len)
{
	const Space space = space_of(vcpu);
	KvmMemory *memory = vcpu->gdb->memory;
	size_t done = 0;

	while (done < len) {
		ArchMapping mapping;
		size_t part, got;

		if (!translate_in(&space, addr + done, &mapping, NULL))
			break;
		part = contiguous(&space, addr + done, &mapping, len - done);
		got = kvm_memory_look(memory, mapping.gpa, buf + done, part);
		done += got;
		if (got < part)
			break;
	}
	return done;
}

/*
 * Either the check of a write (@buf NULL) or the write itself, page by page. A device is written in
 * one piece, so nothing follows it.
 */
static bool write_pages(const Space *space, uint64_t addr, const uint8_t *buf, size_t len,
			bool ram_only, GError **error)
{
	KvmGdb *gdb = space->vcpu->gdb;
	ArchMapping mapping;
	size_t part;

	for (size_t done = 0; done < len; done += part) {
		bool ram;

		if (!translate_in(space, addr + done, &mapping, error))
			return false;
		part = MIN(mapping.left, len - done);
		ram = kvm_memory_covers(gdb->memory, mapping.gpa, part);
		/* Whether a device answers is known when it is too late for what lies before. */
		if (!ram && (ram_only || part < len || !gdb->ops || !gdb->ops->mmio ||
			     kvm_memory_is_private(gdb->memory, mapping.gpa))) {
			set_not_there(gdb, error, addr + done, mapping.gpa);
			return false;
		}
		if (!buf)
			continue;
		if (ram ? !kvm_patches_write(gdb->patches, mapping.gpa, buf + done, part)
			: mmio(gdb, mapping.gpa, (uint8_t *)buf + done, part, true) < part) {
			set_not_there(gdb, error, addr + done, mapping.gpa);
			return false;
		}
	}
	return true;
}

bool virtual_write(const Space *space, uint64_t addr, const uint8_t *buf, size_t len,
		   GError **error)
{
	return write_pages(space, addr, NULL, len, false, error) &&
	       write_pages(space, addr, buf, len, false, error);
}

/* ---- For the arch half ---- */

/* What the arch half reads and writes belongs to the instruction at pc: is that one of ours? */
static bool is_own(KvmGdbVcpu *vcpu)
{
	return !arch_in_nested_guest(vcpu->arch);
}

static size_t arch_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	return is_own(opaque) ? virtual_read_ram(opaque, addr, buf, len) : 0;
}

static bool arch_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	const Space space = space_of(opaque);

	return is_own(opaque) && write_pages(&space, addr, NULL, len, true, NULL) &&
	       write_pages(&space, addr, buf, len, true, NULL);
}

static size_t linux_read_ram(void *opaque, uint64_t addr, void *buf, size_t len)
{
	return virtual_read_ram(opaque, addr, buf, len);
}

LinuxMemory virtual_linux_memory(KvmGdbVcpu *vcpu)
{
	return (LinuxMemory){.read = linux_read_ram, .opaque = vcpu};
}

ArchMemory virtual_memory(KvmGdbVcpu *vcpu)
{
	return (ArchMemory){arch_read, arch_write, vcpu};
}
