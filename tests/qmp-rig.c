/*
 * tests/qmp-rig.c - see tests/qmp-rig.h.
 */
#include "tests/qmp-rig.h"

#include <elf.h>
#include <string.h>

QmpClient *qmp_join(Qmp *qmp, unsigned n)
{
	return qmp_client_new(test_connect_unix(kvm_gdb_operator_address(qmp->rig->gdb, n)));
}

/* A machine with both servers, and a client of the first. */
Qmp qmp_new(unsigned n, bool wait)
{
	Qmp qmp = {.rig = rig_new(n, wait), .dir = test_dir_new()};
	g_autofree char *where = g_strdup_printf("unix:%s/q", qmp.dir);
	g_autofree char *people = g_strdup_printf("unix:%s/m", qmp.dir);
	g_autoptr(GError) error = NULL;

	g_assert_true(kvm_gdb_listen_qmp(qmp.rig->gdb, where, &error));
	g_assert_true(kvm_gdb_listen_monitor(qmp.rig->gdb, people, &error));
	g_assert_no_error(error);
	start_all(qmp.rig);
	qmp.client = qmp_join(&qmp, 0);
	qmp_client_hello(qmp.client);
	return qmp;
}

void qmp_free(Qmp *qmp)
{
	qmp_client_free(qmp->client);
	test_run_for(NULL, 5);
	rig_free(qmp->rig);
	test_dir_remove(qmp->dir);
}

void expect_human(Qmp *qmp, const char *line, const char *expected)
{
	g_autofree char *text = qmp_client_human(qmp->client, line);

	g_assert_cmpstr(text, ==, expected);
}

char *dump_text(const char *file, const char *more)
{
	return g_strdup_printf("{\"execute\":\"dump-guest-memory\",\"arguments\":{\"paging\":false,"
			       "\"protocol\":\"file:%s\"%s}}",
			       file, more);
}

/* How many notes with registers the core has, and how much memory. */
void look_at_core(const char *file, unsigned *ret_notes, uint64_t *ret_memory)
{
	g_autofree char *bytes = NULL;
	const Elf64_Ehdr *ehdr;
	const Elf64_Phdr *phdr;
	gsize len;

	*ret_notes = 0;
	*ret_memory = 0;
	g_assert_true(g_file_get_contents(file, &bytes, &len, NULL));
	g_assert_cmpuint(len, >, sizeof(*ehdr));
	ehdr = (const Elf64_Ehdr *)bytes;
	phdr = (const Elf64_Phdr *)(bytes + ehdr->e_phoff);
	for (unsigned i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_LOAD)
			*ret_memory += phdr[i].p_filesz;
		else if (phdr[i].p_filesz)
			*ret_notes = memmem(bytes + phdr[i].p_offset, phdr[i].p_filesz, "TOY", 3)
					     ? 1
					     : 0;
	}
}
