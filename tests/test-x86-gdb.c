/*
 * Tests that real gdb takes the x86 description: no warning, and its own registers and types are
 * made of it. Skipped without gdb.
 */
#include <glib.h>
#include <unistd.h>

#include "x86/kvm/reg-access.h"

#define HAS_ALL (X86_HAS_XSAVE | X86_HAS_AVX | X86_HAS_AVX512 | X86_HAS_PKEYS)

typedef GdbRegSet *(*MakeSet)(unsigned has, const X86Msr *msrs);

/*
 * What gdb with the description of @has says to @expressions, one `ptype` each; NULL: no gdb.
 * @architecture: what it knows from the user's ELF file.
 */
static char *ask_gdb(MakeSet make, const char *architecture, unsigned has,
		     const char *const *expressions)
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
	g_autoptr(GdbRegSet) set = make(has, msrs);
	int fd = g_file_open_tmp("vmgdb-XXXXXX.xml", &path, NULL);
	g_assert_cmpint(fd, >=, 0);
	close(fd);
	g_assert_true(g_file_set_contents(path, gdb_reg_set_xml(set), -1, NULL));

	g_ptr_array_add(args, g_strdup(gdb));
	g_ptr_array_add(args, g_strdup("-nx"));
	g_ptr_array_add(args, g_strdup("-batch"));
	g_ptr_array_add(args, g_strdup("-ex"));
	g_ptr_array_add(args, g_strdup_printf("set architecture %s", architecture));
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

static char *ask_as(MakeSet make, const char *architecture, unsigned has,
		    const char *const *expressions)
{
	char *text = ask_gdb(make, architecture, has, expressions);

	if (!text) {
		g_test_skip("no gdb");
		return NULL;
	}
	g_test_message("%s", text);
	g_assert_null(strstr(text, "arning"));
	g_assert_null(strstr(text, "rror"));
	return text;
}

static char *ask(unsigned has, const char *const *expressions)
{
	return ask_as(x86_reg_set_new, "i386:x86-64", has, expressions);
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
	/* Behind what it says of the architecture. */
	g_assert_true(g_str_has_suffix(
		none, ".\ntype = void\ntype = void\ntype = void\ntype = void\ntype = void\n"));
}

static void test_avx(void)
{
	static const char *const expressions[] = {"$ymm0", "$ymm15", "$xcr0", NULL};
	g_autofree char *text = ask(X86_HAS_XSAVE | X86_HAS_AVX, expressions);

	if (text)
		g_assert_null(strstr(text, "= void\n"));
}

/* With a 32-bit ELF file gdb takes this one and no other. */
static void test_i386(void)
{
	static const char *const expressions[] = {
		"$eip",	    "$esp",  "$eflags",	 "$cs",	       "$ax",	"$st0",	 "$xmm7",
		"$ymm0",    "$ymm7", "$mxcsr",	 "$cr0",       "$cr3",	"$efer", "$dr7",
		"$tr_base", "$pat",  "$fs_base", "$apic_base", "$xcr0", NULL,
	};
	g_autofree char *text = ask_as(x86_i386_set_new, "i386", HAS_ALL, expressions);

	if (!text)
		return;
	g_assert_null(strstr(text, "= void\n"));
	g_assert_nonnull(strstr(text, "v8_float"));
	g_autofree char *wrong = ask_gdb(x86_reg_set_new, "i386", HAS_ALL, expressions);
	g_assert_nonnull(strstr(wrong, "arning"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-gdb/everything", test_everything);
	g_test_add_func("/x86-gdb/base-only", test_base_only);
	g_test_add_func("/x86-gdb/avx", test_avx);
	g_test_add_func("/x86-gdb/i386", test_i386);
	return g_test_run();
}
