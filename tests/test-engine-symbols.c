/*
 * tests/test-engine-symbols.c - where KASLR has put the kernel, in the real engine: a toy guest
 * whose memory and lstar look like those of an x86 kernel, and an ELF file of that kernel.
 */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm/internal.h"
#include "tests/engine-rig.h"

#define LSTAR 5	      /* register number */
#define TEXT 0x1000u  /* where the file wants to be; the toy has RAM up to 0x10000 */
#define MOVED 0x4000u /* and how far it was moved */
#define ENTRY 0x10u   /* offsets from TEXT */
#define BANNER 0x80u
#define INIT_TASK 0x100u
#define OFFSETS 0x180u /* __per_cpu_offset */
#define TASKS 0x200u   /* task_structs of what the CPUs run */
#define CURRENT 0x40u  /* current_task in the per-CPU area, which stays where it is linked */
#define AREAS 0x9000u  /* where the per-CPU areas are */
#define COMM 0x18u     /* of the task's name */
#define TASK_SIZE 0x40u

static const char banner[] = "Linux version 6.1-toy\n";

typedef struct Symbol {
	const char *name;
	uint64_t value;
} Symbol;

static const Symbol kernel_symbols[] = {
	{"entry_SYSCALL_64", TEXT + ENTRY}, {"linux_banner", TEXT + BANNER},
	{"init_task", TEXT + INIT_TASK},    {"__per_cpu_offset", TEXT + OFFSETS},
	{"current_task", CURRENT},
};
#define N_SYMBOLS G_N_ELEMENTS(kernel_symbols)

typedef struct Image {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	Elf64_Shdr sections[3]; /* none, symbols, strings */
	Elf64_Sym symbols[N_SYMBOLS + 1];
	char names[128];
	char text[BANNER + sizeof(banner)];
} Image;

static void add_symbols(Image *image)
{
	size_t at = 1;

	for (unsigned i = 0; i < N_SYMBOLS; i++) {
		image->symbols[i + 1] = (Elf64_Sym){
			.st_name = at, .st_shndx = SHN_ABS, .st_value = kernel_symbols[i].value};
		at += g_strlcpy(image->names + at, kernel_symbols[i].name,
				sizeof(image->names) - at) +
		      1;
	}
	g_assert_cmpuint(at, <, sizeof(image->names));
}

static void make_image(Image *image, const char *text)
{
	memset(image, 0, sizeof(*image));
	memcpy(image->header.e_ident, ELFMAG, SELFMAG);
	image->header.e_ident[EI_CLASS] = ELFCLASS64;
	image->header.e_ident[EI_DATA] = ELFDATA2LSB;
	image->header.e_machine = EM_X86_64;
	image->header.e_phoff = offsetof(Image, segment);
	image->header.e_phnum = 1;
	image->header.e_phentsize = sizeof(Elf64_Phdr);
	image->header.e_shoff = offsetof(Image, sections);
	image->header.e_shnum = G_N_ELEMENTS(image->sections);
	image->header.e_shentsize = sizeof(Elf64_Shdr);
	image->segment = (Elf64_Phdr){.p_type = PT_LOAD,
				      .p_offset = offsetof(Image, text),
				      .p_vaddr = TEXT,
				      .p_filesz = sizeof(image->text),
				      .p_memsz = sizeof(image->text)};
	image->sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
					  .sh_offset = offsetof(Image, symbols),
					  .sh_size = sizeof(image->symbols),
					  .sh_link = 2};
	image->sections[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
					  .sh_offset = offsetof(Image, names),
					  .sh_size = sizeof(image->names)};
	add_symbols(image);
	g_strlcpy(image->text + BANNER, text, sizeof(banner));
}

static void put64(Rig *rig, uint64_t gpa, uint64_t value)
{
	memcpy(toy_ram(rig->vm) + gpa, &value, sizeof(value));
}

