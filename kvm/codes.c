/*
 * kvm/codes.c - a table from breakpoints to their bytecode.
 */
#include "kvm/codes.h"

struct KvmCodes {
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

KvmCodes *kvm_codes_new(void)
{
	KvmCodes *codes = g_new0(KvmCodes, 1);

	codes->table =
		g_hash_table_new_full(hash, equal, g_free, (GDestroyNotify)gdb_break_code_unref);
	return codes;
}

void kvm_codes_free(KvmCodes *codes)
{
	g_hash_table_unref(codes->table);
	g_free(codes);
}

static size_t size_at(const KvmCodes *codes, const GdbBreak *bp)
{
	const GdbBreakCode *code = kvm_codes_get(codes, bp);

	return code ? gdb_break_code_size(code) : 0;
}

bool kvm_codes_fit(const KvmCodes *codes, const GdbBreak *bp, const GdbBreakCode *code,
		   GError **error)
{
	size_t others = codes->bytes - size_at(codes, bp);

	if (gdb_break_code_size(code) <= KVM_CODES_MAX - others)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC,
		    "the conditions and commands of all breakpoints take more than %d bytes",
		    KVM_CODES_MAX);
	return false;
}

void kvm_codes_set(KvmCodes *codes, const GdbBreak *bp, GdbBreakCode *code)
{
	GdbBreak key = key_of(bp);

	codes->bytes -= size_at(codes, bp);
	if (!code) {
		g_hash_table_remove(codes->table, &key);
		return;
	}
	codes->bytes += gdb_break_code_size(code);
	g_hash_table_replace(codes->table, g_memdup2(&key, sizeof(key)), gdb_break_code_ref(code));
}

GdbBreakCode *kvm_codes_get(const KvmCodes *codes, const GdbBreak *bp)
{
	GdbBreak key;

	if (!kvm_codes_any(codes))
		return NULL;
	key = key_of(bp);
	return g_hash_table_lookup(codes->table, &key);
}

bool kvm_codes_any(const KvmCodes *codes)
{
	return g_hash_table_size(codes->table) > 0;
}

void kvm_codes_clear(KvmCodes *codes)
{
	g_hash_table_remove_all(codes->table);
	codes->bytes = 0;
}
