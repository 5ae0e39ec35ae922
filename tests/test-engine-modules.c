/*
 * tests/test-engine-modules.c - modules as libraries: which there are, their files, and that a
 * client hears when one comes or goes. A Linux kernel's image and its modules lie in the toy's RAM.
 */
#include <bpf/btf.h>
#include <string.h>
#include <unistd.h>

#include "kvm/internal.h"
#include "tests/engine-rig.h"
#include "tests/guest-rig.h"
#include "tests/linux-image.h"

#define BANNER "Linux version 6.1.0-toy (gcc) #1 SMP\n"
#define N_SYMBOLS 80u
#define IMAGE_AT 0x8000u /* of RAM: where the kernel does not write */

/* Of the kernel's code, from TOY_LINUX on. */
#define LOADED 0x280u
#define INIT_GONE 0x290u
#define FREED 0x2a0u
#define IDLE 0x500u

/* Of its data: the head of the list, and struct module of each. */
#define HEAD 0x4000u
#define MODULE(n) (0x4100u + 0x400u * (n))

#define FIRST "/vmgdb/ffffffffc0001000/first.ko"
#define SECOND "/vmgdb/ffffffffc0003000/second.ko"
#define SECOND_INIT "/vmgdb/ffffffffc0003000-init/second.ko"

static void put_u64(Rig *rig, unsigned at, uint64_t value)
{
	memcpy(toy_ram(rig->vm) + at, &value, sizeof(value));
}

static uint64_t list_of(unsigned n)
{
	return TOY_LINUX + MODULE(n) + 8;
}

/* As kern_module_types() lays it out, before 6.4. @next: behind it in the list. */
static void put_module(Rig *rig, unsigned n, const char *name, uint64_t base, uint64_t next)
{
	put_u64(rig, MODULE(n) + 8, next);
	memcpy(toy_ram(rig->vm) + MODULE(n) + 24, name, strlen(name) + 1);
	put_u64(rig, MODULE(n) + 128, base);
	toy_ram(rig->vm)[MODULE(n) + 137] = 0x10; /* 4 KiB */
}

static void set_state(Rig *rig, unsigned n, uint8_t state)
{
	toy_ram(rig->vm)[MODULE(n)] = state;
}

static void set_init(Rig *rig, unsigned n, uint64_t base)
{
	put_u64(rig, MODULE(n) + 152, base);
}

static void append_types(LinuxImage *image)
{
	g_autoptr(GuestRig) types = kern_new();
	const void *raw;
	uint32_t len;

	kern_module_types(types, false, false);
	raw = btf__raw_data(types->btf, &len);
	linux_image_append(image, raw, len);
}

static LinuxImage *make_image(uint64_t types)
{
	LinuxImageSymbol symbols[N_SYMBOLS];
	char names[N_SYMBOLS][16];
	LinuxImage *image;

	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		g_snprintf(names[n], sizeof(names[n]), "sys_call%u", n);
		symbols[n] = (LinuxImageSymbol){TOY_LINUX + 16 * n, 'T', names[n]};
	}
	symbols[LOADED / 16].name = "do_init_module";
	symbols[INIT_GONE / 16].name = "do_free_init";
	/* What a compiler has moved out of it is not where it begins. */
	symbols[FREED / 16 - 3].name = "free_module.cold";
	symbols[FREED / 16].name = "free_module.isra.0";
	symbols[N_SYMBOLS - 2] = (LinuxImageSymbol){TOY_LINUX + HEAD, 'D', "modules"};
	symbols[N_SYMBOLS - 1] = (LinuxImageSymbol){types, 'D', "__start_BTF"};
	image = linux_image_new(TOY_LINUX_READ_ONLY, &linux_layouts[1], TOY_LINUX, symbols,
				N_SYMBOLS);
	linux_image_append(image, BANNER, sizeof(BANNER));
	return image;
}

