/*
 * tests/test-hw-devices.c - hw/dev/devices.h: the UART as a driver sees it, keyboard controller,
 * clock.
 */
#include <linux/serial_reg.h>
#include <string.h>
#include <time.h>

#include "hw/dev/devices.h"

/* An interrupt line that counts its rising edges. */
typedef struct Line {
	bool level;
	unsigned edges;
} Line;

static void set_line(void *opaque, unsigned irq, bool level)
{
	Line *line = opaque;

	g_assert_cmpuint(irq, ==, 4);
	line->edges += level && !line->level;
	line->level = level;
}

/* A UART, its interrupt, and what the other end got and allows. */
typedef struct Rig {
	Serial *serial;
	Line line;
	GString *sent;
	size_t room;
	unsigned wanted;
} Rig;

static size_t rig_room(void *opaque)
{
	return ((Rig *)opaque)->room;
}

static void rig_output(void *opaque, const uint8_t *data, size_t len)
{
	g_string_append_len(((Rig *)opaque)->sent, (const char *)data, len);
}

static void rig_wanted(void *opaque)
{
	((Rig *)opaque)->wanted++;
}

static Rig *rig_new(void)
{
	Rig *rig = g_new0(Rig, 1);
	SerialPeer peer = {rig_room, rig_output, rig_wanted, rig};

	rig->sent = g_string_new(NULL);
	rig->room = 1000;
	rig->serial = serial_new(&peer, (IrqLine){set_line, &rig->line, 4});
	return rig;
}

