/*
 * guest/hash.h - hashes for tables of what the guest wrote. Pure.
 *
 * Who knows how a hash is made writes names that all have the same one, and a table of a million of
 * them takes hours. These are made with numbers that are other ones in each process (AT_RANDOM of
 * getauxval(3)), which the guest does not know.
 */
#ifndef VMGDB_GUEST_HASH_H
#define VMGDB_GUEST_HASH_H

#include <glib.h>

/* As g_str_hash() and g_int64_hash(): of a name, and of a number of 64 bits. */
guint linux_name_hash(gconstpointer name);
guint linux_number_hash(gconstpointer number);

#endif