/* One module is loaded. */
static void load_image(Rig *rig)
{
	LinuxImage *image = make_image(TOY_LINUX_READ_ONLY);
	uint64_t types = TOY_LINUX_READ_ONLY + (image->bytes->len + 7) / 8 * 8;

	linux_image_free(image);
	image = make_image(types);
	append_types(image);
	g_assert_cmpuint(image->bytes->len, <, TOY_RAM - IMAGE_AT);
	memcpy(toy_ram(rig->vm) + IMAGE_AT, image->bytes->data, image->bytes->len);
	linux_image_free(image);
	put_u64(rig, HEAD, list_of(0));
	put_module(rig, 0, "first", 0xffffffffc0001000, TOY_LINUX + HEAD);
	/* Each of the kernel's functions goes on to where a CPU idles. */
	for (unsigned at = LOADED; at <= FREED; at += 16)
		put_code(rig, at, "9090909090ebf9");
	put_code(rig, IDLE, "9090ebfc");
}

/* The kernel tells each CPU where its entries are; then the client that hears of libraries. */
static Rig *open_rig_of(unsigned n_cpus)
{
	const char *packet = "P5=40000081ffffffff";
	Rig *rig;

	toy_set_like_linux(true);
	rig = rig_new(n_cpus, true);
	load_image(rig);
	start_all(rig);
	connect_client(rig);
	for (unsigned n = 1; n <= n_cpus; n++) {
		g_autofree char *thread = g_strdup_printf("Hg%u", n);

		rsp_expect(rig->client, thread, "OK");
		rsp_expect(rig->client, packet, "OK");
	}
	hang_up(rig);
	kvm_gdb_offer_symbols(rig->gdb);
	connect_client(rig);
	return rig;
}

static Rig *open_rig(void)
{
	return open_rig_of(2);
}

static void close_rig(Rig *rig)
{
	rig_free(rig);
	toy_set_like_linux(false);
}

/* @names: with a blank between them, the newest last. */
static void expect_libraries(Rig *rig, const char *names)
{
	g_autofree char *xml = rsp_client_ask(rig->client, "qXfer:libraries:read::0,4000");
	g_autoptr(GString) said = g_string_new(NULL);
	const char *at = xml;

	while ((at = strstr(at, "<library name=\""))) {
		at += strlen("<library name=\"");
		g_string_append_printf(said, "%s%.*s", said->len ? " " : "", (int)strcspn(at, "\""),
				       at);
	}
	if (strcmp(said->str, names))
		g_error("expected '%s', the server said: %s", names, xml);
}

/* CPU 0 is about to execute what is at @at of the kernel; the first argument is module @n. */
static void call(Rig *rig, unsigned at, unsigned n)
{
	g_autofree char *packet =
		g_strdup_printf("P0=%016" G_GINT64_MODIFIER "x",
				GUINT64_SWAP_LE_BE((uint64_t)TOY_LINUX + MODULE(n)));

	rsp_expect(rig->client, "Hg1", "OK");
	rsp_expect(rig->client, packet, "OK");
	write_pc(rig, 1, TOY_LINUX + at);
}

static void load_second(Rig *rig)
{
	put_module(rig, 1, "second", 0xffffffffc0003000, list_of(0));
	set_state(rig, 1, 1);
	set_init(rig, 1, 0xffffffffc0008000);
	put_u64(rig, HEAD, list_of(1));
}

static void test_list(void)
{
	Rig *rig = open_rig();

	expect_libraries(rig, FIRST);
	load_second(rig);
	expect_libraries(rig, SECOND_INIT " " FIRST);
	/* A name that is none for a file, one without memory, one that is not formed. */
	put_module(rig, 0, "../<x>", 0xffffffffc0001000, TOY_LINUX + HEAD);
	expect_libraries(rig, SECOND_INIT " /vmgdb/ffffffffc0001000/____x_.ko");
	put_module(rig, 0, "first", 0, TOY_LINUX + HEAD);
	set_state(rig, 1, 3);
	expect_libraries(rig, "");
	close_rig(rig);
}

