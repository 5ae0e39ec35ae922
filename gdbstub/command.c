/*
 * gdbstub/command.c - the tables of packets: finding the row, reading its arguments.
 */
#include "gdbstub/command.h"

#include <string.h>

static bool row_matches(const GdbCommand *row, GdbText *text)
{
	if (!gdb_text_word(text, row->name))
		return false;
	return row->match == GDB_MATCH_PREFIX || !gdb_text_left(text);
}

/* Is @row a better match than @best? Both match the same packet. */
static bool is_better(const GdbCommand *row, const GdbCommand *best)
{
	size_t length, best_length;

	if (!best)
		return true;
	length = strlen(row->name);
	best_length = strlen(best->name);
	if (length == best_length)
		return row->match == GDB_MATCH_WHOLE && best->match == GDB_MATCH_PREFIX;
	return length > best_length;
}

const GdbCommand *gdb_command_find(const GdbCommandTable *const *tables, const char *packet,
				   size_t len, GdbText *ret_args)
{
	const GdbCommand *best = NULL;
	char first = len ? packet[0] : 0;

	for (; *tables; tables++) {
		const GdbCommand *row = (*tables)->rows, *end = row + (*tables)->n_rows;

		for (; row < end; row++) {
			GdbText text = gdb_text(packet, len);

			/* So most rows are passed at once. */
			if (row->name[0] != first || !row_matches(row, &text))
				continue;
			if (is_better(row, best)) {
				best = row;
				*ret_args = text;
			}
		}
	}
	return best;
}

/* One piece of the schema; @next is the character after it. */
static bool parse_piece(char piece, char next, GdbText *text, GdbArgs *args)
{
	GdbArg *arg = &args->v[args->n];
	bool good;

	if (!strchr("xts*", piece))
		return gdb_text_char(text, piece);
	if (args->n == GDB_ARGS_MAX)
		return false;
	switch (piece) {
	case 'x':
		good = gdb_text_number(text, &arg->number);
		break;
	case 't':
		good = gdb_text_thread(text, &arg->thread);
		break;
	case 's':
		arg->text = gdb_text_until(text, next);
		good = true;
		break;
	default:
		arg->text = *text;
		text->at = text->end;
		good = true;
	}
	args->n += good;
	return good;
}

bool gdb_command_parse(const char *schema, GdbText text, GdbArgs *ret_args)
{
	ret_args->n = 0;
	for (; *schema; schema++) {
		if (*schema == '?') {
			if (!gdb_text_left(&text))
				return true;
			continue;
		}
		if (!parse_piece(schema[0], schema[1], &text, ret_args))
			return false;
	}
	return !gdb_text_left(&text);
}

static unsigned count_args(const char *schema)
{
	unsigned n = 0;

	for (; schema && *schema; schema++)
		n += strchr("xts*", *schema) != NULL;
	return n;
}

static unsigned count_equal(const GdbCommandTable *const *tables, const GdbCommand *row)
{
	unsigned n_equal = 0;

	for (; *tables; tables++) {
		for (unsigned n = 0; n < (*tables)->n_rows; n++)
			n_equal += (*tables)->rows[n].match == row->match &&
				   !strcmp((*tables)->rows[n].name, row->name);
	}
	return n_equal;
}

const char *gdb_command_shadowed(const GdbCommandTable *const *tables)
{
	for (const GdbCommandTable *const *table = tables; *table; table++) {
		for (unsigned n = 0; n < (*table)->n_rows; n++) {
			const GdbCommand *row = &(*table)->rows[n];

			if (count_equal(tables, row) > 1 || count_args(row->schema) > GDB_ARGS_MAX)
				return row->name;
		}
	}
	return NULL;
}
