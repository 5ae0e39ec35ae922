/*
 * guest/layout.c - offsets, sizes and addresses, by BTF or by VMCOREINFO.
 */
#include "guest/layout.h"

#include <stdlib.h>
#include <string.h>

/* The number behind "@what(@name)=" at the begin of a line of VMCOREINFO. */
static bool find_info(const LinuxKernel *kernel, const char *what, const char *name, int base,
		      uint64_t *ret)
{
	g_autofree char *key = g_strdup_printf("%s(%s)=", what, name);
	const char *at = kernel->vmcoreinfo;
	char *end;

	for (; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!g_str_has_prefix(at, key))
			continue;
		*ret = g_ascii_strtoull(at + strlen(key), &end, base);
		return end != at + strlen(key);
	}
	return false;
}

static bool find_small(const LinuxKernel *kernel, const char *what, const char *name, uint32_t *ret)
{
	uint64_t value;

	if (!find_info(kernel, what, name, 10, &value) || value >= LINUX_NO_FIELD)
		return false;
	*ret = value;
	return true;
}

bool linux_symbol(const LinuxKernel *kernel, const char *name, uint64_t *ret)
{
	/* Names of static variables may be there several times; VMCOREINFO knows the right one. */
	return find_info(kernel, "SYMBOL", name, 16, ret) ||
	       linux_symbols_find(kernel->symbols, name, ret);
}

bool linux_offset(const LinuxKernel *kernel, const char *type, const char *path, uint32_t *ret)
{
	g_autofree char *name = NULL;
	LinuxMember member;

	if (kernel->types && linux_types_member(kernel->types, type, path, &member)) {
		*ret = member.offset;
		return true;
	}
	name = g_strdup_printf("%s.%s", type, path);
	return find_small(kernel, "OFFSET", name, ret);
}

bool linux_size(const LinuxKernel *kernel, const char *type, uint32_t *ret)
{
	return (kernel->types && linux_types_size(kernel->types, type, ret)) ||
	       find_small(kernel, "SIZE", type, ret);
}

static bool find_field(const LinuxKernel *kernel, const LinuxField *field, uint32_t *ret)
{
	if (!field->paths[0])
		return linux_size(kernel, field->type, ret);
	for (unsigned i = 0; i < LINUX_FIELD_PATHS && field->paths[i]; i++)
		if (g_str_equal(field->paths[i], LINUX_OPTIONAL) ||
		    linux_offset(kernel, field->type, field->paths[i], ret))
			return true;
	return false;
}

bool linux_fields(const LinuxKernel *kernel, const LinuxField *fields, unsigned n, void *ret,
		  GError **error)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t value = LINUX_NO_FIELD;
		const char *path = fields[i].paths[0];

		if (!find_field(kernel, &fields[i], &value)) {
			g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT,
				    "the kernel does not say where struct %s%s%s is",
				    fields[i].type, path ? "." : "", path ? path : "");
			return false;
		}
		memcpy((char *)ret + fields[i].at, &value, sizeof(value));
	}
	return true;
}

/* A log may be full of them: g_string_append_printf() takes ten times as long. */
static void add_escaped(GString *out, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";
	const char text[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};

	g_string_append_len(out, text, sizeof(text));
}

void linux_text_add(GString *out, const char *text, size_t len)
{
	while (len) {
		gunichar c = g_utf8_get_char_validated(text, len);
		bool valid = c != (gunichar)-1 && c != (gunichar)-2;
		size_t step = valid ? g_utf8_next_char(text) - text : 1;

		if (valid && (g_unichar_isprint(c) || c == '\t'))
			g_string_append_len(out, text, step);
		else
			for (size_t i = 0; i < step; i++)
				add_escaped(out, text[i]);
		text += step;
		len -= step;
	}
}
