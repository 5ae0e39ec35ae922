/*
 * kvm/linux-modules.c - lists modules as libraries, makes their files, and notices changes.
 *
 * A module's file is named after where the module is, and whether it has its init functions: as
 * long as a name stays the same, a client need not read that file again.
 */
#include "kvm/linux-modules.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "guest/hash.h"
#include "guest/module-ko.h"
#include "guest/vmlinux.h"
#include "kvm/kaslr.h"
#include "kvm/linux.h"
#include "kvm/module-files.h"

/* In the order of own_functions. */
typedef enum OwnPlace { OWN_LOADED, OWN_INIT_GONE, OWN_FREED, N_OWN_PLACES } OwnPlace;

/*
 * All of them from Linux 4.19 on. do_init_module(): the module is in the list, with its symbols,
 * and about to be called. do_free_init(): what init functions had is in no module any more, and
 * will be freed. free_module(): its last function has returned.
 */
static const char *const own_functions[N_OWN_PLACES] = {"do_init_module", "do_free_init",
							"free_module"};

/*
 * A module that the client has read of. @name: of the file that is made. @file: the host's file in
 * place of it, or NULL, and where its sections are (uint64_t).
 */
typedef struct Listed {
	uint64_t addr; /* of its struct module */
	uint64_t base;
	char *name, *file;
	GArray *sections;
} Listed;

struct KvmModules {
	LinuxModules *of;	       /* the kernel; or NULL */
	uint64_t places[N_OWN_PLACES]; /* 0: it has no such function */
	GHashTable *freed; /* those that free_module() was called for, and that are still listed */
	GPtrArray *listed; /* of Listed */
	GArray *libraries; /* GdbLibrary of each, if it has one */
	LinuxMaker *maker; /* of a file; or NULL */
	char *making;	   /* its name */
};

static void listed_free(void *opaque)
{
	Listed *listed = opaque;

	g_free(listed->name);
	g_free(listed->file);
	if (listed->sections)
		g_array_unref(listed->sections);
	g_free(listed);
}

static void stop_making(struct KvmModules *modules)
{
	g_clear_pointer(&modules->maker, linux_maker_free);
	g_clear_pointer(&modules->making, g_free);
}

void modules_let_run(KvmGdb *gdb)
{
	if (gdb->modules)
		stop_making(gdb->modules);
}

void modules_forget(KvmGdb *gdb)
{
	struct KvmModules *modules = g_steal_pointer(&gdb->modules);

	if (!modules)
		return;
	stop_making(modules);
	g_clear_pointer(&modules->of, linux_modules_free);
	g_hash_table_unref(modules->freed);
	g_ptr_array_unref(modules->listed);
	g_array_unref(modules->libraries);
	g_free(modules);
}

/* Compilers name what they have changed "do_init_module.isra.0", and the rare part ".cold". */
static bool is_function(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(symbol, name, len) &&
	       (!symbol[len] || (symbol[len] == '.' && !strstr(symbol + len, ".cold")));
}

static uint64_t find_function(const LinuxSymbols *symbols, const char *name)
{
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);

	for (unsigned i = 0; i < n; i++) {
		if (linux_symbol_is_code(&rows[i]) &&
		    is_function(linux_symbols_name(symbols, &rows[i]), name))
			return rows[i].addr;
	}
	return 0;
}

/*
 * A kernel that has no symbol for the list shows where it is when there is a module in it: it is
 * looked for again then.
 */
static struct KvmModules *modules_of(KvmGdb *gdb, const LinuxKernel *kernel)
{
	struct KvmModules *modules = gdb->modules;

	if (!modules) {
		modules = g_new0(struct KvmModules, 1);
		modules->freed =
			g_hash_table_new_full(linux_number_hash, g_int64_equal, g_free, NULL);
		modules->listed = g_ptr_array_new_with_free_func(listed_free);
		modules->libraries = g_array_new(FALSE, FALSE, sizeof(GdbLibrary));
		for (unsigned i = 0; i < N_OWN_PLACES && kernel->types; i++)
			modules->places[i] = find_function(kernel->symbols, own_functions[i]);
		gdb->modules = modules;
	}
	if (!modules->of)
		modules->of = linux_modules_new(kernel, NULL);
	return modules;
}

/* ---- The list ---- */

static char *name_of(const LinuxModule *module)
{
	g_autofree char *name = g_strdup(module->name);

	g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-", '_');
	return g_strdup_printf("/vmgdb/%" PRIx64 "%s/%s.ko", module->pieces[0].base,
			       linux_module_has_init(module) ? "-init" : "", name);
}

/* One that is being freed stays in the kernel's list for a moment. */
static bool is_listed(const struct KvmModules *modules, const LinuxModule *module)
{
	return module->n_pieces && module->pieces[0].base && module->pieces[0].size &&
	       !(module->state == LINUX_MODULE_GOING &&
		 g_hash_table_contains(modules->freed, &module->addr));
}

