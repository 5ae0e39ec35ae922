/*
 * tests/test-corpus.c - replays the fuzzers' corpus with any compiler, so that what a fuzzer once
 * found stays fixed. With file names as arguments it replays these instead: a stand-alone driver.
 */
#include <gio/gio.h>

#define LLVMFuzzerTestOneInput fuzz_frame
#include "tests/fuzz-frame.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_command
#include "tests/fuzz-command.c"
#undef LLVMFuzzerTestOneInput

#define LLVMFuzzerTestOneInput fuzz_ax
#include "tests/fuzz-ax.c"
#undef LLVMFuzzerTestOneInput

typedef struct Corpus {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
} Corpus;

static const Corpus corpora[] = {{"frame", fuzz_frame}, {"command", fuzz_command}, {"ax", fuzz_ax}};

static bool replay(const Corpus *corpus, const char *path)
{
	g_autofree char *data = NULL;
	size_t len;

	if (!g_file_get_contents(path, &data, &len, NULL))
		return false;
	g_test_message("%s %s", corpus->name, path);
	corpus->run((const uint8_t *)data, len);
	return true;
}

static void test_corpus(gconstpointer data)
{
	const Corpus *corpus = data;
	g_autofree char *dir = g_test_build_filename(G_TEST_DIST, "corpus", corpus->name, NULL);
	g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
	const char *name;
	unsigned n = 0;

	if (!handle) {
		g_test_skip("no corpus beside the test: G_TEST_SRCDIR does not say where it is");
		return;
	}
	while ((name = g_dir_read_name(handle))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		n += replay(corpus, path);
	}
	g_assert_cmpuint(n, >, 0);
}

/* test-corpus frame|command|ax FILE... */
static int replay_files(int argc, char **argv)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(corpora); i++)
		for (int j = 2; j < argc && g_str_equal(argv[1], corpora[i].name); j++)
			if (!replay(&corpora[i], argv[j]))
				g_printerr("cannot read %s\n", argv[j]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && argv[1][0] != '-')
		return replay_files(argc, argv);
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(corpora); i++) {
		g_autofree char *path = g_strconcat("/corpus/", corpora[i].name, NULL);

		g_test_add_data_func(path, &corpora[i], test_corpus);
	}
	return g_test_run();
}
