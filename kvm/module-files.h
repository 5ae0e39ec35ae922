/*
 * kvm/module-files.h - the host's files of modules: those of a build folder, or of /lib/modules.
 * Owns the list of them. No lock: the engine calls it under its own.
 */
#ifndef VMGDB_KVM_MODULE_FILES_H
#define VMGDB_KVM_MODULE_FILES_H

#include <glib.h>

typedef struct KvmModuleFiles KvmModuleFiles;

/*
 * kvm_module_files_new: what the folder @dir names in its modules.dep, else modules.order, and each
 * .ko that lies in it; a file of the same path under /usr/lib/debug comes first. What is compressed
 * gdb cannot read: it is left out. NULL with @error: no folder, or one without any module.
 * kvm_module_files_find: files (absolute paths) of the module @name, NULL at the end, or NULL.
 */
KvmModuleFiles *kvm_module_files_new(const char *dir, GError **error);
void kvm_module_files_free(KvmModuleFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmModuleFiles, kvm_module_files_free)
const char *const *kvm_module_files_find(const KvmModuleFiles *files, const char *name);

#endif
