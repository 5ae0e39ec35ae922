/*
 * guest/dmesg.c - reads the kernel's log. Since Linux 5.10 it is struct printk_ringbuffer (see
 * kernel/printk/printk_ringbuffer.c there), before that records one after the other in log_buf.
 */
#include "guest/dmesg.h"

#include <inttypes.h>
#include <string.h>

#include "guest/layout.h"

#define TEXT_MAX (16u * 1024 * 1024)

/*
 * ---- Lines: from the last one on, so that no work is done for those that are too many ----
 *
 * @max: 0: any number. @full: nothing more is taken.
 */
typedef struct Log {
	GQueue lines; /* of char * */
	unsigned max;
	size_t bytes;
	bool full;
} Log;

/* It stands before all that were added. */
static void log_add_line(Log *log, uint64_t ns, const char *text, size_t len)
{
	g_autoptr(GString) line = g_string_new(NULL);

	g_string_printf(line, "[%5" PRIu64 ".%06" PRIu64 "] ", ns / 1000000000,
			ns % 1000000000 / 1000);
	linux_text_add(line, text, len);
	g_string_append_c(line, '\n');
	log->full = line->len > TEXT_MAX - log->bytes;
	if (log->full)
		return;
	log->bytes += line->len;
	g_queue_push_head(&log->lines, g_string_free(g_steal_pointer(&line), FALSE));
	log->full = log->lines.length == log->max;
}

/* One record, which may have several lines. */
static void log_add(Log *log, uint64_t ns, const char *text, size_t len)
{
	const char *end;

	if (len && text[len - 1] == '\n')
		len--;
	do {
		size_t start;

		end = memrchr(text, '\n', len);
		start = end ? end + 1 - text : 0;
		log_add_line(log, ns, text + start, len - start);
		len = end ? end - text : 0;
	} while (end && !log->full);
}

static void log_write(Log *log, GString *out)
{
	char *line;

	while ((line = g_queue_pop_head(&log->lines))) {
		g_string_append(out, line);
		g_free(line);
	}
}

static bool G_GNUC_PRINTF(2, 3) damaged(GError **error, const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED, "the kernel's log: %s", what);
	return false;
}

/* ---- Linux 5.10 and later ---- */

#define COUNT_BITS_MAX 20u
#define DATA_BITS_MAX 31u
/* An id and, above it, the state: of these two the text is whole. */
#define ID_MASK (UINT64_MAX >> 2)
#define STATE_COMMITTED 1u
#define STATE_FINALIZED 2u
/* A position with this bit is none: the text was lost, or the line is empty. */
#define NO_LPOS 1u
#define EMPTY_LPOS 3u
#define RECORD_TEXT_MAX 65536u

typedef struct RingFields {
	uint32_t descs_of, data_of;
	uint32_t count_bits, descs, infos, head_id, tail_id;
	uint32_t desc_size, state, blk, begin, next;
	uint32_t info_size, ns, text_len;
	uint32_t size_bits, data;
} RingFields;

#define AT(field) offsetof(RingFields, field)
static const LinuxField ring_fields[] = {
	{"printk_ringbuffer", {"desc_ring"}, AT(descs_of)},
	{"printk_ringbuffer", {"text_data_ring"}, AT(data_of)},
	{"prb_desc_ring", {"count_bits"}, AT(count_bits)},
	{"prb_desc_ring", {"descs"}, AT(descs)},
	{"prb_desc_ring", {"infos"}, AT(infos)},
	{"prb_desc_ring", {"head_id"}, AT(head_id)},
	{"prb_desc_ring", {"tail_id"}, AT(tail_id)},
	{"prb_desc", {NULL}, AT(desc_size)},
	{"prb_desc", {"state_var"}, AT(state)},
	{"prb_desc", {"text_blk_lpos"}, AT(blk)},
	{"prb_data_blk_lpos", {"begin"}, AT(begin)},
	{"prb_data_blk_lpos", {"next"}, AT(next)},
	{"printk_info", {NULL}, AT(info_size)},
	{"printk_info", {"ts_nsec"}, AT(ns)},
	{"printk_info", {"text_len"}, AT(text_len)},
	{"prb_data_ring", {"size_bits"}, AT(size_bits)},
	{"prb_data_ring", {"data"}, AT(data)},
};
#undef AT

typedef struct Ring {
	const LinuxMemory *memory;
	RingFields at;
	uint32_t count_bits, size_bits;
	uint64_t descs, infos, head, tail, data;
} Ring;