/* Each CPU has a per-CPU area with a pointer to the task it runs. */
static void load_kernel(Rig *rig)
{
	uint8_t *ram = toy_ram(rig->vm);
	uint64_t base = TEXT + MOVED;

	memcpy(ram + base + BANNER, banner, sizeof(banner));
	memcpy(ram + base + INIT_TASK + COMM, "swapper/0", 10);
	for (unsigned cpu = 0; cpu < rig->n; cpu++) {
		uint64_t area = AREAS + cpu * 0x100, task = base + TASKS + cpu * TASK_SIZE;

		put64(rig, base + OFFSETS + 8 * cpu, area);
		put64(rig, area + CURRENT, task);
		g_snprintf((char *)ram + task + COMM, 16, "task-%u", cpu);
	}
}

typedef struct Kernel {
	Rig *rig;
	char *dir;
} Kernel;

static void kernel_open_image(Kernel *kernel, const Image *image)
{
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;

	kernel->dir = test_dir_new();
	path = g_build_filename(kernel->dir, "vmlinux", NULL);
	g_assert_true(g_file_set_contents(path, (const char *)image, sizeof(*image), NULL));
	toy_set_like_linux(true);
	kernel->rig = rig_new(2, true);
	g_assert_true(kvm_gdb_set_vmlinux(kernel->rig->gdb, path, &error));
	g_assert_no_error(error);
	load_kernel(kernel->rig);
	start_all(kernel->rig);
	connect_client(kernel->rig);
}

/* As gdb does when it connects. */
static void expect_offsets(Kernel *kernel, const char *reply)
{
	rsp_expect(kernel->rig->client, "Hc-1", "OK");
	rsp_expect(kernel->rig->client, "qOffsets", reply);
}

static void kernel_open(Kernel *kernel, const char *text)
{
	Image image;

	make_image(&image, text);
	kernel_open_image(kernel, &image);
}

static void kernel_close(Kernel *kernel)
{
	rig_free(kernel->rig);
	toy_set_like_linux(false);
	test_dir_remove(kernel->dir);
}

static void set_lstar(Rig *rig, unsigned thread, uint64_t value)
{
	g_autofree char *select = g_strdup_printf("Hg%x", thread);
	g_autofree char *packet =
		g_strdup_printf("P5=%016" G_GINT64_MODIFIER "x", GUINT64_SWAP_LE_BE(value));

	rsp_expect(rig->client, select, "OK");
	rsp_expect(rig->client, packet, "OK");
}

static void expect_has(Rig *rig, const char *command, const char *text)
{
	g_autofree char *all = monitor(rig, command);

	if (!strstr(all, text))
		g_error("monitor %s: no '%s' in: %s", command, text, all);
}

/* CPU 0 is not up yet, or in user mode with other vectors: one that confirms is enough. */
static void test_moved(void)
{
	Kernel kernel;

	kernel_open(&kernel, banner);
	set_lstar(kernel.rig, 2, TEXT + ENTRY + MOVED);
	expect_offsets(&kernel, "TextSeg=5000");
	rsp_expect(kernel.rig->client, "qOffsets", "");
	expect_has(kernel.rig, "kaslr", "kernel moved by 0x4000\n");
	expect_has(kernel.rig, "kaslr", "/vmlinux -o 0x4000\n");
	g_assert_cmpuint(GET(kernel.rig->warnings), ==, 0);
	kernel_close(&kernel);
}

/* "CPU#0 [running] task-0" */
static void test_tasks(void)
{
	g_autofree char *list = NULL;
	Kernel kernel;

	kernel_open(&kernel, banner);
	set_lstar(kernel.rig, 1, TEXT + ENTRY + MOVED);
	list = rsp_client_ask(kernel.rig->client, "qXfer:threads:read::0,1000");
	g_assert_nonnull(strstr(list, "] task-0</thread>"));
	g_assert_nonnull(strstr(list, "] task-1</thread>"));
	rsp_expect(kernel.rig->client, "qSymbol::", "OK"); /* the vmlinux says it all */
	kernel_close(&kernel);
}

