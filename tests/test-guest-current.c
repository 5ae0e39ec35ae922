/*
 * tests/test-guest-current.c - owns the tests of guest/current.h: the sentences that the engine's
 * tests with a whole kernel do not reach.
 */
#include "guest/current.h"

#include <string.h>

#include "tests/test-util.h"

#define BASE 0xffffffff81000000ull
#define SIZE 0x10000u
#define BANNER 0x100u
#define INIT 0x200u
#define OFFSETS 0x8000u
#define AREA 0x9000u /* of CPU 1 */
#define CURRENT 0x40u
#define COMM 0x5a8u

static uint8_t image[SIZE];

static size_t read_image(void *opaque G_GNUC_UNUSED, uint64_t addr, void *buf, size_t len)
{
	if (addr < BASE || addr - BASE >= SIZE)
		return 0;
	len = MIN(len, SIZE - (addr - BASE));
	memcpy(buf, image + (addr - BASE), len);
	return len;
}

static const LinuxMemory memory = {.read = read_image};

static const LinuxPlaces places = {.at = {
					   [LINUX_BANNER] = BASE + BANNER,
					   [LINUX_INIT_TASK] = BASE + INIT,
					   [LINUX_CPU_OFFSETS] = BASE + OFFSETS,
					   [LINUX_CURRENT] = CURRENT,
				   }};

static void put(unsigned at, const char *text)
{
	memcpy(image + at, text, strlen(text) + 1);
}

static void put_word(unsigned at, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	memcpy(image + at, &value, sizeof(value));
}

static void set_up(void)
{
	memset(image, 0, sizeof(image));
	put(BANNER, "Linux version 6.1.0");
	put(INIT + COMM, "swapper/0");
	put_word(OFFSETS + 8, BASE + AREA);
	put_word(AREA + CURRENT, BASE + INIT);
}

static void test_banner(void)
{
	LinuxPlaces none = {0};

	set_up();
	g_assert_true(linux_places_fit(&places, &memory));
	g_assert_false(linux_places_fit(&none, &memory));
	put(BANNER, "Linus version 6.1.0");
	g_assert_false(linux_places_fit(&places, &memory));
}

static void test_current(void)
{
	LinuxPlaces hot = places;
	uint64_t task = 0;

	set_up();
	g_assert_true(linux_current_task(&places, &memory, 1, &task));
	g_assert_cmphex(task, ==, BASE + INIT);
	hot.at[LINUX_CURRENT] = 0;
	g_assert_false(linux_current_task(&hot, &memory, 1, &task));
	hot.at[LINUX_HOT] = CURRENT + 8;
	put_word(AREA + CURRENT + 8, 5);
	g_assert_true(linux_current_task(&hot, &memory, 1, &task));
	g_assert_cmphex(task, ==, 5);
	hot.at[LINUX_CPU_OFFSETS] = 0;
	g_assert_false(linux_current_task(&hot, &memory, 1, &task));
	/* CPU 0 has no area: there is nothing at its variable. */
	g_assert_false(linux_current_task(&places, &memory, 0, &task));
}

static void test_comm_offset(void)
{
	LinuxPlaces last = places;
	uint64_t offset = 0;

	set_up();
	g_assert_true(linux_comm_offset(&places, &memory, &offset));
	g_assert_cmphex(offset, ==, COMM);
	put(INIT + COMM, "swapper");
	g_assert_true(linux_comm_offset(&places, &memory, &offset));
	put(INIT + COMM, "swappers");
	g_assert_false(linux_comm_offset(&places, &memory, &offset));
	/* The memory ends behind the name. */
	memcpy(image + SIZE - 7, "swapper", 7);
	last.at[LINUX_INIT_TASK] = BASE + SIZE - 0x100;
	g_assert_false(linux_comm_offset(&last, &memory, &offset));
	last.at[LINUX_INIT_TASK] = 0;
	g_assert_false(linux_comm_offset(&last, &memory, &offset));
}

static void test_comm(void)
{
	char comm[LINUX_COMM_LEN];

	set_up();
	g_assert_true(linux_comm_read(&memory, BASE + INIT + COMM, comm));
	g_assert_cmpstr(comm, ==, "swapper/0");
	put(INIT + COMM, "fifteen-letters");
	g_assert_true(linux_comm_read(&memory, BASE + INIT + COMM, comm));
	put(INIT + COMM, "sixteen-letters!");
	g_assert_false(linux_comm_read(&memory, BASE + INIT + COMM, comm));
	put(INIT + COMM, "a\nb");
	g_assert_false(linux_comm_read(&memory, BASE + INIT + COMM, comm));
	g_assert_false(linux_comm_read(&memory, BASE + SIZE - 8, comm));
	g_assert_false(linux_comm_read(&memory, BASE, comm));
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"banner", test_banner},
		{"current", test_current},
		{"comm-offset", test_comm_offset},
		{"comm", test_comm},
		{0},
	};

	return test_main(argc, argv, "guest-current", cases);
}