/* As they are now, of Listed, but for the host's files. */
static GPtrArray *make_list(const struct KvmModules *modules)
{
	GPtrArray *listed = g_ptr_array_new_with_free_func(listed_free);
	g_autoptr(GArray) list = modules->of ? linux_modules_list(modules->of) : NULL;

	for (unsigned i = 0; list && i < list->len; i++) {
		const LinuxModule *module = &g_array_index(list, LinuxModule, i);
		Listed *one;

		if (!is_listed(modules, module))
			continue;
		one = g_new0(Listed, 1);
		one->addr = module->addr;
		one->base = module->pieces[0].base;
		one->name = name_of(module);
		g_ptr_array_add(listed, one);
	}
	return listed;
}

/* ---- The host's files ---- */

/* @is_loading: by another name of the same file, so that a client reads it again after the init. */
static void take_file(Listed *listed, const char *path, bool is_loading, GArray *sections)
{
	g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);

	listed->file = is_loading ? g_strdup_printf("%s/./%s", folder, name) : g_strdup(path);
	listed->sections = g_array_ref(sections);
}

static bool try_file(const struct KvmModules *modules, Listed *listed, const LinuxModule *module,
		     const char *path, GError **error)
{
	g_autoptr(GArray) sections = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	int fd = host_file_open(path, NULL);
	bool fits = fd >= 0 && linux_module_fits(modules->of, module, fd, sections, error);

	if (fd >= 0)
		close(fd);
	if (fits)
		take_file(listed, path, linux_module_has_init(module), sections);
	return fits;
}

/* One that does not fit is never taken, and the user hears of it. */
static void find_file(KvmGdb *gdb, Listed *listed)
{
	const struct KvmModules *modules = gdb->modules;
	const char *const *paths;
	g_autoptr(GError) reason = NULL;
	LinuxModule module;

	if (!linux_module_read(modules->of, listed->addr, &module))
		return;
	paths = kvm_module_files_find(gdb->module_files, module.name);
	for (; paths && *paths; paths++) {
		g_clear_error(&reason);
		if (try_file(modules, listed, &module, *paths, &reason))
			return;
	}
	if (reason)
		engine_log(gdb, "gdb: no file of the host's for the module %s: %s", module.name,
			   reason->message);
}

/* What was found for a module that the client has read of holds. */
static bool keep_file(const GPtrArray *before, Listed *listed)
{
	for (unsigned i = 0; i < before->len; i++) {
		Listed *old = before->pdata[i];

		if (!g_str_equal(old->name, listed->name))
			continue;
		listed->file = g_steal_pointer(&old->file);
		listed->sections = g_steal_pointer(&old->sections);
		return true;
	}
	return false;
}

static void find_files(KvmGdb *gdb, const GPtrArray *before, const GPtrArray *now)
{
	for (unsigned i = 0; gdb->module_files && i < now->len; i++) {
		if (!keep_file(before, now->pdata[i]))
			find_file(gdb, now->pdata[i]);
	}
}

/* A file that is made can be read only by a client that reads all its files so. */
static void set_libraries(const KvmGdb *gdb, struct KvmModules *modules)
{
	g_array_set_size(modules->libraries, 0);
	for (unsigned i = 0; i < modules->listed->len; i++) {
		const Listed *listed = modules->listed->pdata[i];
		GdbLibrary library = {.name = listed->name, .segment = listed->base};

		if (listed->file)
			library = (GdbLibrary){
				.name = listed->file,
				.sections = (const uint64_t *)(const void *)listed->sections->data,
				.n_sections = listed->sections->len,
			};
		if (listed->file || !gdb->vmlinux)
			g_array_append_val(modules->libraries, library);
	}
}

bool kvm_gdb_set_modules(KvmGdb *gdb, const char *dir, GError **error)
{
	KvmModuleFiles *files = kvm_module_files_new(dir, error);
	LOCKED(gdb);

	if (!files)
		return false;
	kvm_module_files_free(gdb->module_files);
	gdb->module_files = files;
	return true;
}

/* ---- For the client ---- */

/* From now on the client hears of changes. */
static void set_places(KvmGdb *gdb, const struct KvmModules *modules)
{
	const Space space = space_of(kvm_vcpu_at(gdb, gdb->stop_cpu));
	const KvmFinder finder = translate_finder(&space);
	uint64_t addrs[N_OWN_PLACES];
	unsigned n = 0;

	G_STATIC_ASSERT(N_OWN_PLACES <= KVM_BREAKS_INTERNAL_MAX);
	for (unsigned i = 0; i < N_OWN_PLACES; i++) {
		if (modules->places[i])
			addrs[n++] = modules->places[i];
	}
	kvm_breaks_set_internal(gdb->breaks, addrs, n, &finder);
}