/* Bytes that no task is called by: they would go to the user's terminal. */
static void test_no_name(void)
{
	g_autofree char *list = NULL;
	Kernel kernel;

	kernel_open(&kernel, banner);
	memcpy(toy_ram(kernel.rig->vm) + TEXT + MOVED + TASKS + COMM, "bad\033[1m",
	       sizeof("bad\033[1m"));
	set_lstar(kernel.rig, 1, TEXT + ENTRY + MOVED);
	list = rsp_client_ask(kernel.rig->client, "qXfer:threads:read::0,1000");
	g_assert_null(strstr(list, "bad"));
	g_assert_nonnull(strstr(list, "] task-1</thread>"));
	kernel_close(&kernel);
}

/* What gdb is asked for, and what it says: @slide is what it believes. */
static void tell_symbols(Rig *rig, uint64_t slide)
{
	static const Symbol told[] = {
		{"linux_banner", TEXT + BANNER},
		{"init_task", TEXT + INIT_TASK},
		{"__per_cpu_offset", TEXT + OFFSETS},
		{"current_task", CURRENT},
		{"pcpu_hot", 0},
	};
	g_autofree char *next = g_strdup("qSymbol::");

	for (unsigned i = 0; i < G_N_ELEMENTS(told); i++) {
		g_autoptr(GString) hex = g_string_new(NULL);
		g_autofree char *asked = NULL;
		uint64_t value = told[i].value + (told[i].value >= TEXT ? slide : 0);

		for (const char *c = told[i].name; *c; c++)
			g_string_append_printf(hex, "%02x", *c);
		asked = g_strdup_printf("qSymbol:%s", hex->str);
		rsp_expect(rig->client, next, asked);
		g_free(next);
		/* A symbol that gdb has not comes back without a value. */
		next = told[i].value ? g_strdup_printf("qSymbol:%" G_GINT64_MODIFIER "x:%s", value,
						       hex->str)
				     : g_strdup_printf("qSymbol::%s", hex->str);
	}
	rsp_expect(rig->client, next, "OK");
}

static bool names_tasks(Rig *rig)
{
	g_autofree char *list = rsp_client_ask(rig->client, "qXfer:threads:read::0,1000");

	return strstr(list, "] task-0</thread>") && strstr(list, "] task-1</thread>");
}

/* Without a vmlinux gdb is asked; what it says holds as long as it is there. */
static void test_told(void)
{
	Rig *rig;

	toy_set_like_linux(true);
	rig = rig_new(2, true);
	load_kernel(rig);
	start_all(rig);
	connect_client(rig);
	g_assert_false(names_tasks(rig));
	tell_symbols(rig, 0); /* it does not know of KASLR */
	g_assert_false(names_tasks(rig));
	tell_symbols(rig, MOVED); /* the user has loaded symbols anew */
	g_assert_true(names_tasks(rig));
	rsp_expect(rig->client, "qSymbol:10:6e6f6e65", "OK"); /* "none": not asked for */
	rsp_expect(rig->client, "qSymbol:zz:696e69745f7461736b",
		   "qSymbol:5f5f7065725f6370755f6f6666736574");
	g_assert_true(names_tasks(rig));
	hang_up(rig);
	connect_client(rig);
	g_assert_false(names_tasks(rig));
	rig_free(rig);
	toy_set_like_linux(false);
}

/* Before the kernel has set the register there is nothing to say, and nothing to warn of. */
static void test_early(void)
{
	Kernel kernel;

	kernel_open(&kernel, banner);
	expect_offsets(&kernel, "");
	expect_has(kernel.rig, "kaslr", "not come far enough");
	g_assert_cmpuint(GET(kernel.rig->warnings), ==, 0);
	/* The same later; a kernel that was not moved is no news to qOffsets. */
	set_lstar(kernel.rig, 1, TEXT + ENTRY + MOVED);
	expect_has(kernel.rig, "kaslr", "kernel moved by 0x4000\n");
	kernel_close(&kernel);
}

/* Another build: the user is warned, once, and symbols stay where they were linked. */
static void test_mismatch(void)
{
	Kernel kernel;

	kernel_open(&kernel, "Linux version 6.2-toy\n");
	set_lstar(kernel.rig, 1, TEXT + ENTRY + MOVED);
	expect_offsets(&kernel, "");
	expect_has(kernel.rig, "kaslr", "not that of the kernel that runs");
	rsp_expect(kernel.rig->client, "D", "OK");
	hang_up(kernel.rig);
	connect_client(kernel.rig);
	expect_offsets(&kernel, "");
	g_assert_cmpuint(GET(kernel.rig->warnings), ==, 1);
	kernel_close(&kernel);
}