/* Nobody who was not offered the made-up files hears of libraries. */
static void test_not_offered(void)
{
	Rig *rig;

	toy_set_like_linux(true);
	rig = rig_new(1, true);
	load_image(rig);
	start_all(rig);
	connect_client(rig);
	rsp_expect(rig->client, "P5=40000081ffffffff", "OK");
	rsp_expect(rig->client, "qXfer:libraries:read::0,4000", "");
	close_rig(rig);
}

static void expect_open(Rig *rig, const char *path, const char *reply)
{
	g_autoptr(GString) packet = g_string_new("vFile:open:");

	for (const char *c = path; *c; c++)
		g_string_append_printf(packet, "%02x", *c);
	g_string_append(packet, ",0,0");
	rsp_expect(rig->client, packet->str, reply);
}

static void test_open(void)
{
	Rig *rig = open_rig();

	expect_open(rig, FIRST, "F-1,2"); /* nobody was told of it */
	expect_libraries(rig, FIRST);
	expect_open(rig, FIRST, "F0");
	rsp_expect_prefix(rig->client, "vFile:pread:0,4,0",
			  "F4;\x7f"
			  "ELF");
	expect_open(rig, SECOND, "F-1,2");
	/* Another one is there now, and told of only in the next list. */
	put_module(rig, 0, "other", 0xffffffffc0001000, TOY_LINUX + HEAD);
	expect_open(rig, FIRST, "F-1,2");
	expect_open(rig, "/vmgdb/ffffffffc0001000/other.ko", "F-1,2");
	close_rig(rig);
}

/* How many calls it takes until the file at @path is open; at most @max. */
static unsigned count_calls(Rig *rig, const char *path, unsigned max)
{
	g_autoptr(GError) error = NULL;
	unsigned n = 0;
	int fd = -1;

	while (fd < 0 && n < max) {
		fd = kvm_target_ops.files->open(rig->gdb, path, &error);
		g_assert_no_error(error);
		n++;
	}
	if (fd >= 0)
		close(fd);
	return n;
}

/* Its file is made in pieces, and begun again for another one and when the guest has run. */
static void test_pieces(void)
{
	Rig *rig = open_rig();
	unsigned all;

	load_second(rig);
	set_init(rig, 1, 0);
	expect_libraries(rig, SECOND " " FIRST);
	all = count_calls(rig, FIRST, 100);
	g_assert_cmpuint(all, >=, 3);
	g_assert_cmpuint(count_calls(rig, FIRST, 1), ==, 1);
	g_assert_cmpuint(count_calls(rig, FIRST, 100), ==, all - 1);
	count_calls(rig, FIRST, 1);
	g_assert_cmpuint(count_calls(rig, SECOND, 1), ==, 1);
	g_assert_cmpuint(count_calls(rig, FIRST, 100), ==, all);
	count_calls(rig, FIRST, 1);
	write_pc(rig, 1, TOY_LINUX + IDLE);
	rsp_client_send(rig->client, "vCont;c");
	interrupt(rig);
	g_assert_cmpuint(count_calls(rig, FIRST, 100), ==, all);
	/* Half of one is left when the machine ends. */
	count_calls(rig, SECOND, 1);
	close_rig(rig);
}

#define NEWS "T05thread:01;library:;"

/* A module is loaded, its init returns, and it is unloaded. */
static void test_announced(void)
{
	Rig *rig = open_rig();

	expect_libraries(rig, FIRST);
	call(rig, LOADED, 1);
	load_second(rig);
	resume_to(rig, "vCont;c", NEWS);
	g_assert_cmphex(pc_of(rig, 1), ==, TOY_LINUX + LOADED);
	expect_libraries(rig, SECOND_INIT " " FIRST);
	/* It goes on from there, once. */
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	set_state(rig, 1, 0);
	set_init(rig, 1, 0);
	call(rig, INIT_GONE, 1);
	resume_to(rig, "vCont;c", NEWS);
	expect_libraries(rig, SECOND " " FIRST);
	/* Its exit function runs: it is still there. */
	set_state(rig, 1, 2);
	expect_libraries(rig, SECOND " " FIRST);
	call(rig, FREED, 1);
	resume_to(rig, "vCont;c", NEWS);
	expect_libraries(rig, FIRST);
	/* The next one has its structure in the same place. */
	set_state(rig, 1, 1);
	call(rig, LOADED, 1);
	resume_to(rig, "vCont;c", NEWS);
	expect_libraries(rig, SECOND " " FIRST);
	set_state(rig, 1, 2);
	expect_libraries(rig, SECOND " " FIRST);
	close_rig(rig);
}