const GdbLibrary *modules_list(void *target, unsigned *ret_n, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const LinuxKernel *kernel = linux_kernel(gdb, error);
	struct KvmModules *modules = kernel ? modules_of(gdb, kernel) : NULL;
	GPtrArray *now;

	if (!modules)
		return NULL;
	now = make_list(modules);
	find_files(gdb, modules->listed, now);
	g_ptr_array_unref(modules->listed);
	modules->listed = now;
	set_libraries(gdb, modules);
	set_places(gdb, modules);
	*ret_n = modules->libraries->len;
	return (const GdbLibrary *)(const void *)modules->libraries->data;
}

bool modules_offers(void *target)
{
	KvmGdb *gdb = target;
	bool has_files;

	engine_lock(gdb);
	has_files = gdb->module_files && kaslr_is_native(gdb);
	engine_unlock(gdb);
	return has_files || linux_file_program(target) != NULL;
}

/* ---- Changes ---- */

/* DWARF and gdb have the same number for the register of the first argument. */
static uint64_t first_argument(KvmGdbVcpu *vcpu)
{
	const GdbReg *reg = gdb_reg_set_by_num(vcpu->gdb->regs, arch_info.abi.args[0]);
	uint64_t value = 0;

	if (!reg || gdb_reg_bytes(reg) != sizeof(value) ||
	    !arch_read_reg(vcpu->arch, reg, (uint8_t *)&value, NULL))
		return 0;
	return GUINT64_FROM_LE(value);
}

/* Of what is freed only as many are kept as there can be in the list. */
static void note_place(struct KvmModules *modules, KvmGdbVcpu *vcpu, uint64_t pc)
{
	uint64_t module = first_argument(vcpu);

	if (pc == modules->places[OWN_LOADED])
		g_hash_table_remove(modules->freed, &module);
	if (pc == modules->places[OWN_FREED] &&
	    g_hash_table_size(modules->freed) < LINUX_MODULES_MAX)
		g_hash_table_add(modules->freed, g_memdup2(&module, sizeof(module)));
}

static bool same_list(const GPtrArray *a, const GPtrArray *b)
{
	for (unsigned i = 0; i < a->len && i < b->len; i++) {
		const Listed *one = a->pdata[i], *other = b->pdata[i];

		if (!g_str_equal(one->name, other->name))
			return false;
	}
	return a->len == b->len;
}

bool modules_changed(KvmGdbVcpu *vcpu, uint64_t pc)
{
	const LinuxKernel *kernel = linux_known_by(vcpu);
	struct KvmModules *modules;
	g_autoptr(GPtrArray) now = NULL;

	if (!kernel || !vcpu->gdb->modules)
		return false;
	modules = modules_of(vcpu->gdb, kernel);
	note_place(modules, vcpu, pc);
	now = make_list(modules);
	return !same_list(modules->listed, now);
}

/* ---- Files ---- */

static const Listed *find_listed(const struct KvmModules *modules, const char *path)
{
	for (unsigned i = 0; modules && i < modules->listed->len; i++) {
		const Listed *listed = modules->listed->pdata[i];

		if (g_str_equal(listed->file ? listed->file : listed->name, path))
			return listed;
	}
	return NULL;
}

/* The guest may have changed it since: then its name is another one. */
static bool is_still(const struct KvmModules *modules, const Listed *listed, LinuxModule *ret)
{
	g_autofree char *name = NULL;

	if (!modules->of || !linux_module_read(modules->of, listed->addr, ret) || !ret->n_pieces)
		return false;
	name = name_of(ret);
	return g_str_equal(name, listed->name);
}

/* Another client's may be half made. */
static int make_file(struct KvmModules *modules, const Listed *listed, const LinuxModule *module,
		     GError **error)
{
	g_autoptr(GError) reason = NULL;
	int fd;

	if (g_strcmp0(modules->making, listed->name) != 0) {
		stop_making(modules);
		modules->maker = linux_module_maker(modules->of, module, &arch_info.abi);
		modules->making = g_strdup(listed->name);
	}
	if (!linux_maker_step(modules->maker))
		return -1;
	fd = linux_maker_end(g_steal_pointer(&modules->maker), &reason);
	stop_making(modules);
	if (reason)
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "no file for gdb: %s", reason->message);
	return fd;
}

int modules_open(KvmGdb *gdb, const char *path, GError **error)
{
	struct KvmModules *modules = gdb->modules;
	const Listed *listed = find_listed(modules, path);
	LinuxModule module;

	if (listed && listed->file)
		return host_file_open(path, error);
	if (!listed || !is_still(modules, listed, &module)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "there is no such file");
		return -1;
	}
	return make_file(modules, listed, &module, error);
}
