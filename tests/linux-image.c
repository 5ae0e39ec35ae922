/*
 * tests/linux-image.c - the tables of kallsyms, written as scripts/kallsyms.c of Linux does.
 */
#include "tests/linux-image.h"

#include <string.h>

const LinuxLayout linux_layouts[] = {
	{"4.19", 8, false, false, PERCPU, 8},
	{"5.10", 4, false, false, PERCPU, 8},
	{"6.1 arm64", 4, false, false, OFFSETS, 8},
	{"6.2", 4, true, false, PERCPU, 8},
	{"6.4", 4, false, true, PERCPU, 8},
	{"6.15", 4, false, true, OFFSETS, 8},
	{"without a base", 4, false, false, ADDRESSES, 8},
	{"without a base, 6.4", 4, false, true, ADDRESSES, 8},
	{"relative", 4, false, true, RELATIVE, 8},
	{"7.2", 4, false, true, RELATIVE, 4},
	{0},
};

/* What is written, and of what. */
typedef struct Writer {
	LinuxImage *image;
	const LinuxLayout *layout;
	uint64_t text;
	const LinuxImageSymbol *symbols;
	unsigned n;
} Writer;

static void put(const Writer *to, const void *data, size_t len)
{
	g_byte_array_append(to->image->bytes, data, len);
}

static void put_number(const Writer *to, uint64_t number, size_t size)
{
	number = GUINT64_TO_LE(number);
	put(to, &number, size);
}

static size_t align(LinuxImage *image, unsigned bytes)
{
	while (image->bytes->len % bytes)
		g_byte_array_append(image->bytes, (const uint8_t *)"", 1);
	return image->bytes->len;
}

/* Where the next table begins. */
static size_t begin(const Writer *to)
{
	return align(to->image, to->layout->align);
}

/* The tokens are the characters themselves, but 1: "sys_" and 2: "call". */
static void put_name(const Writer *to, const LinuxImageSymbol *symbol)
{
	const char *name = symbol->name;
	g_autoptr(GString) packed = g_string_new(NULL);

	g_string_append_c(packed, symbol->type);
	if (g_str_has_prefix(name, "sys_call")) {
		g_string_append(packed, "\1\2");
		name += strlen("sys_call");
	}
	g_string_append(packed, name);
	if (packed->len > 127) {
		put_number(to, (packed->len & 0x7f) | 0x80, 1);
		put_number(to, packed->len >> 7, 1);
	} else {
		put_number(to, packed->len, 1);
	}
	put(to, packed->str, packed->len);
}

static void put_names(const Writer *to)
{
	LinuxImage *image = to->image;
	g_autoptr(GArray) markers = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	image->number = begin(to);
	put_number(to, to->n, to->layout->align);
	image->names = image->bytes->len;
	for (unsigned n = 0; n < to->n; n++) {
		uint32_t at = image->bytes->len - image->names;

		if (n % 256 == 0)
			g_array_append_val(markers, at);
		put_name(to, &to->symbols[n]);
	}
	image->markers = begin(to);
	for (unsigned n = 0; n < markers->len; n++)
		put_number(to, g_array_index(markers, uint32_t, n), to->layout->marker_size);
	begin(to);
	for (unsigned n = 0; to->layout->order_between && n < to->n; n++)
		put_number(to, n, 3);
}

static void put_tokens(const Writer *to)
{
	LinuxImage *image = to->image;
	uint16_t index[256];

	image->tokens = begin(to);
	for (unsigned n = 0; n < 256; n++) {
		const char one[] = {n, '\0'};
		const char *token = n == 1 ? "sys_" : n == 2 ? "call" : one;

		index[n] = image->bytes->len - image->tokens;
		put(to, token, strlen(token) + 1);
	}
	image->index = begin(to);
	for (unsigned n = 0; n < 256; n++)
		put_number(to, index[n], 2);
}

static void put_offset(const Writer *to, uint64_t addr)
{
	bool is_percpu = to->layout->form == PERCPU && addr < to->text;
	const LinuxImage *image = to->image;

	if (to->layout->form == OFFSETS || is_percpu)
		put_number(to, addr - (is_percpu ? 0 : to->text), 4);
	else if (to->layout->form == PERCPU)
		put_number(to, to->text - 1 - addr, 4);
	else
		put_number(to, addr - (image->base + image->bytes->len), 4);
}

static void put_addresses(const Writer *to)
{
	to->image->addresses = begin(to);
	for (unsigned n = 0; n < to->n; n++) {
		if (to->layout->form == ADDRESSES)
			put_number(to, to->symbols[n].addr, 8);
		else
			put_offset(to, to->symbols[n].addr);
	}
	begin(to);
	if (to->layout->form == OFFSETS || to->layout->form == PERCPU)
		put_number(to, to->text, 8);
}

static size_t read_image(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const LinuxImage *image = opaque;
	size_t there;

	if (addr < image->base || addr - image->base >= image->bytes->len)
		return 0;
	there = MIN(len, image->bytes->len - (addr - image->base));
	memcpy(buf, image->bytes->data + (addr - image->base), there);
	return there;
}

LinuxImage *linux_image_new(uint64_t base, const LinuxLayout *layout, uint64_t text,
			    const LinuxImageSymbol *symbols, unsigned n)
{
	static const char other[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	LinuxImage *image = g_new0(LinuxImage, 1);
	const Writer to = {image, layout, text, symbols, n};

	image->bytes = g_byte_array_new();
	image->base = base;
	image->memory = (LinuxMemory){.read = read_image, .opaque = image};
	put(&to, other, sizeof(other)); /* digits that are no tokens */
	if (!layout->behind)
		put_addresses(&to);
	put_names(&to);
	put_tokens(&to);
	if (layout->behind)
		put_addresses(&to);
	return image;
}

uint64_t linux_image_append(LinuxImage *image, const void *data, size_t len)
{
	uint64_t addr = image->base + align(image, 8);

	g_byte_array_append(image->bytes, data, len);
	return addr;
}

void linux_image_free(LinuxImage *image)
{
	g_byte_array_unref(image->bytes);
	g_free(image);
}
