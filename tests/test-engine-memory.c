/*
 * tests/test-engine-memory.c - guest memory as the VMM really has it: slots that cannot be read,
 * devices behind addresses. The real engine on the toy architecture.
 */
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/vmcore.h"
#include "tests/engine-rig.h"

#define PAGE 0x1000u
#define SLOT 0x40000u /* guest-physical, beyond the toy's RAM */

static Rig *rig_new_physical(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	return rig;
}

/* ---- Slots that cannot be read ---- */

/* Three pages at SLOT, the one in the middle closed. */
static uint8_t *add_closed_slot(Rig *rig)
{
	uint8_t *pages =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	g_assert_true(pages != MAP_FAILED);
	memset(pages, 0x11, 3 * PAGE);
	g_assert_cmpint(mprotect(pages + PAGE, PAGE, PROT_NONE), ==, 0);
	kvm_gdb_map(rig->gdb, SLOT, 3 * PAGE, pages, 0);
	return pages;
}

static void test_closed_slot(void)
{
	Rig *rig = rig_new_physical();
	uint8_t *pages = add_closed_slot(rig);

	rsp_expect(rig->client, "m40ffe,4", "1111");
	rsp_expect_error(rig->client, "m41000,4");
	rsp_expect_error(rig->client, "M41000,2:2222");
	rsp_expect_error(rig->client, "Z0,41000,1");
	rsp_expect(rig->client, "m42000,2", "1111");
	rsp_expect(rig->client, "Z0,42000,1", "OK");
	g_assert_cmphex(pages[2 * PAGE], ==, 0xcc);
	/* It is memory, so no device is asked. */
	g_assert_cmpuint(GET(rig->device_accesses), ==, 0);
	/* The VMM takes that one away, too, without a word. */
	munmap(pages, 3 * PAGE);
	rsp_expect(rig->client, "z0,42000,1", "OK");
	rsp_expect_error(rig->client, "m42000,2");
	rig_free(rig);
}