static bool read_ring(Ring *ring, uint64_t addr, GError **error)
{
	const LinuxMemory *memory = ring->memory;
	uint64_t descs = addr + ring->at.descs_of, data = addr + ring->at.data_of;

	if (!linux_read_u32(memory, descs + ring->at.count_bits, &ring->count_bits) ||
	    !linux_read_u64(memory, descs + ring->at.descs, &ring->descs) ||
	    !linux_read_u64(memory, descs + ring->at.infos, &ring->infos) ||
	    !linux_read_u64(memory, descs + ring->at.head_id, &ring->head) ||
	    !linux_read_u64(memory, descs + ring->at.tail_id, &ring->tail) ||
	    !linux_read_u32(memory, data + ring->at.size_bits, &ring->size_bits) ||
	    !linux_read_u64(memory, data + ring->at.data, &ring->data))
		return damaged(error, "memory at 0x%" PRIx64 " cannot be read", addr);
	if (ring->count_bits > COUNT_BITS_MAX || ring->size_bits > DATA_BITS_MAX)
		return damaged(error, "2^%u records in 2^%u bytes", ring->count_bits,
			       ring->size_bits);
	return true;
}

/*
 * Where a record's text is: behind the block's id. A block does not wrap: where it does not fit
 * at the end of the buffer, it is at the start.
 */
static bool find_text(const Ring *ring, uint64_t begin, uint64_t next, uint64_t *ret_addr,
		      uint64_t *ret_len)
{
	uint64_t size = 1ull << ring->size_bits, at = begin & (size - 1);
	uint64_t wraps = ((next - 1) >> ring->size_bits) - (begin >> ring->size_bits);
	uint64_t len = next - begin;

	if (wraps == 1) {
		at = 0;
		len = next & (size - 1);
	}
	if (wraps > 1 || len > size - at || len < sizeof(uint64_t))
		return false;
	*ret_addr = ring->data + at + sizeof(uint64_t);
	*ret_len = len - sizeof(uint64_t);
	return true;
}

static void read_text(const Ring *ring, uint64_t desc, uint64_t info, char *buf, Log *log)
{
	const LinuxMemory *memory = ring->memory;
	uint64_t blk = desc + ring->at.blk, begin, next, addr = 0, room = 0, ns;
	uint16_t len;

	if (!linux_read_u64(memory, blk + ring->at.begin, &begin) ||
	    !linux_read_u64(memory, blk + ring->at.next, &next) ||
	    !linux_read_u64(memory, info + ring->at.ns, &ns) ||
	    !linux_read(memory, info + ring->at.text_len, &len, sizeof(len)))
		return;
	if (begin & NO_LPOS ? begin != EMPTY_LPOS : !find_text(ring, begin, next, &addr, &room))
		return;
	len = MIN(GUINT16_FROM_LE(len), room);
	if (len && !linux_read(memory, addr, buf, len))
		return;
	log_add(log, ns, buf, len);
}

static void read_record(const Ring *ring, uint64_t id, char *buf, Log *log)
{
	uint64_t n = id & ((1ull << ring->count_bits) - 1), state;
	uint64_t desc = ring->descs + n * ring->at.desc_size;

	if (!linux_read_u64(ring->memory, desc + ring->at.state, &state) ||
	    (state & ID_MASK) != (id & ID_MASK))
		return;
	if (state >> 62 == STATE_COMMITTED || state >> 62 == STATE_FINALIZED)
		read_text(ring, desc, ring->infos + n * ring->at.info_size, buf, log);
}

static bool read_records(const LinuxKernel *kernel, uint64_t addr, Log *log, GError **error)
{
	Ring ring = {.memory = &kernel->memory};
	g_autofree char *buf = g_malloc(RECORD_TEXT_MAX);
	uint64_t n;

	if (!linux_fields(kernel, ring_fields, G_N_ELEMENTS(ring_fields), &ring.at, error) ||
	    !read_ring(&ring, addr, error))
		return false;
	n = ((ring.head - ring.tail) & ID_MASK) + 1;
	if (n > 1ull << ring.count_bits)
		return damaged(error, "%" PRIu64 " records where 2^%u fit", n, ring.count_bits);
	for (uint64_t i = 0; i < n && !log->full; i++)
		read_record(&ring, ring.head - i, buf, log);
	return true;
}

/* ---- Before: struct printk_log, one after the other ---- */

