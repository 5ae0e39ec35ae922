/*
 * kvm/monitor-memory.c - x, xp, and from one kind of address to another.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "kvm/internal.h"
#include "kvm/monitor.h"

/* ---- Addresses ---- */

static bool take_address(void *target, GdbPlace place, const char *args, uint64_t *ret,
			 GError **error)
{
	return monitor_take_number(target, place, &args, "an address", ret, error) &&
	       monitor_take_end(args, error);
}

static bool gva2gpa(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	KvmGdb *gdb = target;
	ArchMapping mapping;
	uint64_t addr;
	Space space;

	if (!take_address(target, place, args, &addr, error))
		return false;
	LOCKED(gdb);
	if (!target_space(gdb, place, addr, &space, error))
		return false;
	if (translate_in(&space, addr, &mapping, NULL))
		g_string_append_printf(out, "gpa: 0x%" PRIx64 "\n", mapping.gpa);
	else
		g_string_append(out, "Unmapped\n");
	return true;
}

#define NAME_ROOM 16

/* @name: of the memory that @gpa is in. */
static bool find_host(KvmGdb *gdb, uint64_t gpa, char name[NAME_ROOM], uint8_t **ret_host,
		      GError **error)
{
	KvmSpan span;

	for (unsigned i = 0; kvm_memory_get_span(gdb->memory, i, &span); i++) {
		if (gpa - span.gpa >= span.size)
			continue;
		g_snprintf(name, NAME_ROOM, "%s%u", monitor_span_kind(&span), i);
		*ret_host = span.host + (gpa - span.gpa);
		return true;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT, "No memory is mapped at address 0x%" PRIx64,
		    gpa);
	return false;
}

static bool gpa2hva(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	uint64_t gpa;
	char name[NAME_ROOM];
	uint8_t *host;

	if (!take_address(target, place, args, &gpa, error) ||
	    !find_host(target, gpa, name, &host, error))
		return false;
	g_string_append_printf(out, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", gpa,
			       name, (void *)host);
	return true;
}

#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_FRAME ((1ull << 55) - 1)

/* Documentation/admin-guide/mm/pagemap.rst: the frame reads 0 without CAP_SYS_ADMIN. */
static bool read_pagemap(const uint8_t *host, uint64_t *ret, GError **error)
{
	uint64_t page = sysconf(_SC_PAGESIZE), entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pread(fd, &entry, sizeof(entry), (uintptr_t)host / page * 8) == 8;

	if (fd >= 0)
		close(fd);
	if (ok && entry & PAGEMAP_PRESENT && entry & PAGEMAP_FRAME) {
		*ret = (entry & PAGEMAP_FRAME) * page + (uintptr_t)host % page;
		return true;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "%s",
		    !ok			      ? "cannot read /proc/self/pagemap"
		    : entry & PAGEMAP_PRESENT ? "the host tells physical addresses only to root"
					      : "the host has not given this page any memory");
	return false;
}

static bool gpa2hpa(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	uint64_t gpa, hpa;
	char name[NAME_ROOM];
	uint8_t *host;

	if (!take_address(target, place, args, &gpa, error) ||
	    !find_host(target, gpa, name, &host, error) || !read_pagemap(host, &hpa, error))
		return false;
	g_string_append_printf(out,
			       "Host physical address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n",
			       gpa, name, hpa);
	return true;
}

/* ---- x and xp ---- */

#define MAX_BYTES (1024 * 1024)
#define STRING_MAX 200

typedef struct Format {
	uint64_t count;
	char letter; /* x o d u c s */
	unsigned size;
} Format;

static bool fail_format(const char *at, GError **error)
{
	if (*at == 'i')
		g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
			    "this stub has no disassembler: use the debugger's x/i");
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "expected /COUNT, one of x o d u c s, and one of b h w g, got '%.20s'",
			    at);
	return false;
}

/* "/8xb": a count, then letters in any order; none of them is needed. */
static bool take_format(const char **args, Format *ret, GError **error)
{
	static const char sizes[] = "bhwg";
	const char *at = *args;
	unsigned most;
	char *end;

	*ret = (Format){1, 'x', 4};
	if (*at != '/')
		return true;
	if (g_ascii_isdigit(*++at)) {
		ret->count = g_ascii_strtoull(at, &end, 10);
		at = end;
	}
	/* Scripts also write "xp/8xb0x7c00". */
	for (; *at && *at != '$' && !g_ascii_isspace(*at) && !g_ascii_isdigit(*at); at++) {
		const char *size = strchr(sizes, *at);

		if (size)
			ret->size = 1u << (size - sizes);
		else if (strchr("xoducs", *at))
			ret->letter = *at;
		else
			return fail_format(at, error);
	}
	if (ret->letter == 'c' || ret->letter == 's')
		ret->size = 1;
	*args = at;
	most = MAX_BYTES / (ret->letter == 's' ? STRING_MAX : ret->size);
	if (ret->count && ret->count <= most)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "the count must be 1 to %u", most);
	return false;
}