static void rig_free(Rig *rig)
{
	serial_free(rig->serial);
	g_string_free(rig->sent, TRUE);
	g_free(rig);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static void put(Rig *rig, unsigned reg, uint8_t value)
{
	serial_io(rig->serial, NULL, reg, &value, 1, true);
}

static uint8_t get(Rig *rig, unsigned reg)
{
	uint8_t value = 0xff;

	serial_io(rig->serial, NULL, reg, &value, 1, false);
	return value;
}

/* ---- Sending ---- */

static void test_transmit(void)
{
	g_autoptr(Rig) rig = rig_new();

	for (const char *c = "hello"; *c != 0; c++) {
		g_assert_true(get(rig, UART_LSR) & UART_LSR_THRE);
		put(rig, UART_TX, *c);
	}
	g_assert_cmpstr(rig->sent->str, ==, "hello");
	g_assert_cmpuint(rig->line.edges, ==, 0);
}

static void test_transmit_irq(void)
{
	g_autoptr(Rig) rig = rig_new();

	put(rig, UART_IER, UART_IER_THRI);
	g_assert_true(rig->line.level);
	g_assert_cmphex(get(rig, UART_IIR) & 0x0f, ==, UART_IIR_THRI);
	/* Reading IIR is the acknowledgement. */
	g_assert_false(rig->line.level);
	g_assert_cmphex(get(rig, UART_IIR) & 0x0f, ==, UART_IIR_NO_INT);
	/* A burst is one more edge, not one for each byte. */
	for (unsigned i = 0; i < 16; i++)
		put(rig, UART_TX, 'a');
	g_assert_cmpuint(rig->line.edges, ==, 2);
	g_assert_cmphex(get(rig, UART_IIR) & 0x0f, ==, UART_IIR_THRI);
	/* Drivers test a UART by enabling it again. */
	put(rig, UART_IER, 0);
	put(rig, UART_IER, UART_IER_THRI);
	g_assert_cmphex(get(rig, UART_IIR) & 0x0f, ==, UART_IIR_THRI);
}

static void test_back_pressure(void)
{
	g_autoptr(Rig) rig = rig_new();

	put(rig, UART_IER, UART_IER_THRI);
	get(rig, UART_IIR);
	rig->room = 15;
	put(rig, UART_TX, 'x');
	g_assert_false(get(rig, UART_LSR) & (UART_LSR_THRE | UART_LSR_TEMT));
	g_assert_false(rig->line.level);
	/* A guest that writes all the same loses nothing. */
	put(rig, UART_TX, 'y');
	g_assert_cmpstr(rig->sent->str, ==, "xy");
	rig->room = 1000;
	serial_room_changed(rig->serial);
	g_assert_true(rig->line.level);
	g_assert_true(get(rig, UART_LSR) & UART_LSR_THRE);
	g_assert_cmphex(get(rig, UART_IIR) & 0x0f, ==, UART_IIR_THRI);
	/* Room that did not lack is no event. */
	serial_room_changed(rig->serial);
	g_assert_false(rig->line.level);
}

/* ---- Receiving ---- */

static void listen(Rig *rig)
{
	put(rig, UART_FCR, UART_FCR_ENABLE_FIFO);
	put(rig, UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	put(rig, UART_IER, UART_IER_RDI);
}

static void test_receive(void)
{
	g_autoptr(Rig) rig = rig_new();

	listen(rig);
	g_assert_cmpuint(serial_input(rig->serial, (const uint8_t *)"ok", 2), ==, 2);
	g_assert_true(rig->line.level);
	g_assert_cmphex(get(rig, UART_IIR), ==, 0xc0 | UART_IIR_RDI);
	g_assert_true(get(rig, UART_LSR) & UART_LSR_DR);
	g_assert_cmpint(get(rig, UART_RX), ==, 'o');
	g_assert_true(rig->line.level);
	g_assert_cmpint(get(rig, UART_RX), ==, 'k');
	g_assert_false(rig->line.level);
	g_assert_false(get(rig, UART_LSR) & UART_LSR_DR);
}

/* What a driver does while it sets up does not eat what was typed before. */
static void test_receive_early(void)
{
	g_autoptr(Rig) rig = rig_new();

	serial_input(rig->serial, (const uint8_t *)"early", 5);
	put(rig, UART_IER, UART_IER_RDI); /* does it work? */
	g_assert_false(rig->line.level);
	put(rig, UART_IER, 0);
	put(rig, UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	put(rig, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	get(rig, UART_LSR);
	get(rig, UART_RX);
	put(rig, UART_IER, UART_IER_RDI);
	for (const char *c = "early"; *c != 0; c++)
		g_assert_cmpint(get(rig, UART_RX), ==, *c);
}

/* A guest without interrupts looks again and again. */
static void test_receive_polled(void)
{
	g_autoptr(Rig) rig = rig_new();
	unsigned polls = 0;

	put(rig, UART_MCR, UART_MCR_RTS);
	serial_input(rig->serial, (const uint8_t *)"p", 1);
	while (!(get(rig, UART_LSR) & UART_LSR_DR) && polls < 100)
		polls++;
	g_assert_cmpuint(polls, <, 100);
	g_assert_cmpint(get(rig, UART_RX), ==, 'p');
}

/* kgdb asserts nothing, and neither does the early console, which only waits until it can send. */
static void test_receive_polled_plainly(void)
{
	g_autoptr(Rig) rig = rig_new();

	serial_input(rig->serial, (const uint8_t *)"p", 1);
	rig->room = 0;
	for (unsigned i = 0; i < 100; i++)
		g_assert_false(get(rig, UART_LSR) & UART_LSR_DR);
	rig->room = 1000;
	put(rig, UART_TX, 'x');
	g_assert_false(get(rig, UART_LSR) & UART_LSR_DR);
	for (unsigned i = 0; i < 20; i++)
		get(rig, UART_LSR);
	g_assert_true(get(rig, UART_LSR) & UART_LSR_DR);
	g_assert_cmpint(get(rig, UART_RX), ==, 'p');
}

static void test_receive_much(void)
{
	enum { TOTAL = 200000 };
	g_autoptr(Rig) rig = rig_new();
	g_autofree uint8_t *data = g_malloc(TOTAL);
	size_t offered = 0, got = 0;

	for (size_t i = 0; i < TOTAL; i++)
		data[i] = i * 7;
	listen(rig);
	offered = serial_input(rig->serial, data, TOTAL);
	g_assert_cmpuint(offered, >, 0);
	g_assert_cmpuint(offered, <, TOTAL);
	while (got < TOTAL && get(rig, UART_LSR) & UART_LSR_DR) {
		g_assert_cmpint(get(rig, UART_RX), ==, data[got]);
		got++;
		if (rig->wanted == 0)
			continue;
		rig->wanted = 0;
		offered += serial_input(rig->serial, data + offered, TOTAL - offered);
	}
	g_assert_cmpuint(got, ==, TOTAL);
}

/* ---- Being probed ---- */

static void test_registers(void)
{
	g_autoptr(Rig) rig = rig_new();

	put(rig, UART_SCR, 0x5a);
	g_assert_cmphex(get(rig, UART_SCR), ==, 0x5a);
	put(rig, UART_IER, 0xff);
	g_assert_cmphex(get(rig, UART_IER), ==, 0x0f);
	put(rig, UART_IER, 0);
	/* The divisor is behind DLAB. */
	put(rig, UART_LCR, UART_LCR_DLAB);
	put(rig, UART_DLL, 0x12);
	put(rig, UART_DLM, 0x34);
	g_assert_cmphex(get(rig, UART_DLL), ==, 0x12);
	g_assert_cmphex(get(rig, UART_DLM), ==, 0x34);
	put(rig, UART_LCR, UART_LCR_WLEN8);
	g_assert_cmphex(get(rig, UART_LCR), ==, UART_LCR_WLEN8);
	g_assert_cmphex(get(rig, UART_IER), ==, 0);
	g_assert_cmpstr(rig->sent->str, ==, "");
	/* A 16550A says so when its FIFO is on. */
	g_assert_cmphex(get(rig, UART_IIR) & 0xc0, ==, 0);
	put(rig, UART_FCR, UART_FCR_ENABLE_FIFO);
	g_assert_cmphex(get(rig, UART_IIR) & 0xc0, ==, 0xc0);
}

static void test_loopback(void)
{
	g_autoptr(Rig) rig = rig_new();

	put(rig, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	g_assert_cmphex(get(rig, UART_MSR) & 0xf0, ==, UART_MSR_DCD | UART_MSR_CTS);
	put(rig, UART_TX, 'l');
	g_assert_true(get(rig, UART_LSR) & UART_LSR_DR);
	g_assert_cmpint(get(rig, UART_RX), ==, 'l');
	g_assert_cmpstr(rig->sent->str, ==, "");
	put(rig, UART_MCR, 0);
	g_assert_cmphex(get(rig, UART_MSR) & 0xf0, ==, UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
}

/* ---- i8042 ---- */

static void count_reset(void *opaque)
{
	++*(unsigned *)opaque;
}

static void command(I8042 *i8042, uint8_t value)
{
	i8042_command_io(i8042, NULL, 0, &value, 1, true);
}

static void data_out(I8042 *i8042, uint8_t value)
{
	i8042_data_io(i8042, NULL, 0, &value, 1, true);
}

/* The next byte for the guest; fails when the status says that there is none. */
static uint8_t answer(I8042 *i8042)
{
	uint8_t value = 0xff;

	i8042_command_io(i8042, NULL, 0, &value, 1, false);
	g_assert_true(value & 1);
	i8042_data_io(i8042, NULL, 0, &value, 1, false);
	return value;
}

static void test_i8042_reset(void)
{
	unsigned resets = 0;
	Line line = {0};
	I8042 *i8042 = i8042_new((IrqLine){set_line, &line, 4}, count_reset, &resets);

	command(i8042, 0xff); /* pulses nothing */
	g_assert_cmpuint(resets, ==, 0);
	command(i8042, 0xfe);
	g_assert_cmpuint(resets, ==, 1);
	command(i8042, 0xd1);
	data_out(i8042, 0x03);
	g_assert_cmpuint(resets, ==, 1);
	command(i8042, 0xd1);
	data_out(i8042, 0x02);
	g_assert_cmpuint(resets, ==, 2);
	i8042_free(i8042);
}

static void test_i8042_probe(void)
{
	unsigned resets = 0;
	Line line = {0};
	I8042 *i8042 = i8042_new((IrqLine){set_line, &line, 4}, count_reset, &resets);

	command(i8042, 0xaa);
	g_assert_cmphex(answer(i8042), ==, 0x55);
	command(i8042, 0xab);
	g_assert_cmphex(answer(i8042), ==, 0x00);
	command(i8042, 0x60);
	data_out(i8042, 0x45);
	command(i8042, 0x20);
	g_assert_cmphex(answer(i8042), ==, 0x45);
	g_assert_cmpuint(line.edges, ==, 1);
	g_assert_false(line.level);
	data_out(i8042, 0xff);
	g_assert_cmphex(answer(i8042), ==, 0xfa);
	g_assert_cmphex(answer(i8042), ==, 0xaa);
	/* One edge for each byte. */
	g_assert_cmpuint(line.edges, ==, 3);
	data_out(i8042, 0xf2);
	g_assert_cmphex(answer(i8042), ==, 0xfa);
	g_assert_cmphex(answer(i8042), ==, 0xab);
	g_assert_cmphex(answer(i8042), ==, 0x83);
	/* The argument of "set LEDs" is no command. */
	data_out(i8042, 0xed);
	g_assert_cmphex(answer(i8042), ==, 0xfa);
	data_out(i8042, 0xff);
	g_assert_cmphex(answer(i8042), ==, 0xfa);
	/* Bytes beyond its queue are dropped. */
	for (unsigned i = 0; i < 1000; i++)
		data_out(i8042, 0xf4);
	i8042_free(i8042);
}

/* ---- RTC ---- */

static uint8_t rtc_read(Rtc *rtc, uint8_t index)
{
	uint8_t value = 0;

	rtc_io(rtc, NULL, 0, &index, 1, true);
	rtc_io(rtc, NULL, 1, &value, 1, false);
	return value;
}

static unsigned from_bcd(uint8_t value)
{
	return (value >> 4) * 10 + (value & 0x0f);
}

static void test_rtc(void)
{
	Rtc *rtc = rtc_new();
	uint8_t index = 0x8f /* with the NMI bit */, value = 0xa5;
	time_t before, now = time(NULL);
	struct tm tm;

	/* Not across a second. */
	do {
		before = now;
		gmtime_r(&before, &tm);
		g_assert_cmpuint(from_bcd(rtc_read(rtc, 0x07)), ==, (unsigned)tm.tm_mday);
		value = rtc_read(rtc, 0x00);
		now = time(NULL);
	} while (now != before);
	g_assert_cmpuint(from_bcd(value), ==, (unsigned)tm.tm_sec);
	g_assert_cmpuint(from_bcd(rtc_read(rtc, 0x09)), ==, (unsigned)tm.tm_year % 100);
	g_assert_cmphex(rtc_read(rtc, 0x0a) & 0x80, ==, 0);
	g_assert_cmphex(rtc_read(rtc, 0x0d), ==, 0x80);
	value = 0xa5;
	rtc_io(rtc, NULL, 0, &index, 1, true);
	rtc_io(rtc, NULL, 1, &value, 1, true);
	g_assert_cmphex(rtc_read(rtc, 0x0f), ==, 0xa5);
	rtc_free(rtc);
}

static void rtc_write(Rtc *rtc, uint8_t index, uint8_t value)
{
	rtc_io(rtc, NULL, 0, &index, 1, true);
	rtc_io(rtc, NULL, 1, &value, 1, true);
}

static void set_1999(Rtc *rtc)
{
	rtc_write(rtc, 0x00, 0x30);
	rtc_write(rtc, 0x02, 0x59);
	rtc_write(rtc, 0x04, 0x23);
	rtc_write(rtc, 0x07, 0x31);
	rtc_write(rtc, 0x08, 0x12);
	rtc_write(rtc, 0x09, 0x99);
	rtc_write(rtc, 0x32, 0x19);
}

/* As hwclock -w does it by Linux' driver: hold the clock, write, let it go. */
static void test_rtc_set(void)
{
	Rtc *rtc = rtc_new();

	rtc_write(rtc, 0x0b, 0x82);
	g_assert_cmphex(rtc_read(rtc, 0x0b), ==, 0x82);
	set_1999(rtc);
	g_assert_cmphex(rtc_read(rtc, 0x00), ==, 0x30);
	rtc_write(rtc, 0x0b, 0x02);
	g_assert_cmphex(rtc_read(rtc, 0x0b), ==, 0x02);
	g_assert_cmphex(rtc_read(rtc, 0x00), >=, 0x30);
	g_assert_cmphex(rtc_read(rtc, 0x04), ==, 0x23);
	g_assert_cmphex(rtc_read(rtc, 0x06), ==, 6); /* a Friday */
	g_assert_cmphex(rtc_read(rtc, 0x07), ==, 0x31);
	g_assert_cmphex(rtc_read(rtc, 0x08), ==, 0x12);
	g_assert_cmphex(rtc_read(rtc, 0x09), ==, 0x99);
	g_assert_cmphex(rtc_read(rtc, 0x32), ==, 0x19);
	/* One register alone counts at once; what is no number of BCD does no harm. */
	rtc_write(rtc, 0x09, 0x98);
	g_assert_cmphex(rtc_read(rtc, 0x09), ==, 0x98);
	for (unsigned index = 0; index < 0x0a; index++)
		rtc_write(rtc, index, 0xff);
	rtc_read(rtc, 0x09);
	rtc_free(rtc);
}

/* ---- BREAK ---- */

/* As Linux' driver: LSR, then the byte; SysRq is the BREAK and the next key. */
static void test_break(void)
{
	g_autoptr(Rig) rig = rig_new();

	put(rig, UART_FCR, UART_FCR_ENABLE_FIFO);
	put(rig, UART_MCR, UART_MCR_RTS);
	put(rig, UART_IER, UART_IER_RDI | UART_IER_RLSI);
	g_assert_cmpuint(serial_input(rig->serial, (const uint8_t *)"ab", 2), ==, 2);
	serial_break(rig->serial);
	serial_break(rig->serial);
	g_assert_cmpuint(serial_input(rig->serial, (const uint8_t *)"t", 1), ==, 1);
	g_assert_cmphex(get(rig, UART_LSR) & (UART_LSR_BI | UART_LSR_DR), ==, UART_LSR_DR);
	g_assert_cmphex(get(rig, UART_RX), ==, 'a');
	g_assert_cmphex(get(rig, UART_RX), ==, 'b');
	g_assert_true(rig->line.level);
	g_assert_cmphex(get(rig, UART_IIR) & 0x0f, ==, UART_IIR_RLSI);
	g_assert_cmphex(get(rig, UART_LSR) & (UART_LSR_BI | UART_LSR_DR), ==,
			UART_LSR_BI | UART_LSR_DR);
	g_assert_cmphex(get(rig, UART_RX), ==, 0);
	g_assert_cmphex(get(rig, UART_LSR) & (UART_LSR_BI | UART_LSR_DR), ==, UART_LSR_DR);
	g_assert_cmphex(get(rig, UART_RX), ==, 't');
	g_assert_cmphex(get(rig, UART_LSR) & (UART_LSR_BI | UART_LSR_DR), ==, 0);
	g_assert_false(rig->line.level);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hw-serial/transmit", test_transmit);
	g_test_add_func("/hw-serial/transmit-interrupt", test_transmit_irq);
	g_test_add_func("/hw-serial/back-pressure", test_back_pressure);
	g_test_add_func("/hw-serial/receive", test_receive);
	g_test_add_func("/hw-serial/receive-before-driver", test_receive_early);
	g_test_add_func("/hw-serial/receive-polled", test_receive_polled);
	g_test_add_func("/hw-serial/receive-polled-plainly", test_receive_polled_plainly);
	g_test_add_func("/hw-serial/receive-much", test_receive_much);
	g_test_add_func("/hw-serial/registers", test_registers);
	g_test_add_func("/hw-serial/loopback", test_loopback);
	g_test_add_func("/hw-i8042/reset", test_i8042_reset);
	g_test_add_func("/hw-i8042/probe", test_i8042_probe);
	g_test_add_func("/hw-rtc/time-and-memory", test_rtc);
	g_test_add_func("/hw-rtc/set", test_rtc_set);
	g_test_add_func("/hw-serial/break", test_break);
	return g_test_run();
}
