/*
 * guest/types.c - reads BTF, and finds members of structures in it.
 *
 * libbpf checks that the section is whole, but prints what it does not like; a guest must not write
 * to our terminal. So everything that libbpf would complain about is looked for here first.
 */
#include "guest/types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <linux/btf.h>
#include <string.h>

#include "guest/hash.h"
#include "guest/memory.h"

struct LinuxTypes {
	struct btf *btf;
	unsigned first;		/* type that is not one of the base's */
	GHashTable *composites; /* name -> number of the first structure or union of that name */
};

/* ---- Is the section whole? ---- */

static bool G_GNUC_PRINTF(2, 3) damaged(GError **error, const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list ap;

	va_start(ap, format);
	what = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED, "the kernel's types (BTF): %s", what);
	return false;
}

static bool check_header(const void *data, size_t len, struct btf_header *ret, GError **error)
{
	uint64_t rest;

	if (len < sizeof(*ret) || len > LINUX_TYPES_MAX)
		return damaged(error, "a section of %zu bytes", len);
	memcpy(ret, data, sizeof(*ret));
	if (ret->magic != BTF_MAGIC || ret->version != BTF_VERSION)
		return damaged(error, "magic 0x%x, version %u are unknown", ret->magic,
			       ret->version);
	if (ret->hdr_len < sizeof(*ret) || ret->hdr_len > len || ret->hdr_len % 4)
		return damaged(error, "a header of %u bytes", ret->hdr_len);
	rest = len - ret->hdr_len;
	if (ret->type_off % 4 || (uint64_t)ret->type_off + ret->type_len > ret->str_off ||
	    (uint64_t)ret->str_off + ret->str_len > rest)
		return damaged(error, "the header names bytes behind the end");
	return true;
}

/* What follows struct btf_type, in bytes: at once, and for each of its vlen parts. */
typedef struct Tail {
	bool known;
	uint8_t once, each;
} Tail;

static const Tail tails[] = {
	[BTF_KIND_INT] = {true, sizeof(uint32_t), 0},
	[BTF_KIND_PTR] = {true, 0, 0},
	[BTF_KIND_ARRAY] = {true, sizeof(struct btf_array), 0},
	[BTF_KIND_STRUCT] = {true, 0, sizeof(struct btf_member)},
	[BTF_KIND_UNION] = {true, 0, sizeof(struct btf_member)},
	[BTF_KIND_ENUM] = {true, 0, sizeof(struct btf_enum)},
	[BTF_KIND_FWD] = {true, 0, 0},
	[BTF_KIND_TYPEDEF] = {true, 0, 0},
	[BTF_KIND_VOLATILE] = {true, 0, 0},
	[BTF_KIND_CONST] = {true, 0, 0},
	[BTF_KIND_RESTRICT] = {true, 0, 0},
	[BTF_KIND_FUNC] = {true, 0, 0},
	[BTF_KIND_FUNC_PROTO] = {true, 0, sizeof(struct btf_param)},
	[BTF_KIND_VAR] = {true, sizeof(struct btf_var), 0},
	[BTF_KIND_DATASEC] = {true, 0, sizeof(struct btf_var_secinfo)},
	[BTF_KIND_FLOAT] = {true, 0, 0},
	[BTF_KIND_DECL_TAG] = {true, sizeof(struct btf_decl_tag), 0},
	[BTF_KIND_TYPE_TAG] = {true, 0, 0},
	[BTF_KIND_ENUM64] = {true, 0, sizeof(struct btf_enum64)},
};

static bool check_types(const uint8_t *at, size_t left, GError **error)
{
	while (left) {
		struct btf_type type;
		unsigned kind;
		size_t size;

		if (left < sizeof(type))
			return damaged(error, "the last type is cut off");
		memcpy(&type, at, sizeof(type));
		kind = BTF_INFO_KIND(type.info);
		if (kind >= G_N_ELEMENTS(tails) || !tails[kind].known)
			return damaged(error, "types of kind %u are unknown", kind);
		size = sizeof(type) + tails[kind].once +
		       (size_t)tails[kind].each * BTF_INFO_VLEN(type.info);
		if (size > left)
			return damaged(error, "the last type is cut off");
		at += size;
		left -= size;
	}
	return true;
}