#define BUFFER_MAX (64u * 1024 * 1024)

typedef struct OldFields {
	uint32_t size, ns, len, text_len;
} OldFields;

#define AT(field) offsetof(OldFields, field)
static const LinuxField old_fields[] = {
	{"printk_log", {NULL}, AT(size)},
	{"printk_log", {"ts_nsec"}, AT(ns)},
	{"printk_log", {"len"}, AT(len)},
	{"printk_log", {"text_len"}, AT(text_len)},
};
#undef AT

static uint16_t get_u16(const uint8_t *at)
{
	uint16_t raw;

	memcpy(&raw, at, sizeof(raw));
	return GUINT16_FROM_LE(raw);
}

static bool read_old(const LinuxKernel *kernel, const char *name, uint32_t *ret, GError **error)
{
	uint64_t addr;

	if (linux_symbol(kernel, name, &addr) && linux_read_u32(&kernel->memory, addr, ret))
		return true;
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT, "the kernel's log: no %s", name);
	return false;
}

/*
 * Where each record is, from the first one on; a length of 0 is the end of the buffer, and they go
 * on at its start.
 */
static bool walk_old(const GByteArray *buf, const OldFields *at, uint32_t first, uint32_t next,
		     GArray *records, GError **error)
{
	uint32_t n = buf->len / MAX(at->size, 1) + 1;

	while (first != next && n--) {
		const uint8_t *record;
		uint16_t len, text_len;

		if (first > buf->len || buf->len - first < at->size)
			return damaged(error, "a record behind its end");
		record = buf->data + first;
		len = get_u16(record + at->len);
		text_len = get_u16(record + at->text_len);
		if (!len && first) {
			first = 0;
			continue;
		}
		if (len < at->size || len > buf->len - first || text_len > len - at->size)
			return damaged(error, "a record of %u bytes", len);
		g_array_append_val(records, first);
		first += len;
	}
	return true;
}

static void add_old(const GByteArray *buf, const OldFields *at, const GArray *records, Log *log)
{
	for (unsigned i = records->len; i && !log->full; i--) {
		const uint8_t *record = buf->data + g_array_index(records, uint32_t, i - 1);
		uint64_t ns;

		memcpy(&ns, record + at->ns, sizeof(ns));
		log_add(log, GUINT64_FROM_LE(ns), (const char *)record + at->size,
			get_u16(record + at->text_len));
	}
}

static bool read_old_records(const LinuxKernel *kernel, Log *log, GError **error)
{
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GByteArray) buf = NULL;
	uint32_t len, first, next;
	OldFields at;
	uint64_t addr;

	if (!linux_fields(kernel, old_fields, G_N_ELEMENTS(old_fields), &at, error) ||
	    !read_old(kernel, "log_buf_len", &len, error) ||
	    !read_old(kernel, "log_first_idx", &first, error) ||
	    !read_old(kernel, "log_next_idx", &next, error))
		return false;
	if (at.size < 16 || at.ns > at.size - 8 || at.len > at.size - 2 ||
	    at.text_len > at.size - 2)
		return damaged(error, "records of %u bytes", at.size);
	if (!linux_symbol(kernel, "log_buf", &addr) ||
	    !linux_read_u64(&kernel->memory, addr, &addr))
		return damaged(error, "no log_buf");
	buf = linux_read_block(&kernel->memory, addr, len, BUFFER_MAX, "the kernel's log", error);
	if (!buf || !walk_old(buf, &at, first, next, records, error))
		return false;
	add_old(buf, &at, records, log);
	return true;
}

static bool read_log(const LinuxKernel *kernel, Log *log, GError **error)
{
	uint64_t addr;

	if (linux_symbol(kernel, "prb", &addr) && linux_read_u64(&kernel->memory, addr, &addr))
		return read_records(kernel, addr, log, error);
	if (linux_symbol(kernel, "log_first_idx", &addr))
		return read_old_records(kernel, log, error);
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT,
		    "the kernel does not say where its log is%s",
		    kernel->vmcoreinfo ? "" : ", or not yet: it has no VMCOREINFO");
	return false;
}

bool linux_dmesg(const LinuxKernel *kernel, unsigned lines, GString *out, GError **error)
{
	Log log = {.lines = G_QUEUE_INIT, .max = lines};
	bool fine;

	fine = read_log(kernel, &log, error);
	if (fine)
		log_write(&log, out);
	g_queue_clear_full(&log.lines, g_free);
	return fine;
}
