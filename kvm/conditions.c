/*
 * kvm/conditions.c - a table from breakpoints to their bytecode.
 */
#include "kvm/conditions.h"

struct KvmConditions {
	GHashTable *table; /* GdbBreak -> GdbBreakCode, both owned */
	size_t bytes;
};

static guint hash(gconstpointer key)
{
	const GdbBreak *bp = key;

	return g_int64_hash(&bp->addr) ^ bp->type << 29 ^ (guint)bp->kind;
}

static gboolean equal(gconstpointer a, gconstpointer b)
{
	const GdbBreak *x = a, *y = b;

	return x->type == y->type && x->addr == y->addr && x->kind == y->kind;
}

static GdbBreak key_of(const GdbBreak *bp)
{
	GdbBreak key = *bp;

	if (key.type == GDB_BREAK_SW || key.type == GDB_BREAK_HW || key.type == GDB_BREAK_PHYSICAL)
		key.kind = 0;
	return key;
}

KvmConditions *kvm_conditions_new(void)
{
	KvmConditions *all = g_new0(KvmConditions, 1);

	all->table =
		g_hash_table_new_full(hash, equal, g_free, (GDestroyNotify)gdb_break_code_unref);
	return all;
}

void kvm_conditions_free(KvmConditions *all)
{
	g_hash_table_unref(all->table);
	g_free(all);
}

static size_t size_at(const KvmConditions *all, const GdbBreak *bp)
{
	const GdbBreakCode *code = kvm_conditions_get(all, bp);

	return code ? gdb_break_code_size(code) : 0;
}

bool kvm_conditions_fit(const KvmConditions *all, const GdbBreak *bp, const GdbBreakCode *code,
			GError **error)
{
	size_t others = all->bytes - size_at(all, bp);

	if (gdb_break_code_size(code) <= KVM_CONDITIONS_MAX - others)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC,
		    "the conditions and commands of all breakpoints take more than %d bytes",
		    KVM_CONDITIONS_MAX);
	return false;
}

void kvm_conditions_set(KvmConditions *all, const GdbBreak *bp, GdbBreakCode *code)
{
	GdbBreak key = key_of(bp);

	all->bytes -= size_at(all, bp);
	if (!code) {
		g_hash_table_remove(all->table, &key);
		return;
	}
	all->bytes += gdb_break_code_size(code);
	g_hash_table_replace(all->table, g_memdup2(&key, sizeof(key)), gdb_break_code_ref(code));
}

GdbBreakCode *kvm_conditions_get(const KvmConditions *all, const GdbBreak *bp)
{
	GdbBreak key;

	if (!kvm_conditions_any(all))
		return NULL;
	key = key_of(bp);
	return g_hash_table_lookup(all->table, &key);
}

bool kvm_conditions_any(const KvmConditions *all)
{
	return g_hash_table_size(all->table) > 0;
}

void kvm_conditions_clear(KvmConditions *all)
{
	g_hash_table_remove_all(all->table);
	all->bytes = 0;
}