/* They end up on the terminal of whoever debugs. */
static bool check_strings(const uint8_t *strings, size_t len, const LinuxTypes *base,
			  GError **error)
{
	if (base && !len)
		return true;
	if (!len || strings[len - 1] || (!base && strings[0]))
		return damaged(error, "names without a NUL");
	for (size_t i = 0; i < len; i++) {
		if (strings[i] && (strings[i] < ' ' || strings[i] >= 0x7f))
			return damaged(error, "a name has the byte 0x%02x in it", strings[i]);
	}
	return true;
}

/* ---- Making ---- */

static void index_composites(const LinuxTypes *types, unsigned from, unsigned to)
{
	for (unsigned id = from; id < to; id++) {
		const struct btf_type *type = btf__type_by_id(types->btf, id);
		const char *name = btf__name_by_offset(types->btf, type->name_off);

		if (btf_is_composite(type) && name && *name &&
		    !g_hash_table_contains(types->composites, name))
			g_hash_table_insert(types->composites, (gpointer)name,
					    GUINT_TO_POINTER(id));
	}
}

/*
 * A module's types and offsets of names go on where the kernel's end, so that one behind the other
 * they are BTF of their own. (libbpf 1.1 has btf__new_split() in its header, but not in its
 * library.)
 */
static GByteArray *join(const LinuxTypes *base, const uint8_t *data, const struct btf_header *own)
{
	GByteArray *joined = g_byte_array_new();
	uint32_t len;
	const uint8_t *under = btf__raw_data(base->btf, &len), *rest = data + own->hdr_len;
	struct btf_header header;

	memcpy(&header, under, sizeof(header));
	under += header.hdr_len;
	g_byte_array_append(joined, (const uint8_t *)&header, sizeof(header));
	g_byte_array_append(joined, under + header.type_off, header.type_len);
	g_byte_array_append(joined, rest + own->type_off, own->type_len);
	g_byte_array_append(joined, under + header.str_off, header.str_len);
	g_byte_array_append(joined, rest + own->str_off, own->str_len);
	header.hdr_len = sizeof(header);
	header.type_off = 0;
	header.type_len += own->type_len;
	header.str_off = header.type_len;
	header.str_len += own->str_len;
	memcpy(joined->data, &header, sizeof(header));
	return joined;
}

/* Many types may share one long name, and each is looked at several times. */
static bool check_names(const struct btf *btf, unsigned first, GError **error)
{
	size_t left = LINUX_TYPES_MAX;

	for (unsigned id = first; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name = btf__name_by_offset(btf, type->name_off);
		size_t len = name ? strnlen(name, left) : 0;

		if (len == left)
			return damaged(error, "the names of all types are too long");
		left -= len;
	}
	return true;
}

static struct btf *parse(const void *data, size_t len, GError **error)
{
	struct btf *btf = btf__new(data, len);

	if (!btf)
		damaged(error, "libbpf: %s", g_strerror(errno));
	else
		btf__set_pointer_size(btf, 8); /* else libbpf asks what is called "long" */
	return btf;
}

static LinuxTypes *types_of(struct btf *btf, unsigned first)
{
	LinuxTypes *types = g_new0(LinuxTypes, 1);

	types->btf = btf;
	types->first = first;
	types->composites = g_hash_table_new(linux_name_hash, g_str_equal);
	return types;
}

LinuxTypes *linux_types_new(const void *data, size_t len, const LinuxTypes *base, GError **error)
{
	const uint8_t *bytes = data;
	g_autoptr(GByteArray) joined = NULL;
	struct btf_header header = {0};
	unsigned first = base ? btf__type_cnt(base->btf) : 1;
	struct btf *btf;

	if (!check_header(data, len, &header, error) ||
	    !check_types(bytes + header.hdr_len + header.type_off, header.type_len, error) ||
	    !check_strings(bytes + header.hdr_len + header.str_off, header.str_len, base, error))
		return NULL;
	if (base)
		joined = join(base, data, &header);
	btf = joined ? parse(joined->data, joined->len, error) : parse(data, len, error);
	if (btf && check_names(btf, first, error))
		return types_of(btf, first);
	btf__free(btf);
	return NULL;
}

void linux_types_free(LinuxTypes *types)
{
	if (!types)
		return;
	g_hash_table_unref(types->composites);
	btf__free(types->btf);
	g_free(types);
}