/* No stop where nothing has changed, and none for a client that does not read the list. */
static void test_no_news(void)
{
	Rig *rig = open_rig();
	const uint8_t nop = 0x90, trap = 0xcc;

	call(rig, LOADED, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_true(has_code(rig, LOADED, &nop, 1));
	interrupt(rig);
	expect_libraries(rig, FIRST);
	g_assert_true(has_code(rig, LOADED, &trap, 1));
	call(rig, LOADED, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	interrupt(rig);
	/* Nothing is left behind. */
	load_second(rig);
	call(rig, LOADED, 1);
	hang_up(rig);
	g_assert_true(has_code(rig, LOADED, &nop, 1));
	expect_runs(rig, 0);
	close_rig(rig);
}

/* The client's own breakpoint in the same place is hit after the news, once. */
static void try_breakpoint_there(Rig *rig)
{
	expect_libraries(rig, FIRST);
	rsp_expect(rig->client, "Z0,ffffffff81000280,1", "OK");
	call(rig, LOADED, 1);
	load_second(rig);
	resume_to(rig, "vCont;c", NEWS);
	/* Also when the client does not read the list. */
	resume_to_reason(rig, "vCont;c", "swbreak");
	g_assert_cmphex(pc_of(rig, 1), ==, TOY_LINUX + LOADED);
	expect_libraries(rig, SECOND_INIT " " FIRST);
	rsp_expect(rig->client, "z0,ffffffff81000280,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	/* Without news it is a breakpoint as any other; our patch stays without it. */
	rsp_expect(rig->client, "Z0,ffffffff81000280,1", "OK");
	call(rig, LOADED, 1);
	resume_to_reason(rig, "vCont;c", "swbreak");
	rsp_expect(rig->client, "z0,ffffffff81000280,1", "OK");
	set_init(rig, 1, 0);
	write_pc(rig, 1, TOY_LINUX + IDLE);
	call(rig, LOADED, 1);
	resume_to(rig, "vCont;c", NEWS);
	close_rig(rig);
}

/* Where the CPU is the only one the world stands at once. */
static void test_breakpoint_there(void)
{
	try_breakpoint_there(open_rig());
	try_breakpoint_there(open_rig_of(1));
}

/* A KVM that does not report trap instructions: a list, but no news, and no hardware slot taken. */
static void test_no_traps(void)
{
	Rig *rig;

	toy_set_sw_break(false);
	rig = open_rig();
	expect_libraries(rig, FIRST);
	rsp_expect(rig->client, "Z1,600,1", "OK");
	rsp_expect(rig->client, "Z1,602,1", "OK");
	rsp_expect(rig->client, "Z1,604,1", "OK");
	load_second(rig);
	call(rig, LOADED, 1);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	close_rig(rig);
	toy_set_sw_break(true);
}

/* The machine begins again: nothing of the old kernel's is left in memory. */
static void test_reset(void)
{
	Rig *rig = open_rig();
	const uint8_t nop = 0x90;

	expect_libraries(rig, FIRST);
	kvm_gdb_notify(rig->gdb, NULL, KVM_GDB_RESET);
	put_code(rig, LOADED, "90");
	call(rig, LOADED, 1);
	load_second(rig);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_true(has_code(rig, LOADED, &nop, 1));
	interrupt(rig);
	close_rig(rig);
}

static const TestCase cases[] = {
	{"list", test_list},
	{"not-offered", test_not_offered},
	{"open", test_open},
	{"pieces", test_pieces},
	{"announced", test_announced},
	{"no-news", test_no_news},
	{"breakpoint-there", test_breakpoint_there},
	{"no-traps", test_no_traps},
	{"reset", test_reset},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "engine-modules", cases);
}
