/*
 * hw/dev/rtc.c - the MC146818 clock: the host's UTC time, until the guest sets another one, and 114
 * bytes of memory. No interrupt is raised.
 *
 * A guest that sets the clock holds it by REG_B_SET, writes one register after the other and lets
 * it go. Without that each write counts at once.
 */
#include "hw/dev/devices.h"

#include <time.h>

#define INDEX_MASK 0x7f /* bit 7 of the index port masks NMI on a PC; not modelled */
#define CMOS_SIZE 128

enum {
	SECONDS = 0x00,
	MINUTES = 0x02,
	HOURS = 0x04,
	DAY_OF_WEEK = 0x06,
	DAY_OF_MONTH = 0x07,
	MONTH = 0x08,
	YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	CENTURY = 0x32,
};

#define REG_A_32KHZ 0x26 /* time base 32.768 kHz, 1024 Hz; "update in progress" is never set */
#define REG_B_24H 0x02
#define REG_B_SET 0x80
#define REG_D_VALID 0x80

struct Rtc {
	GMutex lock;	/* everything below */
	int64_t offset; /* seconds that the guest's clock is ahead of the host's */
	bool held;	/* by REG_B_SET, at @time */
	struct tm time;
	uint8_t index;
	uint8_t memory[CMOS_SIZE];
};

Rtc *rtc_new(void)
{
	Rtc *rtc = g_new0(Rtc, 1);

	g_mutex_init(&rtc->lock);
	return rtc;
}

void rtc_free(Rtc *rtc)
{
	if (rtc == NULL)
		return;
	g_mutex_clear(&rtc->lock);
	g_free(rtc);
}

static uint8_t to_bcd(int value)
{
	return value / 10 % 10 << 4 | value % 10;
}

static int from_bcd(uint8_t value)
{
	return (value >> 4) * 10 + (value & 0x0f);
}

static struct tm get_time(const Rtc *rtc)
{
	time_t now = time(NULL) + rtc->offset;
	struct tm tm;

	if (rtc->held)
		return rtc->time;
	gmtime_r(&now, &tm);
	return tm;
}

/* timegm() takes what is out of range over to the next field. */
static void set_time(Rtc *rtc, struct tm *tm)
{
	if (rtc->held)
		rtc->time = *tm;
	else
		rtc->offset = timegm(tm) - time(NULL);
}

static void hold(Rtc *rtc, bool held)
{
	struct tm tm = get_time(rtc);

	if (held == rtc->held)
		return;
	rtc->held = held;
	set_time(rtc, &tm);
}

/* The day of the week follows from the date. */
static void write_register(Rtc *rtc, uint8_t byte)
{
	struct tm tm = get_time(rtc);
	int value = from_bcd(byte), year = tm.tm_year + 1900;

	rtc->memory[rtc->index] = byte;
	switch (rtc->index) {
	case SECONDS:
		tm.tm_sec = value;
		break;
	case MINUTES:
		tm.tm_min = value;
		break;
	case HOURS:
		tm.tm_hour = value;
		break;
	case DAY_OF_MONTH:
		tm.tm_mday = value;
		break;
	case MONTH:
		tm.tm_mon = value - 1;
		break;
	case YEAR:
		tm.tm_year = year / 100 * 100 + value - 1900;
		break;
	case CENTURY:
		tm.tm_year = value * 100 + year % 100 - 1900;
		break;
	case REG_B:
		hold(rtc, byte & REG_B_SET);
		return;
	default:
		return;
	}
	set_time(rtc, &tm);
}

static uint8_t read_register(const Rtc *rtc)
{
	struct tm tm = get_time(rtc);

	switch (rtc->index) {
	case SECONDS:
		return to_bcd(tm.tm_sec);
	case MINUTES:
		return to_bcd(tm.tm_min);
	case HOURS:
		return to_bcd(tm.tm_hour);
	case DAY_OF_WEEK:
		return to_bcd(tm.tm_wday + 1);
	case DAY_OF_MONTH:
		return to_bcd(tm.tm_mday);
	case MONTH:
		return to_bcd(tm.tm_mon + 1);
	case YEAR:
		return to_bcd(tm.tm_year % 100);
	case CENTURY:
		return to_bcd((tm.tm_year + 1900) / 100);
	case REG_A:
		return REG_A_32KHZ;
	case REG_B:
		return REG_B_24H | (rtc->held ? REG_B_SET : 0);
	case REG_C:
		return 0;
	case REG_D:
		return REG_D_VALID;
	default:
		return rtc->memory[rtc->index];
	}
}

void rtc_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset, void *data,
	    size_t len G_GNUC_UNUSED, bool is_write)
{
	Rtc *rtc = owner;
	uint8_t *byte = data;

	g_mutex_lock(&rtc->lock);
	if (offset == 0 && is_write)
		rtc->index = *byte & INDEX_MASK;
	else if (offset == 1 && is_write)
		write_register(rtc, *byte);
	else if (offset == 1)
		*byte = read_register(rtc);
	g_mutex_unlock(&rtc->lock);
}
