/*
 * Tests that real gdb takes the x86 description: no warning, and its own registers and types are
 * made of it. Skipped without gdb.
 */
#include <glib.h>
#include <unistd.h>

#include "x86/regs.h"

#define HAS_ALL (X86_HAS_XSAVE | X86_HAS_AVX | X86_HAS_AVX512 | X86_HAS_PKEYS)

/* What gdb with the description of @has says to @expressions, one `ptype` each; NULL: no gdb. */
static char *ask_gdb(unsigned has, const char *const *expressions)
{
	g_autofree char *gdb = g_find_program_in_path("gdb-multiarch");
	g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *text = NULL, *complaints = NULL;
	X86Msr msrs[X86_N_MSRS];
	char *path = NULL;

	if (!gdb)
		gdb = g_find_program_in_path("gdb");
	if (!gdb)
		return NULL;
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		msrs[i] = (X86Msr){true, 0};
	g_autoptr(GdbRegSet) set = x86_reg_set_new(has, msrs);
	int fd = g_file_open_tmp("vmgdb-XXXXXX.xml", &path, NULL);
	g_assert_cmpint(fd, >=, 0);
	close(fd);
	g_assert_true(g_file_set_contents(path, gdb_reg_set_xml(set), -1, NULL));

	g_ptr_array_add(args, g_strdup(gdb));
	g_ptr_array_add(args, g_strdup("-nx"));
	g_ptr_array_add(args, g_strdup("-batch"));
	g_ptr_array_add(args, g_strdup("-ex"));
	g_ptr_array_add(args, g_strdup_printf("set tdesc filename %s", path));
	for (unsigned i = 0; expressions[i]; i++) {
		g_ptr_array_add(args, g_strdup("-ex"));
		g_ptr_array_add(args, g_strdup_printf("ptype %s", expressions[i]));
	}
	g_ptr_array_add(args, NULL);
	/* Not by GSubprocess: the thread sanitizer sees races in the thread that it starts. */
	g_assert_true(g_spawn_sync(NULL, (char **)args->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL,
				   &text, &complaints, NULL, NULL));
	unlink(path);
	g_free(path);
	return g_strconcat(text, complaints, NULL);
}

static char *ask(unsigned has, const char *const *expressions)
{
	char *text = ask_gdb(has, expressions);

	if (!text) {
		g_test_skip("no gdb");
		return NULL;
	}
	g_test_message("%s", text);
	g_assert_null(strstr(text, "arning"));
	g_assert_null(strstr(text, "rror"));
	return text;
}

/* Registers that gdb computes exist only when it knows the raw ones under their features. */
static void test_everything(void)
{
	static const char *const expressions[] = {
		"$rip",	    "$eax",   "$eflags",    "$fs_base", "$orig_rax",  "$st0",	"$ftag",
		"$xmm15",   "$ymm0",  "$ymm31",	    "$xmm31",	"$k7",	      "$zmm0",	"$zmm31",
		"$pkru",    "$cr0",   "$cr3",	    "$cr4",	"$efer",      "$dr6",	"$dr7",
		"$tr_base", "$lstar", "$apic_base", "$xcr0",	"$k_gs_base", "$mxcsr", NULL,
	};
	g_autofree char *text = ask(HAS_ALL, expressions);

	if (!text)
		return;
	g_assert_null(strstr(text, "= void\n"));
	g_assert_nonnull(strstr(text, "uint32_t IOPL @12-13"));
	g_assert_nonnull(strstr(text, "v8_float"));  /* ymm */
	g_assert_nonnull(strstr(text, "v16_float")); /* zmm */
	g_assert_nonnull(strstr(text, "i387_ext"));
	g_assert_nonnull(strstr(text, "PDBR @12-63"));
	g_assert_nonnull(strstr(text, "LEN3 @30-31"));
}

static void test_base_only(void)
{
	static const char *const with[] = {"$rip", "$xmm15", "$mxcsr", "$gs_base", "$cr3", NULL};
	static const char *const without[] = {"$ymm0", "$k0", "$zmm0", "$pkru", "$xcr0", NULL};
	g_autofree char *text = ask(0, with);

	if (!text)
		return;
	g_assert_null(strstr(text, "= void\n"));
	g_autofree char *none = ask(0, without);
	g_assert_cmpstr(none, ==,
			"type = void\ntype = void\ntype = void\ntype = void\ntype = void\n");
}

static void test_avx(void)
{
	static const char *const expressions[] = {"$ymm0", "$ymm15", "$xcr0", NULL};
	g_autofree char *text = ask(X86_HAS_XSAVE | X86_HAS_AVX, expressions);

	if (text)
		g_assert_null(strstr(text, "= void\n"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-gdb/everything", test_everything);
	g_test_add_func("/x86-gdb/base-only", test_base_only);
	g_test_add_func("/x86-gdb/avx", test_avx);
	return g_test_run();
}