typedef struct Reader {
	void *target;
	GdbPlace place;
	bool physical;
} Reader;

static size_t read_some(const Reader *reader, uint64_t addr, uint8_t *buf, size_t len)
{
	if (addr > UINT64_MAX - (len - 1))
		len = -addr;
	return reader->physical
		       ? kvm_target_ops.physical->read(reader->target, addr, buf, len, NULL)
		       : kvm_target_ops.memory->read(reader->target, reader->place, addr, buf, len,
						     NULL);
}

static void append_char(GString *out, uint8_t c)
{
	static const char named[] = "\n\r\t\\'";

	if (c && strchr(named, c))
		g_string_append_printf(out, "'\\%c'", "nrt\\'"[strchr(named, c) - named]);
	else if (g_ascii_isprint(c))
		g_string_append_printf(out, "'%c'", c);
	else
		g_string_append_printf(out, "'\\x%02x'", c);
}

/* Each size has a column wide enough for its largest value, as QEMU prints it. */
static void append_value(GString *out, const Format *format, const uint8_t *at)
{
	static const uint8_t octal[] = {3, 6, 0, 11, 0, 0, 0, 22};
	unsigned size = format->size, decimal = (size * 8 * 10 + 32) / 33;
	uint64_t value = 0;

	memcpy(&value, at, size);
	g_string_append_c(out, ' ');
	switch (format->letter) {
	case 'c':
		append_char(out, at[0]);
		break;
	case 'o':
		g_string_append_printf(out, "%#*" PRIo64, octal[size - 1], value);
		break;
	case 'u':
		g_string_append_printf(out, "%*" PRIu64, decimal, value);
		break;
	case 'd':
		g_string_append_printf(out, "%*" PRId64, decimal,
				       (int64_t)(value << (64 - size * 8)) >> (64 - size * 8));
		break;
	default:
		g_string_append_printf(out, "0x%0*" PRIx64, size * 2, value);
	}
}

static void dump_lines(const Reader *reader, const Format *format, uint64_t addr, GString *out)
{
	uint64_t left = format->count * format->size;
	size_t line = format->size == 1 && format->letter != 'c' ? 8 : 16;
	uint8_t buf[16];

	while (left) {
		size_t want = MIN(left, line), got;

		g_string_append_printf(out, "%016" PRIx64 ":", addr);
		got = read_some(reader, addr, buf, want) / format->size * format->size;
		for (size_t at = 0; at < got; at += format->size)
			append_value(out, format, buf + at);
		g_string_append(out, got < want ? " Cannot access memory\n" : "\n");
		if (got < want)
			return;
		addr += want;
		left -= want;
	}
}

static void dump_strings(const Reader *reader, const Format *format, uint64_t addr, GString *out)
{
	for (uint64_t i = 0; i < format->count; i++) {
		char buf[STRING_MAX];
		size_t got = read_some(reader, addr, (uint8_t *)buf, sizeof(buf));
		size_t n = strnlen(buf, got);
		g_autofree char *text = g_strndup(buf, n);
		g_autofree char *escaped = g_strescape(text, NULL);

		g_string_append_printf(out, "%016" PRIx64 ":", addr);
		if (!got) {
			g_string_append(out, " Cannot access memory\n");
			return;
		}
		g_string_append_printf(out, " \"%s\"%s\n", escaped, n == got ? "..." : "");
		addr += n + (n < got);
	}
}

static bool dump(Reader *reader, const char *args, GString *out, GError **error)
{
	Format format;
	uint64_t addr;

	if (!take_format(&args, &format, error) ||
	    !take_address(reader->target, reader->place, args, &addr, error))
		return false;
	if (format.letter == 's')
		dump_strings(reader, &format, addr, out);
	else
		dump_lines(reader, &format, addr, out);
	return true;
}

static bool dump_virtual(void *target, GdbPlace place, const char *args, GString *out,
			 GError **error)
{
	Reader reader = {target, place, false};

	return dump(&reader, args, out, error);
}

static bool dump_physical(void *target, GdbPlace place, const char *args, GString *out,
			  GError **error)
{
	Reader reader = {target, place, true};

	return dump(&reader, args, out, error);
}

const GdbMonitorCommand monitor_memory_commands[] = {
	{"x", "[/FMT] ADDR", "show memory; FMT: count, x o d u c s, b h w g", dump_virtual,
	 GDB_MONITOR_STOPPED},
	{"xp", "[/FMT] ADDR", "show guest-physical memory", dump_physical, GDB_MONITOR_ALWAYS},
	{"gva2gpa", "ADDR", "the guest-physical address of a virtual one", gva2gpa,
	 GDB_MONITOR_STOPPED},
	{"gpa2hva", "ADDR", "the address in this process of a guest-physical one", gpa2hva,
	 GDB_MONITOR_ALWAYS},
	{"gpa2hpa", "ADDR", "the host's physical address of a guest-physical one", gpa2hpa,
	 GDB_MONITOR_ALWAYS},
	{0},
};