/* Kernels move by whole pages: what does not is another build's entry. */
static void test_odd(void)
{
	Kernel kernel;

	kernel_open(&kernel, banner);
	memcpy(toy_ram(kernel.rig->vm) + TEXT + MOVED + BANNER + 8, banner, sizeof(banner));
	set_lstar(kernel.rig, 1, TEXT + ENTRY + MOVED + 8);
	expect_offsets(&kernel, "");
	expect_has(kernel.rig, "kaslr", "not that of the kernel that runs");
	kernel_close(&kernel);
}

/* A program of its own that is debugged as the kernel of a machine: it is not a wrong vmlinux. */
static void test_no_linux(void)
{
	Kernel kernel;
	Image image;
	char *name;

	make_image(&image, banner);
	name = memmem(image.names, sizeof(image.names), "linux_banner", 12);
	g_assert_nonnull(name);
	memcpy(name, "other", 5);
	kernel_open_image(&kernel, &image);
	set_lstar(kernel.rig, 1, TEXT + ENTRY + MOVED);
	rsp_expect(kernel.rig->client, "qOffsets", "");
	expect_has(kernel.rig, "kaslr", "is no Linux kernel");
	g_assert_cmpuint(GET(kernel.rig->warnings), ==, 0);
	kernel_close(&kernel);
}

/* What a client gets that opens @path begins with @start; NULL: there is no such file. */
static void expect_file(Kernel *kernel, const char *path, const char *start)
{
	g_autoptr(GError) error = NULL;
	int fd = kvm_target_ops.files->open(kernel->rig->gdb, path, &error);
	char head[4] = {0};

	if (!start) {
		g_assert_error(error, GDB_ERROR, GDB_ERROR_NOENT);
		return;
	}
	g_assert_no_error(error);
	g_assert_cmpint(pread(fd, head, sizeof(head), 0), ==, sizeof(head));
	g_assert_cmpmem(head, sizeof(head), start, sizeof(head));
	close(fd);
}

/*
 * For a client on another host: the file as it is now at the path that the client was told, and no
 * other. No kernel is looked for meanwhile.
 */
static void test_given_file(void)
{
	g_autofree char *path = NULL, *other = NULL;
	g_autoptr(GError) error = NULL;
	Kernel kernel;

	kernel_open(&kernel, banner);
	path = g_build_filename(kernel.dir, "vmlinux", NULL);
	other = g_build_filename(kernel.dir, "vmlinuz", NULL);
	g_assert_cmpstr(kvm_target_ops.program->exec_file(kernel.rig->gdb), ==, path);
	g_assert_true(g_file_set_contents(other, "other", -1, NULL));
	expect_file(&kernel, other, NULL);
	expect_file(&kernel, "", NULL);
	expect_file(&kernel, path, ELFMAG);
	/* Built anew: as a client on this host gets it. */
	g_assert_cmpint(rename(other, path), ==, 0);
	expect_file(&kernel, path, "othe");
	/* Nobody ever writes to this. */
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	g_assert_cmpint(kvm_target_ops.files->open(kernel.rig->gdb, path, &error), ==, -1);
	g_assert_nonnull(strstr(error->message, "not a file"));
	g_assert_null(kernel.rig->gdb->guest_linux);
	expect_has(kernel.rig, "symbols", path);
	expect_has(kernel.rig, "symbols", "--gdb WHERE,remote\n");
	kernel_close(&kernel);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"told", test_told},
		{"moved", test_moved},
		{"tasks", test_tasks},
		{"early", test_early},
		{"mismatch", test_mismatch},
		{"odd", test_odd},
		{"no-linux", test_no_linux},
		{"no-name", test_no_name},
		{"given-file", test_given_file},
		{0},
	};

	return test_main(argc, argv, "engine-symbols", cases);
}