/* What could not be read are zeros in a core, and all that is behind it is there. */
static void test_core_with_hole(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t *pages = add_closed_slot(rig);
	g_autofree char *folder = g_dir_make_tmp("vmgdb-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "core", NULL);
	g_autofree char *command = g_strdup_printf("dump-guest-memory %s", path);
	g_autofree char *bytes = NULL;
	g_autoptr(GByteArray) note = g_byte_array_new();
	uint8_t zeros[PAGE] = {0};
	const Elf64_Phdr *slot;
	gsize len;

	vmcore_add_note(note, "VMCOREINFO", 0, "OSRELEASE=toy\n", 14);
	memcpy(pages + 2 * PAGE, note->data, note->len);
	expect_match(rig, command,
		     "\\AVMCOREINFO found\n4 KiB of guest memory cannot be read .* zeros in ");
	g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	slot = (const Elf64_Phdr *)(const void *)(bytes + sizeof(Elf64_Ehdr)) + 2;
	g_assert_cmphex(slot->p_paddr, ==, SLOT);
	g_assert_cmpmem(bytes + slot->p_offset, PAGE, pages, PAGE);
	g_assert_cmpmem(bytes + slot->p_offset + PAGE, PAGE, zeros, PAGE);
	g_assert_cmpmem(bytes + slot->p_offset + 2 * PAGE, PAGE, pages + 2 * PAGE, PAGE);
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(rmdir(folder), ==, 0);
	rig_free(rig);
	munmap(pages, 3 * PAGE);
}

/* ---- Slots that change ---- */

static void unmap_first_page(Rig *rig)
{
	kvm_gdb_unmap(rig->gdb, 0, PAGE);
}

static void map_first_page(Rig *rig, uint8_t *host)
{
	kvm_gdb_map(rig->gdb, 0, PAGE, host, 0);
}

/* The loop's second nop, which is where the breakpoints of these tests are. */
static uint8_t code_at(const uint8_t *page)
{
	return page[0x101];
}

/* The client leaves while the slot is away: nothing is in its memory when it comes back. */
static void test_slot_removed(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t *ram = toy_ram(rig->vm);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	unmap_first_page(rig);
	g_assert_cmphex(code_at(ram), ==, 0x90);
	hang_up(rig);
	map_first_page(rig, ram);
	g_assert_cmphex(code_at(ram), ==, 0x90);
	rig_free(rig);
}

static void test_slot_back(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t *ram = toy_ram(rig->vm);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	unmap_first_page(rig);
	rsp_expect_error(rig->client, "m100,4");
	map_first_page(rig, ram);
	rsp_expect(rig->client, "m100,4", "9090ebfc");
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(code_at(ram), ==, 0x90);
	rig_free(rig);
}

/* Other memory takes the place of the first, and goes again. */
static void test_slot_covered(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t *ram = toy_ram(rig->vm), other[PAGE];

	memset(other, 0x90, sizeof(other));
	rsp_expect(rig->client, "Z0,101,1", "OK");
	map_first_page(rig, other);
	g_assert_cmphex(code_at(ram), ==, 0x90);
	g_assert_cmphex(code_at(other), ==, 0xcc);
	rsp_expect(rig->client, "m100,4", "90909090");
	map_first_page(rig, ram);
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	g_assert_cmphex(code_at(other), ==, 0x90);
	hang_up(rig);
	g_assert_cmphex(code_at(ram), ==, 0x90);
	rig_free(rig);
}

/* While CPUs run: a page far from the code comes and goes. */
static void test_slot_running(void)
{
	Rig *rig = rig_new_stopped(2);
	uint8_t other[PAGE] = {0};

	rsp_expect(rig->client, "Z0,180,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	for (unsigned i = 0; i < 1000; i++) {
		kvm_gdb_map(rig->gdb, SLOT, PAGE, other, 0);
		kvm_gdb_unmap(rig->gdb, SLOT, PAGE);
	}
	expect_runs(rig, 0);
	interrupt(rig);
	g_assert_cmphex(toy_ram(rig->vm)[0x180], ==, 0xcc);
	rig_free(rig);
}

/* One page of the host at two guest-physical addresses, as a BIOS is. */
static void test_alias(void)
{
	Rig *rig = rig_new_physical();
	uint8_t *ram = toy_ram(rig->vm);

	kvm_gdb_map(rig->gdb, SLOT, PAGE, ram, 0);
	/* Set by the second address, hit by the first. */
	rsp_expect(rig->client, "Z0,40101,1", "OK");
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	rsp_expect(rig->client, "m40100,4", "9090ebfc");
	rsp_expect(rig->client, "m100,4", "9090ebfc");
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	/* Both addresses: there until the last is gone, and a write goes under it. */
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "z0,40101,1", "OK");
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	rsp_expect(rig->client, "M40101,1:91", "OK");
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	rsp_expect(rig->client, "m100,4", "9091ebfc");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(code_at(ram), ==, 0x91);
	rig_free(rig);
}

/* The slot that the breakpoint was set by goes, the page stays at its other address. */
static void test_alias_left(void)
{
	Rig *rig = rig_new_physical();
	uint8_t *ram = toy_ram(rig->vm);

	kvm_gdb_map(rig->gdb, SLOT, PAGE, ram, 0);
	rsp_expect(rig->client, "Z0,40101,1", "OK");
	rsp_expect(rig->client, "Z0,101,1", "OK");
	kvm_gdb_unmap(rig->gdb, SLOT, PAGE);
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	rsp_expect(rig->client, "z0,40101,1", "OK");
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	resume_to(rig, "vCont;c", "T05");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(code_at(ram), ==, 0x90);
	rig_free(rig);
}

/* Pages that only the guest sees (guest_memfd): an error, never what the VMM has there. */
static void test_private(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t *ram = toy_ram(rig->vm);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	kvm_gdb_set_private(rig->gdb, 0, PAGE, true);
	g_assert_cmphex(code_at(ram), ==, 0x90);
	rsp_expect_error(rig->client, "m100,4");
	rsp_expect_error(rig->client, "M100,1:00");
	rsp_expect_error(rig->client, "Z0,102,1");
	rsp_expect(rig->client, "m1000,1", "00");
	expect_match(rig, "pmemsave 0x100 4 /dev/shm/vmgdb-none",
		     "guest-physical 0x100 is the guest's private memory");
	unlink("/dev/shm/vmgdb-none");
	g_assert_cmpuint(GET(rig->device_accesses), ==, 0);
	kvm_gdb_set_private(rig->gdb, 0, PAGE, false);
	rsp_expect(rig->client, "m100,4", "9090ebfc");
	g_assert_cmphex(code_at(ram), ==, 0xcc);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	rig_free(rig);
}

/* ---- Devices ---- */