const struct btf *linux_types_btf(const LinuxTypes *types)
{
	return types->btf;
}

unsigned linux_types_first(const LinuxTypes *types)
{
	return types->first;
}

const char *linux_types_strings(const LinuxTypes *types, size_t *ret_len)
{
	uint32_t len;
	const char *raw = btf__raw_data(types->btf, &len);
	struct btf_header header;

	memcpy(&header, raw, sizeof(header));
	*ret_len = header.str_len;
	return raw + header.hdr_len + header.str_off;
}

/* ---- Members ---- */

/*
 * How deep unnamed structures lie in each other, and how many members are looked at for one name.
 * A kernel has a few of the former and some hundreds of the latter.
 */
#define DEPTH_MAX 16u
#define WORK_MAX 100000u

/* @work: how many members may still be looked at. @bits: where the found one lies in the whole. */
typedef struct Search {
	const struct btf *btf;
	const char *name;
	size_t len;
	unsigned work;
	uint64_t bits;
} Search;

/* The structure or union that the type @id is; NULL when it is something else. */
static const struct btf_type *composite_of(const struct btf *btf, uint32_t id)
{
	int real = btf__resolve_type(btf, id);
	const struct btf_type *type = real < 0 ? NULL : btf__type_by_id(btf, real);

	return type && btf_is_composite(type) ? type : NULL;
}

static bool is_named(const Search *search, const char *name)
{
	return !strncmp(name, search->name, search->len) && !name[search->len];
}

static bool find_member(Search *search, const struct btf_type *type, unsigned depth, uint32_t *ret);

static bool find_inside(Search *search, uint32_t id, uint64_t bits, unsigned depth, uint32_t *ret)
{
	const struct btf_type *inner = composite_of(search->btf, id);

	if (!inner || depth == DEPTH_MAX || !find_member(search, inner, depth + 1, ret))
		return false;
	search->bits += bits;
	return true;
}

/* @ret: the number of its type. */
static bool find_member(Search *search, const struct btf_type *type, unsigned depth, uint32_t *ret)
{
	const struct btf_member *member = btf_members(type);

	for (unsigned i = 0; i < btf_vlen(type) && search->work; i++, member++) {
		const char *name = btf__name_by_offset(search->btf, member->name_off);
		uint64_t bits = btf_member_bit_offset(type, i);

		search->work--;
		if (name && *name && is_named(search, name)) {
			search->bits += bits;
			*ret = member->type;
			return bits % 8 == 0 && !btf_member_bitfield_size(type, i);
		}
		if (name && !*name && find_inside(search, member->type, bits, depth, ret))
			return true;
	}
	return false;
}

static const struct btf_type *composite_named(const LinuxTypes *types, const char *name)
{
	unsigned id;

	/* Many need none of them: a module's are only written down. */
	if (!g_hash_table_size(types->composites)) {
		/* A module's own ones are found before the kernel's; else the first of a name. */
		index_composites(types, types->first, btf__type_cnt(types->btf));
		index_composites(types, 1, types->first);
	}
	id = GPOINTER_TO_UINT(g_hash_table_lookup(types->composites, name));
	return id ? btf__type_by_id(types->btf, id) : NULL;
}

bool linux_types_member(const LinuxTypes *types, const char *type, const char *path,
			LinuxMember *ret)
{
	const struct btf_type *whole = composite_named(types, type), *in = whole;
	Search search = {.btf = types->btf, .work = WORK_MAX};
	uint32_t id = 0;
	int64_t size;

	for (search.name = path;; search.name += search.len + 1) {
		search.len = strcspn(search.name, ".");
		if (!in || !find_member(&search, in, 0, &id))
			return false;
		if (!search.name[search.len])
			break;
		in = composite_of(types->btf, id);
	}
	size = btf__resolve_size(types->btf, id);
	if (size < 0 || search.bits / 8 + (uint64_t)size > whole->size)
		return false;
	*ret = (LinuxMember){.offset = search.bits / 8, .size = size};
	return true;
}

bool linux_types_size(const LinuxTypes *types, const char *type, uint32_t *ret)
{
	const struct btf_type *found = composite_named(types, type);

	if (found)
		*ret = found->size;
	return found;
}