#define DEVICE 0x50000u

/* Answers with the low byte of each address, and keeps what was asked: "r50001+1 ". */
static bool echo_device(Rig *rig, uint64_t gpa, void *data, size_t len, bool is_write)
{
	uint8_t *bytes = data;

	g_string_append_printf(rig->device_data, "%c%x+%u ", is_write ? 'w' : 'r', (unsigned)gpa,
			       (unsigned)len);
	for (size_t i = 0; i < len && !is_write; i++)
		bytes[i] = gpa + i;
	return gpa >= DEVICE && gpa + len <= DEVICE + 0x20;
}

static void expect_asked(Rig *rig, const char *asked)
{
	GString *log = rig->device_data;

	g_assert_cmpstr(log->str, ==, asked);
	g_string_truncate(log, 0);
}

/* At most 8 bytes at a time, each aligned to its length. */
static void test_device_aligned(void)
{
	g_autoptr(GString) log = g_string_new(NULL);
	Rig *rig = rig_new_physical();

	rig->device_data = log;
	rig->device = echo_device;
	rsp_expect(rig->client, "m50001,f", "0102030405060708090a0b0c0d0e0f");
	expect_asked(rig, "r50001+1 r50002+2 r50004+4 r50008+8 ");
	rsp_expect(rig->client, "m50000,10", "000102030405060708090a0b0c0d0e0f");
	expect_asked(rig, "r50000+8 r50008+8 ");
	rsp_expect(rig->client, "m50004,8", "0405060708090a0b");
	expect_asked(rig, "r50004+4 r50008+4 ");
	rsp_expect(rig->client, "M50006,3:112233", "OK");
	expect_asked(rig, "w50006+2 w50008+1 ");
	/* Where the device ends: what there was before. */
	rsp_expect(rig->client, "m5001f,2", "1f");
	expect_asked(rig, "r5001f+1 r50020+1 ");
	rig_free(rig);
}

static gpointer notify_panic(gpointer data)
{
	Rig *rig = data;

	kvm_gdb_notify(rig->gdb, rig->cpus[0].vcpu, KVM_GDB_PANIC);
	return NULL;
}

/* As pvpanic: it tells the engine, at once and by a thread that the device waits for. */
static bool panic_device(Rig *rig, uint64_t gpa G_GNUC_UNUSED, void *data G_GNUC_UNUSED,
			 size_t len G_GNUC_UNUSED, bool is_write)
{
	if (is_write) {
		notify_panic(rig);
		g_thread_join(g_thread_new("device", notify_panic, rig));
	}
	return true;
}

static void test_device_notifies(void)
{
	Rig *rig = rig_new_physical();

	rig->device = panic_device;
	rsp_expect(rig->client, "M50000,1:01", "OK");
	/* What it told is told at the next resume. */
	resume_to(rig, "vCont;c", "T06");
	rig_free(rig);
}

/* A device that changes what is mapped, as a BAR that is written. */
static bool mapping_device(Rig *rig, uint64_t gpa G_GNUC_UNUSED, void *data G_GNUC_UNUSED,
			   size_t len G_GNUC_UNUSED, bool is_write)
{
	static uint8_t bar[PAGE];

	bar[0] = 0x77;
	if (is_write)
		kvm_gdb_map(rig->gdb, SLOT, PAGE, bar, 0);
	else
		kvm_gdb_unmap(rig->gdb, SLOT, PAGE);
	return true;
}

static void test_device_maps(void)
{
	Rig *rig = rig_new_physical();

	rig->device = mapping_device;
	rsp_expect(rig->client, "M50000,1:01", "OK");
	rsp_expect(rig->client, "m40000,1", "77");
	g_assert_cmpuint(GET(rig->device_accesses), ==, 1);
	rsp_expect_error(rig->client, "M50001,20:00");
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"closed-slot", test_closed_slot},
		{"core-with-hole", test_core_with_hole},
		{"slot-removed", test_slot_removed},
		{"slot-back", test_slot_back},
		{"slot-covered", test_slot_covered},
		{"slot-running", test_slot_running},
		{"alias", test_alias},
		{"alias-left", test_alias_left},
		{"private", test_private},
		{"device-aligned", test_device_aligned},
		{"device-notifies", test_device_notifies},
		{"device-maps", test_device_maps},
		{0},
	};

	return test_main(argc, argv, "engine-memory", cases);
}
